"""Pictures, in the database: backups hold them, and every process sees the same one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model


class Purpose(StrEnum):
    """What a picture is for (6.2); a practice has at most one for each."""

    PROFILE = "profile"
    LOGO = "logo"


class Picture(Model):
    """One picture. It never changes: another one has another id, so whoever knows the id may keep its bytes."""

    __tablename__ = "picture"
    __table_args__ = (
        UniqueConstraint("practice_id", "purpose"),
        CheckConstraint("purpose IN ('profile', 'logo')", name="purpose"),
        CheckConstraint("media_type IN ('image/png', 'image/jpeg')", name="media_type"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    purpose: Mapped[str] = mapped_column(String(10))
    media_type: Mapped[str] = mapped_column(String(20))
    width: Mapped[int]
    """Pixels."""
    height: Mapped[int]
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    added_at: Mapped[datetime]
