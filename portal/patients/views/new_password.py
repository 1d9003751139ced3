"""A password of one's own in place of the one from the desk: all that such a log-on can reach (3.5)."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.accounts import desk
from portal.errors import Refused
from portal.patients import blueprint, wording
from portal.patients.forms import NewPasswordForm
from portal.patients.views.log_on import no_chart
from portal.web import signed_on
from portal.web.security import client_address


@blueprint.route("/new-password", methods=["GET", "POST"])
def new_password() -> ResponseReturnValue:
    """Who has a password of their own already is at home."""
    account = signed_on.account_on()
    if not desk.must_choose(account):
        return redirect(url_for("patients.home"), code=303)
    practices = [link.patient.practice.name for link in account.people if link.ended_at is None]
    form = NewPasswordForm(known=(account.username, account.first_name, account.email, *practices))
    if not form.validate_on_submit():
        return _page(form), 422 if form.is_submitted() else 200
    try:
        token = desk.choose_password(
            account=account,
            password=form.password.data,
            client=client_address(),
            now=clock.now(),
        )
    except Refused as refused:
        if refused.code != "same":
            return no_chart(account)
        form.password.errors = [str(wording.SAME_PASSWORD)]
        return _page(form), 422
    signed_on.remember(token)
    flash(str(wording.PASSWORD_CHOSEN), "success")
    return redirect(url_for("patients.home"), code=303)


def _page(form: NewPasswordForm) -> str:
    return render_template("patients/pages/new_password.html", form=form)
