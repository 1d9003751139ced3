"""The tables behind the limits of security.md."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey
from portal.extensions import Model


class LimitEvent(Model):
    """One thing that counts against a limit in a trailing window. Keys are keyed hashes, never the value."""

    __tablename__ = "limit_event"
    __table_args__ = (Index(None, "scope", "key", "at"), Index(None, "at"))

    id: Mapped[PrimaryKey]
    scope: Mapped[str] = mapped_column(String(30))
    key: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]


class LogonStreak(Model):
    """Wrong passwords in a row, for an account or a client, and until when the next try waits."""

    __tablename__ = "logon_streak"

    scope: Mapped[str] = mapped_column(String(30), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int]
    last_failed_at: Mapped[datetime]
    blocked_until: Mapped[datetime | None]
