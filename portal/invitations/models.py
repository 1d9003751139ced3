"""Invitations, and what is known of each (the timeline of 3.8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.access.models import Grant
from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.people.models import Patient


class Invitation(Model):
    """One invitation by e-mail to one patient under one grant."""

    __tablename__ = "invitation"
    __table_args__ = (
        Index(
            "uq_invitation_live",
            "patient_id",
            unique=True,
            sqlite_where=text("state = 'live'"),
            postgresql_where=text("state = 'live'"),
        ),
        Index(
            "uq_invitation_prepared",
            "patient_id",
            unique=True,
            sqlite_where=text("state = 'prepared'"),
            postgresql_where=text("state = 'prepared'"),
        ),
        Index(None, "grant_id", "id"),
        Index(
            "ix_invitation_to_remind",
            "expires_at",
            "id",
            sqlite_where=text("state = 'live' AND reminded_at IS NULL"),
            postgresql_where=text("state = 'live' AND reminded_at IS NULL"),
        ),
        CheckConstraint(
            "state IN ('prepared', 'live', 'used', 'replaced', 'revoked', 'voided', 'locked', 'not_me', 'failed')",
            name="state",
        ),
        CheckConstraint("origin IN ('staff', 'fresh_link', 'bulk', 'automatic')", name="origin"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("access_grant.id"))
    state: Mapped[str] = mapped_column(String(10))
    origin: Mapped[str] = mapped_column(String(10))
    email: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(2))
    inviter_name: Mapped[str] = mapped_column(String(200))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))
    """The provider the account will be associated with (8.5)."""
    nonce: Mapped[str] = mapped_column(String(43))
    """The link's secret is a keyed hash of this; see :func:`portal.tokens.link_token`."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """The end of the printed day, practice's time zone."""
    ended_at: Mapped[datetime | None]
    identity_failures: Mapped[int] = mapped_column(insert_default=0)
    reminded_at: Mapped[datetime | None]
    """When its one reminder was put into the outbox."""

    grant: Mapped[Grant] = relationship()
    patient: Mapped[Patient] = relationship()


class InvitationEvent(Model):
    """One line of the timeline under the Access History."""

    __tablename__ = "invitation_event"
    __table_args__ = (
        Index(None, "invitation_id", "at"),
        UniqueConstraint("invitation_id", "kind", "once"),
    )

    id: Mapped[PrimaryKey]
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(30))
    once: Mapped[str | None] = mapped_column(String(40))
    """What makes a repeat of the same observation the same row (a minute, a message's try)."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
