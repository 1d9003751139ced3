"""Mails about a chart: what all of them share, and the two that a changed email address sends (3.7)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _

from portal.audit.actor import system
from portal.extensions import db
from portal.mail import registry, templates
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.people import bounces, rules
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.practices.models import Practice

CHANGED_OLD = "email_changed_old"
CHANGED_NEW = "email_changed_new"


def write(name: str, practice: Practice, **values: str | None) -> Composed:
    """The mail ``name`` on the practice's paper, in the current language."""
    phone = rules.format_phone(practice.phone, practice.country) if practice.phone else None
    sender = practice.sender_name or _(
        "%(practice)s via the patient portal", practice=practice.name
    )
    on_paper = {"practice_name": practice.name, "practice_phone": phone}
    return templates.fill(name, on_paper | values, from_name=sender)


@registry.composer(CHANGED_OLD)
@registry.composer(CHANGED_NEW)
def compose_change(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """To the old or the new address, without content."""
    patient = db.session.get(Patient, message.subject_id)
    if patient is None:
        return None
    return write(message.purpose, patient.practice, hello_name=hello_name(patient))


@registry.on_return(CHANGED_OLD)
@registry.on_return(CHANGED_NEW)
def record_return(*, message: OutboxMessage, reading: Reading, now: datetime) -> None:
    """The new address does not work; that of the old one is no news."""
    patient = db.session.get(
        Patient, message.subject_id, with_for_update={"of": Patient}, populate_existing=True
    )
    if patient is not None and reading.meaning is Meaning.HARD and reading.reason:
        bounces.record(
            patient,
            address_key=message.address_key,
            reason=reading.reason.value,
            by=system("Mail"),
            now=now,
        )
