"""Take in what came back: the address it came to names the row, its meaning decides what follows.

Nothing in the returned message is believed but what it means: whom we wrote to stands in the row, and the row is
named by an address that carries our own MAC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import select, update

from portal.audit import service as audit
from portal.audit.actor import system
from portal.extensions import db
from portal.mail import registry, repeats
from portal.mail.addresses import read_bounce_address
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.bounces.reading import read
from portal.mail.models import OutboxMessage
from portal.mail.rules import TRANSITIONS
from portal.mail.state import OutboxState
from portal.transaction import atomic

log = structlog.get_logger()

MAIL = system("Mail")


class Taken(StrEnum):
    """What was done with a message."""

    RECORDED = "recorded"
    NOTHING_NEW = "nothing_new"
    """It is no bounce, or this was known."""
    NOT_OURS = "not_ours"
    """Its address names no mail of ours, or was forged."""
    LATER = "later"
    """The mail is just being sent: whoever brings this should bring it again."""


class _Overtaken(Exception):
    """Another process has moved the row meanwhile."""


def take(raw: bytes, *, recipient: str, now: datetime) -> Taken:
    """Record what these bytes mean for the mail that ``recipient`` names, and all that follows, in one commit.

    Must not be called inside ``atomic()``. Harmless to repeat.
    """
    public_id = read_bounce_address(recipient)
    if public_id is None:
        log.warning("mail.return_not_ours")
        return Taken.NOT_OURS
    reading = read(raw)
    try:
        with atomic():
            done = record(public_id, reading, now=now)
    except _Overtaken:
        done = Taken.LATER
    log.info(
        "mail.returned",
        meaning=reading.meaning.value,
        reason=reading.reason.value if reading.reason else None,
        done=done.value,
    )
    return done


def record(public_id: str, reading: Reading, *, now: datetime) -> Taken:
    """What this reading means for the mail of this name, in the caller's transaction."""
    message = db.session.scalar(select(OutboxMessage).where(OutboxMessage.public_id == public_id))
    if message is None:
        return Taken.NOT_OURS
    match reading.meaning:
        case Meaning.NOT_A_BOUNCE:
            return Taken.NOTHING_NEW
        case Meaning.ABUSE:
            return _complaint(message, reading, now=now)
        case Meaning.HARD | Meaning.SOFT if reading.final:
            return _bounce(message, reading, now=now)
        case _:
            registry.tell_returned(message, reading, now=now)
            return Taken.RECORDED


def _bounce(message: OutboxMessage, reading: Reading, *, now: datetime) -> Taken:
    state = OutboxState(message.state)
    if state is OutboxState.SENDING:
        return Taken.LATER
    if state is OutboxState.BOUNCED:
        return Taken.NOTHING_NEW
    if repeats.is_dead(message, reading.reason, came_back=True, now=now):
        reading = replace(reading, meaning=Meaning.HARD)  # the reason stays
    registry.tell_returned(message, reading, now=now)
    came_back = OutboxState.BOUNCED in TRANSITIONS[state]
    if not came_back or (state is OutboxState.QUEUED and not message.doubtful_tries):
        return Taken.RECORDED
    reason = reading.reason.value if reading.reason else None
    _audit_bounce(message, reading, reason, now=now)
    _move(
        message,
        state,
        state=OutboxState.BOUNCED.value,
        reason=reason,
        bounced_at=now,
        settled_at=message.settled_at or now,
    )
    return Taken.RECORDED


def _complaint(message: OutboxMessage, reading: Reading, *, now: datetime) -> Taken:
    if message.complained_at is not None:
        return Taken.NOTHING_NEW
    registry.tell_returned(message, reading, now=now)
    audit.record(
        "mail.complained",
        practice_id=message.practice_id,
        by=MAIL,
        now=now,
        subject=("mail", message.id),
        message=message.public_id,
    )
    _move(message, OutboxState(message.state), complained_at=now)
    return Taken.RECORDED


def _audit_bounce(
    message: OutboxMessage, reading: Reading, reason: str | None, *, now: datetime
) -> None:
    audit.record(
        "mail.bounced",
        practice_id=message.practice_id,
        by=MAIL,
        now=now,
        subject=("mail", message.id),
        message=message.public_id,
        meaning=reading.meaning.value,
        reason=reason,
    )


def _move(message: OutboxMessage, seen: OutboxState, **values: object) -> None:
    """The row is written last, as senders do: patient, audit chain, outbox."""
    done = db.session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == message.id,
            OutboxMessage.state == seen.value,
            OutboxMessage.complained_at.is_(None)
            if "complained_at" in values
            else OutboxMessage.bounced_at.is_(None),
        )
        .values(**values)
    )
    if getattr(done, "rowcount", 0) != 1:
        raise _Overtaken
