"""Logging on and off (8.9)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from portal import clock
from portal.accounts import service as accounts
from portal.accounts.models import PortalAccount
from portal.errors import Refused
from portal.patients import blueprint, presenters, wording
from portal.patients.forms import LogOnForm
from portal.web import cookies, signed_on
from portal.web.places import safe_path
from portal.web.security import client_address


@blueprint.route("/login", methods=["GET", "POST"])
def log_on() -> ResponseReturnValue:
    """By username, or by an email address that one account has confirmed."""
    form = LogOnForm()
    if not form.is_submitted() and current_user.is_authenticated:
        return redirect(url_for("patients.home"), code=303)
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    try:
        account = accounts.authenticate(
            identifier=form.identifier.data,
            password=form.password.data,
            client=client_address(),
            now=clock.now(),
        )
        return _log_on(account)
    except Refused as refused:
        form.form_errors.append(wording.LOG_ON[refused.code])
        return _page(form), 429 if refused.code == "wait" else 422


@blueprint.post("/logout")
def log_off() -> ResponseReturnValue:
    """Dead on the server first, then forgotten by the browser (ASVS 7.4.1, 14.3.1)."""
    signed_on.forget()
    flash(str(wording.LOGGED_OUT), "success")
    return clear_browser(redirect(url_for("patients.front"), code=303))


def clear_browser(response: BaseResponse) -> BaseResponse:
    """Have the browser drop what it kept of the pages of a log-on."""
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def no_chart(account: PortalAccount) -> ResponseReturnValue:
    """The password is right, but no chart is open: end-dated, deceased, disabled (10.1)."""
    practices = [link.patient.practice for link in account.people if link.ended_at is None]
    cards = presenters.practice_cards(practices)
    return render_template("patients/pages/no_chart.html", practices=cards), 403


def _log_on(account: PortalAccount) -> ResponseReturnValue:
    try:
        token = accounts.log_on(account=account, client=client_address(), now=clock.now())
    except Refused as refused:
        if refused.code != "no_chart":
            raise
        return no_chart(account)
    if current_user.is_authenticated:
        signed_on.forget()
    signed_on.remember(token)
    response = redirect(_next() or url_for("patients.home"), code=303)
    if cookies.LANGUAGE not in request.cookies:
        cookies.remember_language(response, account.language)
    return response


def _next() -> str | None:
    return safe_path(request.args.get("next"))


def _page(form: LogOnForm) -> str:
    return render_template("patients/pages/log_on.html", form=form, next=_next(), log_in_url=None)
