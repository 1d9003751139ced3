"""Logging on and off."""

from __future__ import annotations

from datetime import datetime

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from portal import clock
from portal.addresses import email_key
from portal.errors import Refused
from portal.limits import service as limits
from portal.practices import service as practices
from portal.staff import blueprint
from portal.staff.forms.log_on import LogOnForm
from portal.staff.wording import minutes
from portal.web import signed_on
from portal.web.places import safe_path
from portal.web.security import client_address


@blueprint.route("/login", methods=["GET", "POST"])
def log_on() -> ResponseReturnValue:
    """By email and password; the same words for an unknown address and a wrong password."""
    form = LogOnForm(next=request.args.get("next"))
    if not form.is_submitted() and current_user.is_authenticated:
        return redirect(url_for("staff.home"), code=303)
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    now, client = clock.now(), client_address()
    try:
        token = practices.log_on(
            email=form.email.data or "", password=form.password.data or "", client=client, now=now
        )
    except Refused as refused:
        return _refused(form, refused, now=now)
    signed_on.remember(token)
    return redirect(_next(form) or url_for("staff.home"), code=303)


@blueprint.post("/logout")
def log_off() -> ResponseReturnValue:
    """Dead on the server first, then forgotten by the browser (ASVS 7.4.1, 14.3.1)."""
    signed_on.forget()
    response = redirect(url_for("staff.log_on"), code=303)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _next(form: LogOnForm) -> str | None:
    return safe_path(form.next.data, below="/staff/")


def _refused(form: LogOnForm, refused: Refused, *, now: datetime) -> ResponseReturnValue:
    if refused.code != "wait":
        form.form_errors.append(_("The email or the password is wrong. Check both, and try again."))
        return _page(form), 422
    until = limits.logon_blocked_until(
        scope=practices.SCOPE,
        subject=email_key(form.email.data or ""),
        client=client_address(),
        now=now,
    )
    seconds = (until - now).total_seconds() if until else 0.0
    wait = minutes(seconds)
    form.form_errors.append(_("Too many wrong tries. Wait %(time)s, then try again.", time=wait))
    return _page(form), 429, {"Retry-After": str(int(seconds) + 1)}


def _page(form: LogOnForm) -> str:
    return render_template("staff/pages/log_on.html", form=form)
