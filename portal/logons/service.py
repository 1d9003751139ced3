"""Start, find, touch and end log-ons."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select, update

from portal import tokens
from portal.extensions import Model, db
from portal.logons.models import Logon
from portal.logons.rules import TOUCH_EVERY, end_reason
from portal.logons.side import Side
from portal.rows import table_of
from portal.transaction import atomic

P = TypeVar("P", bound=Model)


def start(*, side: Side, subject_id: int, client: str | None, now: datetime) -> str:
    """A new log-on in the caller's transaction; returns the reference token for the cookie (256 bits)."""
    token = tokens.new_secret()
    db.session.add(
        Logon(
            token_hash=tokens.digest(token),
            side=side.value,
            subject_id=subject_id,
            started_at=now,
            last_seen_at=now,
            client=client,
        )
    )
    return token


def find(token: str, *, side: Side, person: type[P], now: datetime) -> tuple[Logon, P] | None:
    """The log-on behind a cookie, while it lasts, and whose it is: one of this kind of people, by one query."""
    asked = {"hash": tokens.digest(token), "side": side.value}
    found = db.session.execute(_found(person), asked).one_or_none()
    if found is None:
        return None
    logon, subject = found
    if logon.ended_at is not None:
        return None
    over = end_reason(side, started_at=logon.started_at, last_seen_at=logon.last_seen_at, now=now)
    return None if over else (logon, subject)


def touch(logon: Logon, *, now: datetime) -> None:
    """Remember that the person is there, at most once a minute. Polls never call this."""
    if now - logon.last_seen_at < TOUCH_EVERY:
        return
    number = logon.id
    with atomic():
        db.session.execute(
            update(Logon)
            .where(Logon.id == number, Logon.ended_at.is_(None), Logon.last_seen_at < now)
            .values(last_seen_at=now)
        )


def end(token: str, *, reason: str, now: datetime) -> None:
    """End one log-on; a copied cookie is dead from here on (ASVS 7.4.1)."""
    _end(Logon.token_hash == tokens.digest(token), reason=reason, now=now)


def end_all(*, side: Side, subject_id: int, reason: str, now: datetime) -> None:
    """End every log-on of one person, in the caller's transaction."""
    _end(Logon.side == side.value, Logon.subject_id == subject_id, reason=reason, now=now)


def _end(*which: object, reason: str, now: datetime) -> None:
    db.session.execute(
        update(Logon)
        .where(Logon.ended_at.is_(None), *which)  # type: ignore[arg-type]
        .values(ended_at=now, end_reason=reason)
    )


@cache
def _found(person: type[Model]) -> Select[Any, Any]:
    return (
        select(Logon, person)
        .join(person, table_of(person).c.id == Logon.subject_id)
        .where(Logon.token_hash == bindparam("hash"), Logon.side == bindparam("side"))
    )
