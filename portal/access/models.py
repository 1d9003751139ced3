"""Grants: the periods of portal access of a patient (one row each in the Access History)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model


def _patients_where(name: str, condition: str) -> Index:
    """Whose grants ever came so far: the counters of 6.2 are one walk along it."""
    return Index(
        f"ix_access_grant_{name}",
        "practice_id",
        "patient_id",
        sqlite_where=text(condition),
        postgresql_where=text(condition),
    )


class EndReason(StrEnum):
    """Why a grant ended."""

    REVOKED = "revoked"
    DISABLED = "disabled"
    EMAIL_CHANGED = "email_changed"
    NOT_ME = "not_me"
    IDENTITY_LOCKED = "identity_locked"
    END_DATED = "end_dated"
    DECEASED = "deceased"


class Grant(Model):
    """One period of access: who gave it and when, the e-mail it went to, what came of it, how it ended."""

    __tablename__ = "access_grant"
    __table_args__ = (
        Index(
            "uq_access_grant_current",
            "patient_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "patient_id", "enabled_at"),
        _patients_where("ever_invited", "invited_at IS NOT NULL"),
        _patients_where("ever_activated", "activated_at IS NOT NULL"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="ended_with_reason"),
        CheckConstraint(
            "end_reason IN ('revoked', 'disabled', 'email_changed', 'not_me', 'identity_locked',"
            " 'end_dated', 'deceased')",
            name="end_reason",
        ),
        CheckConstraint(
            "first_logon_at IS NULL OR activated_at IS NOT NULL OR existing_account_since IS NOT NULL",
            name="logon_needs_account",
        ),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    email: Mapped[str | None] = mapped_column(String(254))
    enabled_at: Mapped[datetime]
    enabled_by_name: Mapped[str] = mapped_column(String(200))
    enabled_by_staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff_member.id"))
    invited_at: Mapped[datetime | None]
    activated_at: Mapped[datetime | None]
    first_logon_at: Mapped[datetime | None]
    existing_account_since: Mapped[datetime | None]
    """When the account was activated that this grant found in place (1.5)."""
    ended_at: Mapped[datetime | None]
    ended_by_name: Mapped[str | None] = mapped_column(String(200))
    end_reason: Mapped[str | None] = mapped_column(String(20))
