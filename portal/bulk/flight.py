"""The mails that a run has on their way: what became of them, and what stops them.

A run does not wait to be told: it asks the outbox, in the commits that move its numbers. So no result is lost
with a worker, and nothing that sends a mail ever waits for a run.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, select

from portal import queue
from portal.audit import service as audit
from portal.audit.actor import system
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.states import ItemState, PausedBy, RunKind, RunState
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.invitations.service import PURPOSE
from portal.invitations.state import Origin
from portal.mail.models import MailServerTrouble, OutboxMessage
from portal.mail.rules import SETTLED
from portal.mail.state import OutboxState

RUNS = system("Bulk runs")
WORK = "bulk.work"
"""The job that a ring asks for; :mod:`portal.bulk.jobs` answers it."""
SOON = timedelta(seconds=30)
"""A mail that is due within this is on its way; one that is put off for longer keeps no run waiting."""
_MOST = 1_000

_BECOMES = {
    OutboxState.ACCEPTED: ItemState.DONE,
    OutboxState.CANCELLED: ItemState.SKIPPED,
}
"""Any other end of a mail, also one that nobody knows, is a failure that staff may retry."""


def settle(run: BulkRun, *, now: datetime) -> None:
    """Move whoever's mail has come to an end, and the run's numbers; the caller has locked the run."""
    if not run.mailing:
        return
    ended = db.session.execute(
        _mails(run, BulkItem, OutboxMessage.state, OutboxMessage.reason)
        .where(OutboxMessage.state.in_(sorted(state.value for state in SETTLED)))
        .limit(_MOST)
    ).all()
    moved: Counter[ItemState] = Counter()
    for item, state, reason in ended:
        to = _BECOMES.get(OutboxState(state), ItemState.FAILED)
        item.state = to.value
        item.reason = None if to is ItemState.DONE else reason
        item.settled_at = now
        moved[to] += 1
    run.mailing -= moved.total()
    for to, number in moved.items():
        setattr(run, to.value, getattr(run, to.value) + number)
    db.session.flush()


def on_their_way(run: BulkRun, *, now: datetime) -> int:
    """How many of its mails are due, or soon will be."""
    if not run.mailing:
        return 0
    query = _mails(run, func.count()).where(OutboxMessage.next_attempt_at <= now + SOON)
    return db.session.scalar(query) or 0


def expects_more(run: BulkRun, *, now: datetime) -> bool:
    """Whether the end of its last mails is near enough to wait for before the run is called done."""
    return on_their_way(run, now=now) > 0


def issued_lately(run: BulkRun, *, now: datetime) -> int:
    """How many invitations the practice's runs have issued in the last 24 hours."""
    query = select(func.count()).where(
        Invitation.practice_id == run.practice_id,
        Invitation.origin == Origin.BULK.value,
        Invitation.issued_at > now - timedelta(hours=24),
    )
    return db.session.scalar(query) or 0


def stopped_by_server(run: BulkRun, *, now: datetime) -> bool:
    """Pause the run when the mail server as a whole is in trouble (interface.md "Bulk").

    Only while mails of its own wait: those are what finds out that the trouble is over.
    """
    trouble = _trouble()
    if trouble is None or not run.mailing:
        return False
    run.state, run.paused_by = RunState.PAUSED.value, PausedBy.SERVER.value
    run.pause_reason = trouble.reason
    tell_moved(run, reason=run.pause_reason, now=now)
    return True


def go_on_after_trouble(run: BulkRun, *, now: datetime) -> None:
    """Let a run go on that the mail server stopped, when that works again. A person's pause waits for a person."""
    if run.state != RunState.PAUSED or run.paused_by != PausedBy.SERVER or _trouble() is not None:
        return
    run.state, run.paused_by, run.pause_reason = RunState.RUNNING.value, None, None
    tell_moved(run, reason=None, now=now)
    queue.ring_after_commit(WORK, run.public_id)


def _trouble() -> MailServerTrouble | None:
    return db.session.scalar(
        select(MailServerTrouble)
        .where(MailServerTrouble.since.is_not(None))
        .execution_options(populate_existing=True)
    )


def tell_moved(run: BulkRun, *, reason: str | None, now: datetime) -> None:
    """The program itself moved the run: the audit trail tells of it."""
    db.session.flush()
    audit.record(
        "bulk.moved",
        practice_id=run.practice_id,
        by=RUNS,
        now=now,
        subject=("bulk_run", run.id),
        run=run.public_id,
        state=run.state,
        reason=reason,
    )


def _mails(run: BulkRun, *columns: Any) -> Select[*tuple[Any, ...]]:
    assert run.kind == RunKind.INVITE  # noqa: S101 (nothing else sends mail)
    return (
        select(*columns)
        .select_from(BulkItem)
        .join(
            OutboxMessage,
            (OutboxMessage.purpose == PURPOSE)
            & (OutboxMessage.subject_id == BulkItem.invitation_id),
        )
        .where(
            BulkItem.run_id == run.id,
            BulkItem.state == ItemState.MAILING.value,
            BulkItem.reason.is_(None),
        )
    )
