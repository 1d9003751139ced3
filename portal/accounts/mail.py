"""Mails about an account: the notice that one was set up (8.5), and the code that confirms an address (8.3)."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.access.models import Grant
from portal.accounts import email_codes
from portal.accounts.models import EmailConfirmation
from portal.accounts.sign_up import NOTICE
from portal.audit.actor import system
from portal.extensions import db
from portal.mail import registry
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.people import bounces
from portal.people.mail import write
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.practices.models import Practice


@registry.composer(NOTICE)
def compose_notice(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """To the address on file, without content: "If this was not you, call …"."""
    grant = db.session.get(Grant, message.subject_id)
    if grant is None:
        return None
    patient = db.session.get_one(Patient, grant.patient_id)
    return write(NOTICE, patient.practice, hello_name=hello_name(patient))


@registry.on_return(NOTICE)
def record_return(*, message: OutboxMessage, reading: Reading, now: datetime) -> None:
    """The address on file does not work any more: staff see it at the chart (1.2)."""
    grant = db.session.get(Grant, message.subject_id)
    if grant is None or reading.meaning is not Meaning.HARD or not reading.reason:
        return
    bounces.record(
        access.lock_patient(grant.patient_id),
        address_key=message.address_key,
        reason=reading.reason.value,
        by=system("Mail"),
        now=now,
    )


@registry.composer(email_codes.PURPOSE)
def compose_code(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The code, while it is the one that the account waits for. No name: the address is not proven to be theirs."""
    confirmation = db.session.get(EmailConfirmation, message.subject_id)
    if confirmation is None or not _open(confirmation, now=now):
        return None
    practice = db.session.get_one(Practice, confirmation.practice_id)
    return write(email_codes.PURPOSE, practice, code=email_codes.code_of(confirmation))


@registry.wanted(email_codes.PURPOSE)
def code_is_wanted(message: OutboxMessage, *, now: datetime) -> bool:
    """Whether a newer code, or the right answer, has overtaken it."""
    confirmation = db.session.get(EmailConfirmation, message.subject_id)
    return confirmation is not None and _open(confirmation, now=now)


def _open(confirmation: EmailConfirmation, *, now: datetime) -> bool:
    return confirmation.ended_at is None and now < confirmation.expires_at
