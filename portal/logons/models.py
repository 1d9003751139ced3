"""The table of log-ons."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey
from portal.extensions import Model


class Logon(Model):
    """One browser that is logged on. Its cookie carries a reference token; here is only the token's hash."""

    __tablename__ = "logon"
    __table_args__ = (
        Index(None, "side", "subject_id", "ended_at"),
        CheckConstraint("side IN ('staff', 'portal')", name="side"),
    )

    id: Mapped[PrimaryKey]
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    side: Mapped[str] = mapped_column(String(10))
    subject_id: Mapped[int] = mapped_column(BigInteger)
    """The staff member's or the portal account's internal number."""
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(20))
    client: Mapped[str | None] = mapped_column(String(64))
