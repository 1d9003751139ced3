"""Count and refuse. Every count happens in the caller's transaction, under a lock on its key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, cast, delete, func, select

from portal.crypto import keyed_hash
from portal.extensions import db
from portal.limits.models import LimitEvent, LogonStreak
from portal.limits.rules import (
    CLIENT_FREE_TRIES,
    FREE_TRIES,
    IDENTITY_PER_PATIENT,
    LONGEST_WAIT,
    Limit,
    wait_after,
)
from portal.transaction import atomic


def key_of(value: str) -> str:
    """How a value stands in the tables: a keyed hash, so that they tell nobody anything."""
    return keyed_hash(value, purpose="limit-key")


def lock(keys: Iterable[tuple[Limit, str]]) -> None:
    """Make concurrent counters of the same keys wait for each other until the transaction ends.

    SQLite needs nothing: ``atomic()`` already holds the only write lock.
    """
    if db.engine.dialect.name != "postgresql":
        return
    _lock_all({_lock_number(limit, key) for limit, key in keys})


def count(limit: Limit, key: str, *, now: datetime) -> int:
    """How many events of ``key`` stand in the trailing window."""
    query = select(func.count()).where(
        LimitEvent.scope == limit.scope,
        LimitEvent.key == key_of(key),
        LimitEvent.at > now - limit.window,
    )
    return db.session.scalar(query) or 0


def reached(limit: Limit, key: str, *, now: datetime) -> bool:
    """Whether one more would be too many."""
    return count(limit, key, now=now) >= limit.most


def add(limit: Limit, key: str, *, now: datetime) -> None:
    """Count one event."""
    db.session.add(LimitEvent(scope=limit.scope, key=key_of(key), at=now))
    db.session.flush()


def spend(limit: Limit, key: str, *, now: datetime) -> bool:
    """Count one event in a commit of its own; False, and nothing counted, when that is too many."""
    with atomic():
        lock([(limit, key)])
        if reached(limit, key, now=now):
            return False
        add(limit, key, now=now)
        return True


def forget_old(*, now: datetime) -> int:
    """Drop events that no window can see any more; returns how many."""
    longest = IDENTITY_PER_PATIENT.window
    done = db.session.execute(delete(LimitEvent).where(LimitEvent.at < now - 2 * longest))
    return int(getattr(done, "rowcount", 0))


def logon_blocked_until(
    *, scope: str, subject: str | None, client: str, now: datetime
) -> datetime | None:
    """Until when a log-on waits, for the account named or for the client; None when it may be tried."""
    waits = [
        streak.blocked_until
        for streak in _streaks(scope=scope, subject=subject, client=client)
        if streak.blocked_until and streak.blocked_until > now
    ]
    return max(waits, default=None)


def count_logon_failure(*, scope: str, subject: str | None, client: str, now: datetime) -> None:
    """One more wrong password in a row, for the account named and for the client."""
    lock_streaks(scope=scope, subject=subject, client=client)
    held = {
        (streak.scope, streak.key): streak
        for streak in _streaks(scope=scope, subject=subject, client=client)
    }
    for name, key, free in _streak_keys(scope=scope, subject=subject, client=client):
        streak = held.get((name, key))
        if streak is None:
            streak = LogonStreak(scope=name, key=key, failures=0, last_failed_at=now)
            db.session.add(streak)
        elif name.endswith(".client") and now - streak.last_failed_at > LONGEST_WAIT:
            streak.failures = 0
        streak.failures += 1
        streak.last_failed_at = now
        wait = wait_after(streak.failures, free=free)
        streak.blocked_until = now + wait if wait else None
    db.session.flush()


def lock_streaks(*, scope: str, subject: str | None, client: str) -> None:
    """Serialise log-on tries of the same account or client on PostgreSQL."""
    if db.engine.dialect.name != "postgresql":
        return
    keys = _streak_keys(scope=scope, subject=subject, client=client)
    _lock_all({_number(f"{name}|{key}") for name, key, _ in keys})


def forget_logon_failures(*, scope: str, subject: str) -> None:
    """A right password ends the account's row of wrong ones (the client's ends by itself, after an hour)."""
    db.session.execute(
        delete(LogonStreak).where(
            LogonStreak.scope == f"{scope}.account", LogonStreak.key == key_of(subject)
        )
    )


def _lock_all(numbers: set[int]) -> None:
    """In one order, so that no two wait for each other; by one statement however many there are."""
    each = func.unnest(cast(sorted(numbers), ARRAY(BigInteger))).column_valued("number")
    db.session.execute(select(func.pg_advisory_xact_lock(each))).all()


def _streak_keys(*, scope: str, subject: str | None, client: str) -> list[tuple[str, str, int]]:
    keys = [(f"{scope}.client", key_of(client), CLIENT_FREE_TRIES)]
    if subject is not None:
        keys.append((f"{scope}.account", key_of(subject), FREE_TRIES))
    return keys


def _streaks(*, scope: str, subject: str | None, client: str) -> list[LogonStreak]:
    found = []
    for name, key, _ in _streak_keys(scope=scope, subject=subject, client=client):
        streak = db.session.get(LogonStreak, (name, key), populate_existing=True)
        if streak is not None:
            found.append(streak)
    return found


def _lock_number(limit: Limit, key: str) -> int:
    return _number(f"{limit.scope}|{key_of(key)}")


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big", signed=True)
