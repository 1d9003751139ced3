"""When an address counts as dead: an answer says so, or mails to it have failed softly once too often.

One rule and one count for both ways: the mail server says no at the door (:mod:`portal.mail.outbox`), or what it took
comes back (:mod:`portal.mail.bounces`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import and_, func, or_, select

from portal.extensions import db
from portal.mail.bounces.meaning import SOFT_AT_THE_DOOR, SOFT_WITHIN, enough
from portal.mail.models import OutboxMessage
from portal.mail.state import OutboxState


def is_dead(message: OutboxMessage, reason: str | None, *, came_back: bool, now: datetime) -> bool:
    """Whether the end of this mail, which is not written down yet, shows that its address is dead.

    Args:
        came_back: as in :func:`portal.mail.bounces.meaning.enough`.
    """
    most = enough(reason, came_back=came_back)
    return most is not None and (most == 1 or _before(message, now=now) + 1 >= most)


def _before(message: OutboxMessage, *, now: datetime) -> int:
    came_back = and_(
        OutboxMessage.state == OutboxState.BOUNCED.value,
        OutboxMessage.bounced_at > now - SOFT_WITHIN,
    )
    refused = and_(
        OutboxMessage.state == OutboxState.FAILED.value,
        OutboxMessage.reason.in_(sorted(reason.value for reason in SOFT_AT_THE_DOOR)),
        OutboxMessage.settled_at > now - SOFT_WITHIN,
    )
    query = select(func.count()).where(
        OutboxMessage.practice_id == message.practice_id,
        OutboxMessage.address_key == message.address_key,
        OutboxMessage.due_at > now - 2 * SOFT_WITHIN,
        OutboxMessage.id != message.id,
        or_(came_back, refused),
    )
    return db.session.scalar(query) or 0
