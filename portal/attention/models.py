"""The table of items that wait for a staff member."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.people.models import Patient


class AttentionKind(StrEnum):
    """Why a person is needed."""

    IDENTITY_LOCKED = "identity_locked"
    NOT_ME = "not_me"
    MAIL_FAILED = "mail_failed"
    MAIL_COMPLAINT = "mail_complaint"
    """The reader's mail provider says that a mail which staff sent was not wanted."""


class AttentionItem(Model):
    """One thing that only a person can settle."""

    __tablename__ = "attention_item"
    __table_args__ = (
        Index(
            "ix_attention_item_open",
            "practice_id",
            "raised_at",
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        CheckConstraint(
            "kind IN ('identity_locked', 'not_me', 'mail_failed', 'mail_complaint')", name="kind"
        ),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(40))
    raised_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolved_by_name: Mapped[str | None] = mapped_column(String(200))

    patient: Mapped[Patient] = relationship(lazy="joined")
