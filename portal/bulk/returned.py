"""Mails that come back when their run has counted them as sent: a report stays true after its run is over (7.5)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import exists, func, literal, select

from portal.bulk import flight
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.states import ItemState, RunKind
from portal.bulk.working import lock_run
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.invitations.service import PURPOSE
from portal.mail.models import OutboxMessage
from portal.mail.state import OutboxState
from portal.transaction import atomic

LATEST = timedelta(days=30)
"""So long after its start a run still hears of what came back."""
SLACK = timedelta(minutes=5)
"""A bounce that is committed late may say that it came earlier."""
_MOST = 1_000

_SINCE = func.coalesce(BulkRun.returns_until, BulkRun.started_at)
_BOUNCED = (
    OutboxMessage.state == literal(OutboxState.BOUNCED.value, literal_execute=True),
    OutboxMessage.practice_id == BulkRun.practice_id,
    OutboxMessage.bounced_at >= _SINCE,
)


def runs_to_look_at(*, now: datetime) -> list[str]:
    """The runs of whose practice a mail has come back since they were looked at last."""
    query = select(BulkRun.public_id).where(
        BulkRun.kind == RunKind.INVITE.value,
        BulkRun.started_at > now - LATEST,
        exists().where(*_BOUNCED),
    )
    return list(db.session.scalars(query))


def take_in(public_id: str, *, now: datetime) -> int:
    """Whose mail came back was not reached; returns how many these are now. Harmless to repeat."""
    with atomic():
        run = lock_run(public_id)
        if run is None:
            return 0
        alike: defaultdict[str | None, list[int]] = defaultdict(list)
        for patient_id, reason in _returned(run):
            alike[reason].append(patient_id)
        for reason, patient_ids in alike.items():
            flight.put(run, patient_ids, ItemState.FAILED, reason, now=now)
        found = sum(map(len, alike.values()))
        run.done -= found
        run.failed += found
        if found < _MOST:
            run.returns_until = max(now - SLACK, run.returns_until or run.started_at)
        return found


def _returned(run: BulkRun) -> list[tuple[int, str | None]]:
    rows = db.session.execute(
        select(BulkItem.patient_id, OutboxMessage.reason)
        .select_from(BulkRun)
        .join(OutboxMessage, OutboxMessage.practice_id == BulkRun.practice_id)
        .join(Invitation, Invitation.id == OutboxMessage.subject_id)
        .join(BulkItem, BulkItem.patient_id == Invitation.patient_id)
        .where(
            *_BOUNCED,
            BulkRun.id == run.id,
            OutboxMessage.purpose == PURPOSE,
            BulkItem.run_id == run.id,
            BulkItem.invitation_id == Invitation.id,
            BulkItem.state == ItemState.DONE.value,
        )
        .limit(_MOST)
    )
    return [(patient_id, reason) for patient_id, reason in rows]
