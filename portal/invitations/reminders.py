"""The reminder before an invitation expires (6.3): one mail for each invitation, with the same link."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from sqlalchemy import exists, select, tuple_, update

from portal.access.models import Grant
from portal.audit import service as audit
from portal.audit.actor import system
from portal.extensions import db
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.returns import REMINDER
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail import service as mail
from portal.mail.rules import MailKind
from portal.people.models import BlockedAddress, Patient
from portal.practices.models import Practice
from portal.settings import settings
from portal.transaction import atomic

LEAST_AGE = timedelta(days=1)
"""An invitation that is younger is not reminded of: a life of two days would bring two mails at once."""
BATCH = 100
SWEEP = system("Reminder")


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a sweep has come: the index is walked once."""

    expires_at: datetime
    id: int


def remind_due(now: datetime) -> int:
    """The sweep: put the reminders that are due into the outbox; returns how many.

    Batch after batch, for a third of the sweep's interval, so that it does not hold up its other tasks; what is
    left is found by the next one.
    """
    until = time.monotonic() + settings().sweep_interval / 3
    return sum(
        _walk(practices, until=until, last=now + timedelta(days=days), now=now)
        for days, practices in _by_days().items()
        if days > 0
    )


def _by_days() -> dict[int, list[int]]:
    """The practices by their setting; most share one, so that one walk finds the reminders of many."""
    found: dict[int, list[int]] = {}
    query = select(Practice.reminder_days, Practice.id).order_by(Practice.id)
    for days, practice_id in db.session.execute(query):
        found.setdefault(days, []).append(practice_id)
    db.session.rollback()
    return found


def _walk(practices: Sequence[int], *, until: float, last: datetime, now: datetime) -> int:
    place = _Place(now, 0)
    sent = 0
    while time.monotonic() < until:
        found = _due(place, practices, last=last, now=now)
        db.session.rollback()
        for practice_id, rows in groupby(sorted(found), key=lambda row: row[0]):
            sent += _remind(practice_id, [row[2] for row in rows], now=now)
        if len(found) < BATCH:
            break
        place = max(
            (_Place(row[1], row[2]) for row in found), key=lambda at: (at.expires_at, at.id)
        )
    return sent


def _due(
    place: _Place, practices: Sequence[int], *, last: datetime, now: datetime
) -> list[tuple[int, datetime, int]]:
    """Practice, end and id of the next invitations whose owners are to be reminded, in the order of their ends."""
    rows = db.session.execute(
        select(Invitation.practice_id, Invitation.expires_at, Invitation.id)
        .join(Patient, Patient.id == Invitation.patient_id)
        .join(Grant, Grant.id == Invitation.grant_id)
        .where(
            Invitation.state == InvitationState.LIVE.value,
            Invitation.reminded_at.is_(None),
            tuple_(Invitation.expires_at, Invitation.id) > tuple_(place.expires_at, place.id),
            Invitation.expires_at <= last,
            # "+ 0": a planner must not take the index of all invitations of a practice for this
            (Invitation.practice_id + 0).in_(practices),
            Invitation.issued_at <= now - LEAST_AGE,
            Grant.ended_at.is_(None),
            Grant.activated_at.is_(None),
            Grant.existing_account_since.is_(None),
            Patient.opted_out_at.is_(None),
            Patient.email_bounced_at.is_(None),
            Patient.deceased.is_(False),
            ~exists().where(
                BlockedAddress.patient_id == Patient.id,
                BlockedAddress.email_key == Patient.email_key,
            ),
        )
        .order_by(Invitation.expires_at, Invitation.id)
        .limit(BATCH)
    )
    return [(practice_id, expires_at, number) for practice_id, expires_at, number in rows]


def _remind(practice_id: int, numbers: Sequence[int], *, now: datetime) -> int:
    """One commit for those of one practice. Of several workers each invitation falls to one: the UPDATE decides."""
    with atomic():
        free = db.session.scalars(
            select(Invitation.id)
            .where(Invitation.id.in_(numbers), *_WAITS)
            .order_by(Invitation.id)
            .with_for_update(skip_locked=True)
        ).all()
        mine = db.session.scalars(
            update(Invitation)
            .where(Invitation.id.in_(free), *_WAITS)
            .values(reminded_at=now)
            .returning(Invitation.public_id)
        ).all()
        if not mine:
            return 0
        chosen = db.session.scalars(
            select(Invitation).where(Invitation.public_id.in_(mine)).order_by(Invitation.id)
        ).all()
        audit.record(
            "invitations.reminded",
            practice_id=practice_id,
            by=SWEEP,
            now=now,
            number=len(chosen),
            digest=_digest(chosen),
        )
        for invitation in chosen:
            _put(invitation, now=now)
        return len(chosen)


def _put(invitation: Invitation, *, now: datetime) -> None:
    timeline.add(invitation.id, TimelineKind.REMINDED, now=now, once="reminder")
    mail.enqueue(
        practice_id=invitation.practice_id,
        purpose=REMINDER,
        subject_id=invitation.id,
        address=invitation.email,
        language=invitation.language,
        now=now,
        kind=MailKind.STAFF,
    )


def _digest(invitations: Sequence[Invitation]) -> str:
    """What the one audit event of a batch says of its items (12.3)."""
    names = "\n".join(sorted(invitation.public_id for invitation in invitations))
    return hashlib.sha256(names.encode()).hexdigest()


_WAITS = (Invitation.state == InvitationState.LIVE.value, Invitation.reminded_at.is_(None))
