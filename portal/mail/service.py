"""What the rooms ask of the outbox: put a mail in, take it back, count what went to an address."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from portal import queue, tokens
from portal.addresses import email_key
from portal.extensions import db
from portal.limits import service as limits
from portal.limits.rules import MAIL_PER_ADDRESS
from portal.mail.addresses import message_id
from portal.mail.models import OutboxMessage
from portal.mail.rules import MailKind, Reason, slot
from portal.mail.state import OutboxState
from portal.transaction import atomic

DELIVER = "mail.deliver"
"""The job that a ring asks for; :mod:`portal.mail.jobs` answers it."""


def enqueue(
    *,
    practice_id: int,
    purpose: str,
    subject_id: int,
    address: str,
    language: str,
    now: datetime,
    kind: MailKind = MailKind.STAFF,
    bulk: bool = False,
) -> OutboxMessage | None:
    """Put a mail into the outbox, in the commit of the fact it tells of.

    An address gets three mails an hour from a practice (security.md). Beyond that, what staff ask for waits: then
    ``next_attempt_at`` lies ahead and ``reason`` is ``waits_for_limit``.

    Args:
        bulk: one of many: nobody is woken for it alone, the caller sees to it that they go out.

    Returns:
        The row; None for :attr:`MailKind.SELF_SERVICE` beyond the limit, where there is no mail.
    """
    with atomic():
        due_at = now
        if kind is not MailKind.SECURITY:
            limits.lock([(MAIL_PER_ADDRESS, f"{practice_id}|{email_key(address)}")])
            due_at = slot(
                _slots(practice_id=practice_id, address=address, now=now), MAIL_PER_ADDRESS, now=now
            )
        if due_at > now and kind is MailKind.SELF_SERVICE:
            return None
        public_id = tokens.public_id()
        message = OutboxMessage(
            public_id=public_id,
            practice_id=practice_id,
            purpose=purpose,
            subject_id=subject_id,
            kind=kind.value,
            address=address,
            address_key=email_key(address),
            language=language,
            message_id=message_id(public_id),
            state=OutboxState.QUEUED.value,
            attempts=0,
            doubtful_tries=0,
            due_at=due_at,
            next_attempt_at=due_at,
            reason=Reason.WAITS_FOR_LIMIT.value if due_at > now else None,
            created_at=now,
        )
        db.session.add(message)
        db.session.flush()
        if due_at <= now and not bulk:
            queue.ring_after_commit(DELIVER, public_id)
        return message


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
    return len(_slots(practice_id=practice_id, address=address, now=now))


def _slots(*, practice_id: int, address: str, now: datetime) -> list[datetime]:
    return list(
        db.session.scalars(
            select(OutboxMessage.due_at).where(
                OutboxMessage.practice_id == practice_id,
                OutboxMessage.address_key == email_key(address),
                OutboxMessage.due_at > now - MAIL_PER_ADDRESS.window,
                OutboxMessage.kind != MailKind.SECURITY.value,
                OutboxMessage.state != OutboxState.CANCELLED.value,
            )
        )
    )
