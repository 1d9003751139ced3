"""What workers do for the outbox: answer its rings, and sweep it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from portal import queue, sweep
from portal.extensions import db
from portal.mail import delivery, outbox
from portal.mail.models import OutboxMessage
from portal.mail.service import DELIVER
from portal.mail.state import OutboxState
from portal.settings import settings


@queue.job(DELIVER)
def deliver(public_id: str) -> None:
    """Somebody rang: for one mail, or for all that are due."""
    if public_id:
        delivery.deliver(public_id)
    else:
        deliver_due()


@sweep.task("mail")
def sweep_outbox(now: datetime) -> None:
    """Take up what senders left, and see that what is due goes out: by a worker, or where no ring is heard, here."""
    outbox.recover(now=now)
    due = select(OutboxMessage.id).where(
        OutboxMessage.state == OutboxState.QUEUED.value, OutboxMessage.next_attempt_at <= now
    )
    waiting = db.session.scalar(due.limit(1)) is not None
    db.session.rollback()
    if waiting and not queue.ring(DELIVER):
        deliver_due(within=settings().sweep_interval)


def deliver_due(*, within: float = 60.0) -> None:
    """All that is due, until nothing is due, the server is in trouble, or so many seconds are over."""
    done = delivery.deliver(within=within)
    if done.more and not done.server_down and not queue.stopping.is_set():
        queue.ring(DELIVER)
