"""What the mails of a run will look like, before any is written; and one to the person who asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from portal.bulk.facts import judged
from portal.bulk.preview import Scope, moment_of
from portal.bulk.states import RunKind
from portal.extensions import db
from portal.invitations import mail as invitation_mail
from portal.invitations.issuing import good_until
from portal.invitations.specimen import Specimen, specimen
from portal.mail import registry, unsubscribe
from portal.mail import service as mail
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.people.models import Patient
from portal.practices.models import StaffMember
from portal.transaction import atomic

TEST = "invitation_test"
SAMPLES = 3


def samples(scope: Scope, *, now: datetime) -> list[Specimen]:
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
    return [specimen(patient, unasked=True, now=now) for patient in patients]


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
        last_day=good_until(staff.practice, now=now),
        unsubscribe_link=unsubscribe.address("test"),
    )
    return replace(written, subject=f"TEST: {written.subject}")
