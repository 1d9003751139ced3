"""What is known of the mail server as a whole: while it is in trouble nobody asks it but one, every so often."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update

from portal.extensions import db
from portal.mail.models import MailServerTrouble, OutboxMessage
from portal.mail.rules import Kind, Reason, Result, probe_wait
from portal.mail.state import OutboxState
from portal.settings import settings
from portal.transaction import atomic

log = structlog.get_logger()

_ONE = 1


def in_trouble() -> bool:
    """Whether the last that was heard of it was trouble."""
    found = db.session.scalar(select(MailServerTrouble.since).where(MailServerTrouble.id == _ONE))
    return found is not None


def closed(*, now: datetime) -> Result | None:
    """Why nobody may connect at this moment; None when the caller may.

    In trouble exactly one caller may, when the time has come, to see whether it works again.
    """
    trouble = db.session.get(MailServerTrouble, _ONE, populate_existing=True)
    if trouble is None or trouble.since is None:
        return None
    failures = trouble.failures
    with atomic():
        done = db.session.execute(
            update(MailServerTrouble)
            .where(
                MailServerTrouble.id == _ONE,
                MailServerTrouble.since.is_not(None),
                MailServerTrouble.probe_at <= now,
            )
            .values(probe_at=now + _wait(failures + 1))
        )
        if getattr(done, "rowcount", 0) == 1:
            return None
        trouble = db.session.get_one(MailServerTrouble, _ONE, populate_existing=True)
        if trouble.since is None:
            return None
        return Result(
            Kind.NOT_TRIED,
            Reason.WAITS_FOR_SERVER,
            said=trouble.server_said,
            whole_server=True,
            retry_at=trouble.probe_at,
        )


def record_trouble(result: Result, *, now: datetime) -> datetime:
    """It does not work as a whole; returns when it is asked again."""
    with atomic():
        trouble = db.session.get(
            MailServerTrouble, _ONE, with_for_update=True, populate_existing=True
        )
        if trouble is None:
            trouble = MailServerTrouble(id=_ONE, failures=0, probe_at=now)
            db.session.add(trouble)
        if trouble.since is None:
            log.warning("mail.server_in_trouble", reason=result.reason)
            trouble.since, trouble.failures = now, 0
        trouble.failures += 1
        trouble.probe_at = now + _wait(trouble.failures)
        trouble.reason, trouble.server_said = result.reason, result.said
        return trouble.probe_at


def record_working(*, now: datetime) -> None:
    """It works: what waited for it, untried, is due at once."""
    with atomic():
        db.session.execute(
            update(MailServerTrouble)
            .where(MailServerTrouble.id == _ONE)
            .values(since=None, failures=0, reason=None, server_said=None)
        )
        db.session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.state == OutboxState.QUEUED.value,
                OutboxMessage.reason == Reason.WAITS_FOR_SERVER.value,
                OutboxMessage.next_attempt_at > now,
            )
            .values(next_attempt_at=now)
        )
    log.info("mail.server_works_again")


def _wait(failures: int) -> timedelta:
    return probe_wait(failures, scale=settings().mail_retry_scale)
