"""Getting back into an account: reset links, passwords handed over at the desk, and what is known of both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import PortalAccount
from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.people.models import Patient


class PasswordReset(Model):
    """One reset link, sent by staff to the address on file of a patient who has an account (3.5)."""

    __tablename__ = "password_reset"
    __table_args__ = (
        Index(
            "uq_password_reset_open",
            "account_id",
            unique=True,
            sqlite_where=text("state = 'open'"),
            postgresql_where=text("state = 'open'"),
        ),
        Index(None, "patient_id", "id"),
        CheckConstraint(
            "state IN ('open', 'used', 'replaced', 'revoked', 'locked', 'failed')", name="state"
        ),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    grant_id: Mapped[int] = mapped_column(ForeignKey("access_grant.id"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("portal_account.id"))
    state: Mapped[str] = mapped_column(String(10))
    email: Mapped[str] = mapped_column(String(254))
    nonce: Mapped[str] = mapped_column(String(43))
    """The link's secret is a keyed hash of this; see :func:`portal.tokens.link_token`."""
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """An hour after the mail server took the mail; until then an hour after the next try."""
    ended_at: Mapped[datetime | None]
    identity_failures: Mapped[int] = mapped_column(insert_default=0)

    patient: Mapped[Patient] = relationship()
    account: Mapped[PortalAccount] = relationship()


class PendingReset(Model):
    """The new password that one browser has typed, until its identity check is passed; dies after 30 minutes."""

    __tablename__ = "pending_reset"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[PrimaryKey]
    handle_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """The hash of the door's handle: what one browser typed is never taken over by another one's check."""
    reset_id: Mapped[int] = mapped_column(ForeignKey("password_reset.id"), index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime]


class OneTimePassword(Model):
    """That the password of an account was set at the desk: it works once, and must be changed then (3.5).

    The row goes when the holder sets a password of their own; while it stands, nothing of a chart is shown.
    """

    __tablename__ = "one_time_password"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("portal_account.id"), primary_key=True, autoincrement=False
    )
    grant_id: Mapped[int] = mapped_column(ForeignKey("access_grant.id"), index=True)
    """It is good as long as this grant stands."""
    handed_over_at: Mapped[datetime]
    handed_over_by: Mapped[str] = mapped_column(String(200))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class AccountEvent(Model):
    """One line of the timeline that an account has written, not an invitation. Rows are only ever added."""

    __tablename__ = "account_event"
    __table_args__ = (Index(None, "grant_id", "at"), UniqueConstraint("grant_id", "kind", "once"))

    id: Mapped[PrimaryKey]
    grant_id: Mapped[int] = mapped_column(ForeignKey("access_grant.id"))
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(30))
    once: Mapped[str | None] = mapped_column(String(60))
    """What makes a repeat of the same observation the same row (a link and its minute, a message's try)."""
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
