"""What the rooms ask of the outbox: put a mail in, take it back, count what went to an address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from portal import queue, tokens
from portal.addresses import email_key
from portal.extensions import db
from portal.limits import service as limits
from portal.limits.rules import MAIL_PER_ADDRESS
from portal.mail import unsubscribe
from portal.mail.addresses import message_id
from portal.mail.models import OutboxMessage
from portal.mail.rules import MailKind, Reason, slot
from portal.mail.state import OutboxState
from portal.rows import Values, among, insert_rows
from portal.transaction import atomic

DELIVER = "mail.deliver"
"""The job that a ring asks for; :mod:`portal.mail.jobs` answers it."""
_COUNTED = select(OutboxMessage.address_key, OutboxMessage.due_at).where(
    OutboxMessage.practice_id == bindparam("practice"),
    among(OutboxMessage.address_key, "keys"),
    OutboxMessage.due_at > bindparam("since"),
    OutboxMessage.kind != MailKind.SECURITY.value,
    OutboxMessage.state != OutboxState.CANCELLED.value,
)
"""Mails that the hourly limit counts."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to be put into the outbox."""

    subject_id: int
    """What it tells of: a row of the room that composes it."""
    address: str
    language: str


def enqueue(
    *,
    practice_id: int,
    purpose: str,
    subject_id: int,
    address: str,
    language: str,
    now: datetime,
    kind: MailKind = MailKind.STAFF,
) -> OutboxMessage | None:
    """Put a mail into the outbox, in the commit of the fact it tells of.

    An address gets three mails an hour from a practice (security.md). Beyond that, what staff ask for waits: then
    ``next_attempt_at`` lies ahead and ``reason`` is ``waits_for_limit``.

    Returns:
        The row; None for :attr:`MailKind.SELF_SERVICE` beyond the limit, where there is no mail.
    """
    with atomic():
        mail = Mail(subject_id, address, language)
        [row] = _rows([mail], practice_id=practice_id, purpose=purpose, kind=kind, now=now)
        if row["due_at"] > now and kind is MailKind.SELF_SERVICE:
            return None
        message = OutboxMessage(**row)
        db.session.add(message)
        db.session.flush()
        if message.due_at <= now:
            queue.ring_after_commit(DELIVER, message.public_id)
        return message


def enqueue_many(
    mails: Sequence[Mail], *, practice_id: int, purpose: str, now: datetime, wake: bool
) -> dict[int, datetime]:
    """What :func:`enqueue` does, for each of many that staff ask for and with a statement for all.

    Args:
        wake: whether a bell is rung for each that is due; else the caller sees to it that they go out.

    Returns:
        ``subject_id`` of each mail -> when it is due.
    """
    rows = _rows(mails, practice_id=practice_id, purpose=purpose, kind=MailKind.STAFF, now=now)
    insert_rows(OutboxMessage, rows)
    for row in rows:
        if wake and row["due_at"] <= now:
            queue.ring_after_commit(DELIVER, row["public_id"])
    return {row["subject_id"]: row["due_at"] for row in rows}


def _rows(
    mails: Sequence[Mail], *, practice_id: int, purpose: str, kind: MailKind, now: datetime
) -> list[Values]:
    """The rows of these mails; each counts for the hourly limit of those after it."""
    keys = [email_key(mail.address) for mail in mails]
    counted = kind is not MailKind.SECURITY
    slots: dict[str, list[datetime]] = {}
    if counted:
        limits.lock((MAIL_PER_ADDRESS, f"{practice_id}|{key}") for key in keys)
        slots = _slots(practice_id=practice_id, keys=set(keys), now=now)
    rows = []
    for mail, key in zip(mails, keys, strict=True):
        due_at = now
        if counted:
            due_at = slot(slots[key], MAIL_PER_ADDRESS, now=now)
            slots[key].append(due_at)
        rows.append(_row(mail, key, due_at, now=now))
        rows[-1] |= {"practice_id": practice_id, "purpose": purpose, "kind": kind.value}
    return rows


def _row(mail: Mail, key: str, due_at: datetime, *, now: datetime) -> Values:
    public_id = tokens.public_id()
    return {
        "public_id": public_id,
        "subject_id": mail.subject_id,
        "address": mail.address,
        "address_key": key,
        "language": mail.language,
        "message_id": message_id(public_id),
        "state": OutboxState.QUEUED.value,
        "attempts": 0,
        "doubtful_tries": 0,
        "due_at": due_at,
        "next_attempt_at": due_at,
        "reason": Reason.WAITS_FOR_LIMIT.value if due_at > now else None,
        "created_at": now,
    }


def cancel(*, purpose: str, subject_id: int, now: datetime) -> int:
    """Take back what has not been handed to the mail server yet, in the caller's transaction; returns how many.

    Once this is committed none of them goes out: the sender asks the row in a transaction of its own right before
    the bytes go.
    """
    done = db.session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.purpose == purpose,
            OutboxMessage.subject_id == subject_id,
            OutboxMessage.state.in_([OutboxState.QUEUED.value, OutboxState.SENDING.value]),
            OutboxMessage.handed_over_at.is_(None),
        )
        .values(
            state=OutboxState.CANCELLED.value,
            reason=Reason.NOT_WANTED.value,
            lease=None,
            leased_until=None,
            settled_at=now,
        )
    )
    return int(getattr(done, "rowcount", 0))


def of_unsubscribe_link(token: str, *, purposes: Collection[str]) -> OutboxMessage | None:
    """The mail whose List-Unsubscribe this is; None for a forged one, or a mail for anything else."""
    public_id = unsubscribe.read_token(token)
    if public_id is None:
        return None
    return db.session.scalar(
        select(OutboxMessage).where(
            OutboxMessage.public_id == public_id, OutboxMessage.purpose.in_(purposes)
        )
    )


def hand_over_to(*, purpose: str, subject_id: int, new_purpose: str) -> None:
    """Let another purpose write the mails of a subject that wait, in the caller's transaction."""
    db.session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.purpose == purpose,
            OutboxMessage.subject_id == subject_id,
            OutboxMessage.state == OutboxState.QUEUED.value,
        )
        .values(purpose=new_purpose)
    )


def sent_lately(*, practice_id: int, address: str, now: datetime) -> int:
    """How many mails this practice has sent, or has waiting, to the address as the hourly limit counts them."""
    key = email_key(address)
    return len(_slots(practice_id=practice_id, keys={key}, now=now)[key])


def _slots(
    *, practice_id: int, keys: Collection[str], now: datetime
) -> defaultdict[str, list[datetime]]:
    found = defaultdict[str, list[datetime]](list)
    since = now - MAIL_PER_ADDRESS.window
    asked = {"practice": practice_id, "keys": keys, "since": since}
    for key, due_at in db.session.connection().execute(_COUNTED, asked):
        found[key].append(due_at)
    return found
