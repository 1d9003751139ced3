"""What an account adds to the timeline of a grant (3.8): resets, and credentials from the desk. Rows are only added."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from portal.accounts.recovery_models import AccountEvent
from portal.extensions import db


class AccountLine(StrEnum):
    """The lines there may be."""

    RESET_QUEUED = "reset_queued"
    RESET_WAITING = "reset_waiting"
    """The address has had its hourly share of mail; it waits until the time in ``data``."""
    RESET_DELAYED = "reset_delayed"
    RESET_ACCEPTED = "reset_accepted"
    RESET_MAYBE_ACCEPTED = "reset_maybe_accepted"
    RESET_FAILED = "reset_failed"
    RESET_OPENED = "reset_opened"
    RESET_IDENTITY_FAILED = "reset_identity_failed"
    RESET_LOCKED = "reset_locked"
    RESET_USED = "reset_used"
    RESET_REPLACED = "reset_replaced"
    RESET_REVOKED = "reset_revoked"
    HANDED_OVER = "handed_over"
    PASSWORD_CHOSEN = "password_chosen"  # noqa: S105 (the name of a line)
    """By its holder, in place of the one from the desk."""
    USERNAME_CHANGED = "username_changed"
    EMAIL_CODE_SENT = "email_code_sent"
    EMAIL_CONFIRMED = "email_confirmed"


def add(
    grant_id: int, kind: AccountLine, *, now: datetime, once: str | None = None, **data: Any
) -> None:
    """One more line, in the caller's transaction; with ``once`` a repeat of the same is one line."""
    insert = (
        postgresql.insert(AccountEvent)
        if db.engine.dialect.name == "postgresql"
        else sqlite.insert(AccountEvent)
    )
    db.session.execute(
        insert.values(
            grant_id=grant_id, kind=kind.value, at=now, once=once, data=data
        ).on_conflict_do_nothing()
    )


def of_grant(grant_id: int, *, limit: int = 200) -> list[AccountEvent]:
    """The lines of one grant, newest first."""
    return list(
        db.session.scalars(
            select(AccountEvent)
            .where(AccountEvent.grant_id == grant_id)
            .order_by(AccountEvent.at.desc(), AccountEvent.id.desc())
            .limit(limit)
        )
    )
