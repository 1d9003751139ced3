"""The home page of an account (8.10): what is built, and nothing else."""

from __future__ import annotations

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import logout_user

from portal import clock
from portal.accounts import email_codes
from portal.accounts import service as accounts
from portal.accounts.service import Held
from portal.errors import NotFound, Refused
from portal.patients import blueprint, presenters, wording
from portal.patients.appointment_cards import appointments_card
from portal.patients.confirmations import confirmations
from portal.patients.forms import ConfirmEmailForm
from portal.patients.views.log_on import no_chart
from portal.web import signed_on


@blueprint.get("/home")
def home() -> ResponseReturnValue:
    """Greeting, people, account."""
    return _page(ConfirmEmailForm())


@blueprint.post("/home/confirm-email")
def confirm_email() -> ResponseReturnValue:
    """The code came back: of the account's own address (8.3), or of a person's on file (3.7)."""
    form = ConfirmEmailForm()
    held = _person(form)
    if not form.validate():
        return _page(form, status=422)
    try:
        email_codes.confirm(
            account=signed_on.account_on(),
            code=form.digits(),
            by=signed_on.account_hand(),
            now=clock.now(),
            patient=held.patient if held else None,
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
    held = _person(ConfirmEmailForm())
    people = accounts.people_of(account, now=now)
    if held is not None:
        patient = held.patient
        email_codes.resend(
            account=account, practice_id=patient.practice_id, now=now, patient=patient
        )
        flash(str(wording.CODE_SENT), "info")
    elif people:
        email_codes.resend(account=account, practice_id=people[0].patient.practice_id, now=now)
        flash(str(wording.CODE_SENT), "info")
    return redirect(url_for("patients.home"), code=303)


def _person(form: ConfirmEmailForm) -> Held | None:
    """Whose address on file the form is about; None for the account's own address.

    Raises:
        NotFound: nobody whose chart this account may read.
    """
    if not form.person.data:
        return None
    for held in accounts.people_of(signed_on.account_on(), now=clock.now()):
        if held.patient.public_id == form.person.data:
            return held
    raise NotFound("person")


def page_with(*, status: int) -> ResponseReturnValue:
    """The home page as the answer to something else that was asked."""
    return _page(ConfirmEmailForm(formdata=None), status=status)


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
        confirmations=confirmations(account, people, form, now=now),
        people=cards,
        appointments=[
            appointments_card(held, alone=len(people) == 1, now=now)
            for held in people
            if held.patient.practice.portal_appointments
        ],
        practice=practices[0] if len(practices) == 1 else None,
    )
    return page, status
