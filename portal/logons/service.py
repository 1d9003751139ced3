"""Start, find, touch and end log-ons."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select, update

from portal import tokens
from portal.extensions import db
from portal.logons.models import Logon
from portal.logons.rules import TOUCH_EVERY, end_reason
from portal.logons.side import Side
from portal.transaction import atomic

_FOUND = select(Logon).where(Logon.token_hash == bindparam("hash"), Logon.side == bindparam("side"))


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


def find(token: str, *, side: Side, now: datetime) -> Logon | None:
    """The log-on behind a cookie, while it lasts."""
    logon = db.session.scalar(_FOUND, {"hash": tokens.digest(token), "side": side.value})
    if logon is None or logon.ended_at is not None:
        return None
    over = end_reason(side, started_at=logon.started_at, last_seen_at=logon.last_seen_at, now=now)
    return None if over else logon


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
