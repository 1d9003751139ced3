"""The rows of the outbox while they are sent: claimed under a lease, handed over, settled.

Between two of these calls nothing is open in the database, and each may be the last thing that this process does:
killed before the hand-over, a mail is claimed anew when the lease runs out; killed after it, it repeats once with
the same Message-ID and link, and is marked.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import bindparam, func, literal, select, update

from portal import tokens
from portal.audit import service as audit
from portal.audit.actor import system
from portal.extensions import db
from portal.mail import registry, repeats
from portal.mail.models import OutboxMessage
from portal.mail.registry import Outcome
from portal.mail.rules import SETTLED, TRANSITIONS, Kind, Reason, Result, after
from portal.mail.state import OutboxState
from portal.rows import among, table_of
from portal.settings import settings
from portal.transaction import atomic

MAIL = system("Mail")
_ROWS = table_of(OutboxMessage)
_SENDING = literal(OutboxState.SENDING.value, literal_execute=True)
_IN_HAND = (
    _ROWS.c.lease == bindparam("mine"),
    # these two lead SQLite to the index of what is being sent
    _ROWS.c.state == _SENDING,
    _ROWS.c.leased_until.is_not(None),
)
_DUE = (
    select(_ROWS.c.id)
    .where(
        _ROWS.c.state == literal(OutboxState.QUEUED.value, literal_execute=True),
        _ROWS.c.next_attempt_at <= bindparam("now"),
        # of its own accord SQLite would take the index of purposes, and look through all that was ever mailed
        among(func.coalesce(_ROWS.c.purpose, ""), "purposes"),
    )
    .order_by(_ROWS.c.next_attempt_at, _ROWS.c.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_CLAIM = (
    _ROWS.update()
    .where(among(_ROWS.c.id, "numbers"))
    .values(
        state=OutboxState.SENDING.value, lease=bindparam("mine"), leased_until=bindparam("until")
    )
)
_RENEW = _ROWS.update().where(*_IN_HAND).values(leased_until=bindparam("until"))
_RELEASE = (
    _ROWS.update()
    .where(*_IN_HAND, _ROWS.c.handed_over_at.is_(None))
    .values(
        state=OutboxState.QUEUED.value,
        lease=None,
        leased_until=None,
        next_attempt_at=bindparam("now"),
    )
)
_HELD = (
    select(_ROWS)
    .where(among(_ROWS.c.id, "numbers"), _ROWS.c.lease == bindparam("mine"))
    .order_by(_ROWS.c.next_attempt_at, _ROWS.c.id)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Mails that this sender, and nobody else, may send while it renews its lease."""

    lease: str
    numbers: tuple[int, ...]


class _LeaseLost(Exception):
    """Somebody else has the mail by now."""


def claim(
    *, now: datetime, limit: int, public_id: str | None = None, lease: str | None = None
) -> Claim:
    """Take mails that are due, the longest waiting first, or just the one named (if it is due).

    Args:
        lease: that of a sender which takes more; None begins a new one.
    """
    lease = lease or tokens.public_id()
    due = _DUE if public_id is None else _DUE.where(_ROWS.c.public_id == public_id)
    given = {"now": now, "purposes": registry.purposes(), "limit": limit}
    with atomic():
        connection = db.session.connection()
        numbers = tuple(connection.scalars(due, given))
        if numbers:
            held = {"numbers": numbers, "mine": lease, "until": lease_end(now)}
            connection.execute(_CLAIM, held)
    return Claim(lease, numbers)


def renew(lease: str, *, now: datetime) -> None:
    """The sender is alive."""
    with atomic():
        db.session.connection().execute(_RENEW, {"mine": lease, "until": lease_end(now)})


def release(lease: str, *, now: datetime) -> None:
    """Give back what was claimed and not tried, so that another sender need not wait for the lease to run out."""
    with atomic():
        db.session.connection().execute(_RELEASE, {"mine": lease, "now": now})


def held(numbers: Collection[int], lease: str) -> list[OutboxMessage]:
    """Those of the mails that are still this sender's, in the order in which they were due.

    To be read only: bare rows with the names of the columns, free of the session.
    """
    rows = db.session.connection().execute(_HELD, {"numbers": numbers, "mine": lease})
    return cast(list[OutboxMessage], rows.all())


