"""The home page of an account (8.10): what is built, and nothing else."""

from __future__ import annotations

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import logout_user

from portal import clock
from portal.accounts import email_codes
from portal.accounts import service as accounts
from portal.errors import Refused
from portal.patients import blueprint, presenters, wording
from portal.patients.forms import ConfirmEmailForm
from portal.patients.views.log_on import no_chart
from portal.web import signed_on


@blueprint.get("/home")
def home() -> ResponseReturnValue:
    """Greeting, people, account."""
    return _page(ConfirmEmailForm())


@blueprint.post("/home/confirm-email")
def confirm_email() -> ResponseReturnValue:
    """The code came back (8.3)."""
    form = ConfirmEmailForm()
    if not form.validate():
        return _page(form, status=422)
    try:
        email_codes.confirm(
            account=signed_on.account_on(),
            code=form.digits(),
            by=signed_on.account_hand(),
            now=clock.now(),
        )
    except Refused as refused:
        form.code.errors = [str(wording.EMAIL_CODES[refused.code])]
        return _page(form, status=422)
    flash(str(wording.EMAIL_CONFIRMED), "success")
    return redirect(url_for("patients.home"), code=303)


@blueprint.post("/home/resend-code")
def resend_code() -> ResponseReturnValue:
    """Another code; beyond the limit the same answer and no mail."""
    account = signed_on.account_on()
    now = clock.now()
    people = accounts.people_of(account, now=now)
    if people:
        email_codes.resend(account=account, practice_id=people[0].patient.practice_id, now=now)
        flash(str(wording.CODE_SENT), "info")
    return redirect(url_for("patients.home"), code=303)


def _page(form: ConfirmEmailForm, *, status: int = 200) -> ResponseReturnValue:
    account = signed_on.account_on()
    now = clock.now()
    people = accounts.people_of(account, now=now)
    if not people:
        # the browser forgets; the log-on itself is ended by the sweep, since a GET changes none
        logout_user()
        session.clear()
        return no_chart(account)
    cards = [presenters.person_card(held) for held in people]
    practices = list(dict.fromkeys(card.practice for card in cards))
    page = render_template(
        "patients/pages/home.html",
        account=account,
        form=form,
        people=cards,
        practice=practices[0] if len(practices) == 1 else None,
        code_open=email_codes.open_confirmation(account, now=now) is not None,
    )
    return page, status
