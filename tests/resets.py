"""Patients with an account, reset links sent to them, and the mail server's word on those."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from portal import clock
from portal.accounts import resets
from portal.accounts.models import PortalAccount
from portal.accounts.recovery_models import PasswordReset
from portal.accounts.service import holder_of
from portal.extensions import db
from portal.mail import registry
from portal.mail.models import OutboxMessage, OutboxState
from portal.mail.registry import Outcome
from portal.people.models import Patient
from portal.tokens import RESET_LINK, link_token
from portal.transaction import atomic
from tests.doors import sign_up
from tests.factories import House, make_invitation, make_patient

NEW = "seven wet umbrellas by the door"


def make_active(
    app: Flask, house: House, *, username: str = "jenny.h", at: str = "127.0.0.1", **values: object
) -> Patient:
    """A patient who has signed up."""
    patient = make_patient(house, **values)
    sign_up(app, make_invitation(house, patient), username=username, at=at)
    return db.session.get_one(Patient, patient.id)


def account_of(patient: Patient) -> PortalAccount:
    db.session.rollback()
    account = holder_of(patient.id)
    assert account is not None
    return account


def send_reset(house: House, patient: Patient, *, accepted: bool = True) -> PasswordReset:
    """A fresh reset to the address on file."""
    newest = resets.newest_of([patient.id]).get(patient.id)
    reset = resets.send(
        patient=patient,
        replaces=newest.public_id if newest else "",
        expect_address=patient.email or "",
        by=house.hand,
        now=clock.now(),
    )
    if accepted:
        settle_reset_mail(reset)
    return reset


def settle_reset_mail(reset: PasswordReset, outcome: Outcome | None = None) -> None:
    """As if the mail server had answered."""
    outcome = outcome or Outcome(state=OutboxState.ACCEPTED)
    with atomic():
        message = mails_of(reset)[-1]
        message.state = outcome.state.value
        message.attempts += 1
        registry.tell(message, outcome, now=clock.now())


def mails_of(reset: PasswordReset) -> list[OutboxMessage]:
    query = (
        select(OutboxMessage)
        .where(OutboxMessage.purpose == resets.PURPOSE, OutboxMessage.subject_id == reset.id)
        .order_by(OutboxMessage.id)
    )
    return list(db.session.scalars(query))


def path_of(reset: PasswordReset) -> str:
    """The path of the reset's link."""
    return f"/r/{link_token(reset.nonce, purpose=RESET_LINK)}"
