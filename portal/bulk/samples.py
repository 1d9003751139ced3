"""What the mails of a run will look like, before any is written; and one to the person who asks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

from flask_babel import force_locale

from portal import clock
from portal.bulk.facts import judged
from portal.bulk.preview import Scope, moment_of
from portal.bulk.states import RunKind
from portal.extensions import db
from portal.invitations import mail as invitation_mail
from portal.invitations.rules import last_day
from portal.mail import registry, unsubscribe
from portal.mail import service as mail
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.practices.models import Practice, StaffMember
from portal.transaction import atomic

TEST = "invitation_test"
SAMPLES = 3
_NO_LINK = "…"
"""Stands where the link of the mail will stand: it exists when the invitation does."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One mail, word for word but for its link."""

    address: str
    language: str
    mail: Composed


def samples(scope: Scope, *, now: datetime) -> list[Sample]:
    """The mails of the first whom the run would reach."""
    practice = scope.staff.practice
    each = scope.narrow(
        judged(RunKind.INVITE, staff=scope.staff, at=moment_of(practice, now)), whole=False
    ).subquery()
    numbers = db.session.scalars(
        each.select()
        .with_only_columns(each.c.patient_id)
        .where(each.c.reason.is_(None))
        .limit(SAMPLES)
    ).all()
    patients = (db.session.get_one(Patient, number) for number in numbers)
    return [_sample(patient, practice, until=_until(practice, now)) for patient in patients]


def send_test(staff: StaffMember, *, now: datetime) -> None:
    """The mail to the staff member's own address, marked as a test; its link leads nowhere."""
    with atomic():
        mail.enqueue(
            practice_id=staff.practice_id,
            purpose=TEST,
            subject_id=staff.id,
            address=staff.email,
            language=staff.practice.default_language,
            now=now,
        )


@registry.composer(TEST)
def compose_test(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """No patient stands in it."""
    staff = db.session.get(StaffMember, message.subject_id)
    if staff is None or staff.ended_at is not None:
        return None
    written = invitation_mail.letter(
        staff.practice,
        hello_name=staff.name,
        link=invitation_mail.link_of("test"),
        last_day=_until(staff.practice, now),
        unsubscribe_link=unsubscribe.address("test"),
    )
    return replace(written, subject=f"TEST: {written.subject}")


def _sample(patient: Patient, practice: Practice, *, until: date) -> Sample:
    language = patient.language or practice.default_language
    with force_locale(language):
        written = invitation_mail.letter(
            practice,
            hello_name=hello_name(patient),
            link=invitation_mail.link_of(_NO_LINK),
            last_day=until,
            unsubscribe_link=unsubscribe.address(_NO_LINK),
        )
    return Sample(patient.email or "", language, written)


def _until(practice: Practice, now: datetime) -> date:
    return last_day(clock.local_date(now, practice.time_zone), practice.invitation_days)
