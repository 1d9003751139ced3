"""Notices of what a practice does not send: they come to their end many at once, with one audit event for a batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from sqlalchemy import ColumnElement, Row, select, update

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.extensions import db
from portal.outreach.rules import NoticeReason
from portal.practices.models import Practice
from portal.schedule.models import AppointmentNotice
from portal.schedule.states import NoticeKind, NoticeState
from portal.transaction import atomic

_Due = Row[int, int, str]
BATCH = 500
_IS_ON: dict[NoticeKind, ColumnElement[bool]] = {
    NoticeKind.CONFIRMATION: Practice.confirmation_mails.expression,
    NoticeKind.REMINDER: Practice.reminder_mails.expression,
    NoticeKind.FIRST_VISIT: Practice.invite_after_first_visit.expression,
}


def pass_over(*, by: Actor, now: datetime) -> int:
    """Skip what is due and switched off; returns how many. Of several workers each notice falls to one."""
    return sum(_pass_over(kind, is_on, by=by, now=now) for kind, is_on in _IS_ON.items())


def _pass_over(kind: NoticeKind, is_on: ColumnElement[bool], *, by: Actor, now: datetime) -> int:
    done = 0
    while True:
        with atomic():
            batch = _due(kind, is_on, now=now)
            if batch:
                _skip(batch, now=now)
            for practice_id, rows in groupby(batch, key=attrgetter("practice_id")):
                _tell(practice_id, kind, list(rows), by=by, now=now)
        done += len(batch)
        if len(batch) < BATCH:
            return done


def _due(kind: NoticeKind, is_on: ColumnElement[bool], *, now: datetime) -> Sequence[_Due]:
    query = (
        select(AppointmentNotice.id, AppointmentNotice.practice_id, AppointmentNotice.public_id)
        .join(Practice, Practice.id == AppointmentNotice.practice_id)
        .where(
            AppointmentNotice.state == NoticeState.PLANNED.value,
            AppointmentNotice.due_at <= now,
            AppointmentNotice.kind == kind.value,
            ~is_on,
        )
        .order_by(AppointmentNotice.practice_id, AppointmentNotice.id)
        .limit(BATCH)
        .with_for_update(of=AppointmentNotice, skip_locked=True)
    )
    return db.session.execute(query).all()


def _skip(batch: Sequence[_Due], *, now: datetime) -> None:
    db.session.execute(
        update(AppointmentNotice)
        .where(AppointmentNotice.id.in_([row.id for row in batch]))
        .values(
            state=NoticeState.SKIPPED.value,
            reason=NoticeReason.SWITCHED_OFF.value,
            settled_at=now,
        )
        .execution_options(synchronize_session=False)
    )


def _tell(
    practice_id: int, kind: NoticeKind, rows: Sequence[_Due], *, by: Actor, now: datetime
) -> None:
    names = "\n".join(sorted(row.public_id for row in rows))
    audit.record(
        "appointment.notices_switched_off",
        practice_id=practice_id,
        by=by,
        now=now,
        kind=kind.value,
        number=len(rows),
        digest=hashlib.sha256(names.encode()).hexdigest(),
    )
