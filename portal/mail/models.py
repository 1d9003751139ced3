"""The outbox: every mail is a row first, written in the same commit as the fact it tells of."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.mail.state import OutboxState as OutboxState


class OutboxMessage(Model):
    """One mail to one address."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index(
            "ix_outbox_message_due",
            "next_attempt_at",
            "id",
            sqlite_where=text("state = 'queued'"),
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_outbox_message_leased",
            "leased_until",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index(
            "ix_outbox_message_bounced",
            "practice_id",
            "bounced_at",
            sqlite_where=text("state = 'bounced'"),
            postgresql_where=text("state = 'bounced'"),
        ),
        Index(None, "purpose", "subject_id"),
        Index(None, "practice_id", "address_key", "due_at"),
        CheckConstraint(
            "state IN ('queued', 'sending', 'accepted', 'failed', 'unknown', 'cancelled',"
            " 'bounced')",
            name="state",
        ),
        CheckConstraint("kind IN ('staff', 'self_service', 'security')", name="kind"),
        CheckConstraint("(state = 'sending') = (lease IS NOT NULL)", name="leased_while_sending"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    purpose: Mapped[str] = mapped_column(String(30))
    """Which room composes it; see :mod:`portal.mail.registry`."""
    subject_id: Mapped[int] = mapped_column(BigInteger)
    """The row of that room that it tells of (an invitation, a patient whose e-mail changed ...)."""
    kind: Mapped[str] = mapped_column(String(12))
    """Whose wish it is; see :class:`portal.mail.rules.MailKind`."""
    address: Mapped[str] = mapped_column(String(254))
    address_key: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(2))
    message_id: Mapped[str] = mapped_column(String(280), unique=True)
    """Stable over repeats, without angle brackets."""
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(insert_default=0)
    """Tries that led to an answer, or to none; being put off while the server is down is no try."""
    due_at: Mapped[datetime]
    """When it was first to go out: what the hourly limit counts and the 24 hours of retries begin with."""
    next_attempt_at: Mapped[datetime]
    lease: Mapped[str | None] = mapped_column(String(22))
    """Which sender has it: a result is recorded only by the holder of the lease."""
    leased_until: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    """Written just before the bytes go out, erased by an answer: a sender that died in between leaves it."""
    doubtful_tries: Mapped[int] = mapped_column(insert_default=0)
    """Tries after which nobody knows whether it arrived; a mail accepted after one may have arrived twice."""
    reason: Mapped[str | None] = mapped_column(String(40))
    """The code of the last failure or wait; :mod:`portal.mail.wording` has its words."""
    server_said: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """Of a row that is still being sent: the server has taken the mail, and what follows from it is about to be
    written (decision 28)."""
    bounced_at: Mapped[datetime | None]
    """When it came back; the row is ``bounced`` from then on."""
    complained_at: Mapped[datetime | None]
    """When the reader's mail provider first passed on a complaint about it."""


class MailServerTrouble(Model):
    """That the mail server as a whole does not work. One row, written at the first trouble ever."""

    __tablename__ = "mail_server_trouble"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[PrimaryKey]
    since: Mapped[datetime | None]
    """None: it works."""
    failures: Mapped[int] = mapped_column(insert_default=0)
    """In a row."""
    probe_at: Mapped[datetime]
    """Until then nobody connects; then one does."""
    reason: Mapped[str | None] = mapped_column(String(40))
    server_said: Mapped[str | None] = mapped_column(String(200))


class SweepLease(Model):
    """Which worker sweeps; one row per kind of sweep."""

    __tablename__ = "sweep_lease"

    name: Mapped[str] = mapped_column(String(30), primary_key=True)
    holder: Mapped[str] = mapped_column(String(22))
    until: Mapped[datetime]