def record(
    number: int, lease: str, result: Result, *, now: datetime, tell: bool = True
) -> Outcome | None:
    """What a try came to, with all that follows from it, in one commit; None when the lease was lost meanwhile.

    The room is told first and the row is written last, so that this locks in the order in which the rooms do
    (patient, audit chain, outbox) and cannot block them for good.

    Args:
        tell: whether the room hears of it; False only after an error of its own.
    """
    try:
        with atomic():
            message = db.session.get(OutboxMessage, number, populate_existing=True)
            if message is None or (message.lease, message.state) != (lease, OutboxState.SENDING):
                return None
            db.session.expunge(message)
            return _settle(message, result, now=now, tell=tell)
    except _LeaseLost:
        return None


def tell_result(
    message: OutboxMessage, state: OutboxState, reason: str | None, *, now: datetime
) -> None:
    """Tell the audit trail how a mail ended, in the caller's transaction."""
    audit.record(
        "mail.result",
        practice_id=message.practice_id,
        by=MAIL,
        now=now,
        subject=("mail", message.id),
        message=message.public_id,
        state=state.value,
        reason=reason,
    )


def recover(*, now: datetime, limit: int = 500) -> int:
    """Take back what senders left that give no sign of life; returns how many."""
    abandoned = db.session.execute(
        select(
            OutboxMessage.id,
            OutboxMessage.lease,
            OutboxMessage.handed_over_at,
            OutboxMessage.settled_at,
        )
        .where(OutboxMessage.state == OutboxState.SENDING.value, OutboxMessage.leased_until <= now)
        .order_by(OutboxMessage.leased_until)
        .limit(limit)
    ).all()
    for number, lease, handed_over_at, answered_at in abandoned:
        if lease is None:
            continue
        if handed_over_at is None:
            _requeue(number, lease, now=now)
        elif answered_at is not None:
            record(number, lease, Result(Kind.ACCEPTED), now=now)
        else:
            record(number, lease, Result(Kind.UNKNOWN, Reason.SENDER_DIED), now=now)
    return len(abandoned)


def _settle(message: OutboxMessage, result: Result, *, now: datetime, tell: bool) -> Outcome:
    lease, before = message.lease, message.reason
    changes = _changes(message, result, now=now)
    for name, value in changes.items():
        setattr(message, name, value)
    outcome = Outcome(
        state=OutboxState(message.state),
        reason=message.reason,
        server_said=message.server_said,
        next_attempt_at=message.next_attempt_at if message.state == OutboxState.QUEUED else None,
        maybe_twice=message.state == OutboxState.ACCEPTED and message.doubtful_tries > 0,
        dead_address=message.state == OutboxState.FAILED
        and repeats.is_dead(message, message.reason, came_back=False, now=now),
    )
    waits_as_before = result.kind is Kind.NOT_TRIED and message.reason == before
    if tell and not waits_as_before:
        registry.tell(message, outcome, now=now)
    if outcome.state in SETTLED:
        tell_result(message, outcome.state, message.reason, now=now)
    done = db.session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message.id, OutboxMessage.lease == lease)
        .values(**changes)
    )
    if getattr(done, "rowcount", 0) != 1:
        raise _LeaseLost
    return outcome


def _changes(message: OutboxMessage, result: Result, *, now: datetime) -> dict[str, Any]:
    tried = result.kind not in {Kind.NOT_TRIED, Kind.NOT_WANTED}
    attempts = message.attempts + tried
    doubtful = message.doubtful_tries + (result.kind is Kind.UNKNOWN)
    step = after(
        result,
        attempts=attempts,
        doubtful_tries=doubtful,
        due_at=message.due_at,
        now=now,
        scale=settings().mail_retry_scale,
    )
    if step.state not in TRANSITIONS[OutboxState(message.state)]:
        raise ValueError(f"a mail does not go from {message.state} to {step.state}")
    return {
        "state": step.state.value,
        "reason": step.reason.value if step.reason else None,
        "server_said": result.said,
        "attempts": attempts,
        "doubtful_tries": doubtful,
        "next_attempt_at": step.next_attempt_at or message.next_attempt_at,
        "lease": None,
        "leased_until": None,
        "handed_over_at": None,
        "settled_at": now if step.state in SETTLED else None,
    }


def _requeue(number: int, lease: str, *, now: datetime) -> None:
    with atomic():
        db.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.id == number,
                OutboxMessage.lease == lease,
                OutboxMessage.handed_over_at.is_(None),
            )
            .values(
                state=OutboxState.QUEUED.value, lease=None, leased_until=None, next_attempt_at=now
            )
        )


def lease_end(now: datetime, *, left: float = 1.0) -> datetime:
    """When a lease runs out of which so much is left: all of it, when it is renewed now."""
    return now + timedelta(seconds=left * settings().mail_lease)
