"""Runs, and the people in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.practices.models import Practice, StaffMember


class BulkRun(Model):
    """One act upon many patients. Its numbers move in the commits that move its people."""

    __tablename__ = "bulk_run"
    __table_args__ = (
        Index(
            "uq_bulk_run_open",
            "practice_id",
            unique=True,
            sqlite_where=text("state IN ('running', 'paused')"),
            postgresql_where=text("state IN ('running', 'paused')"),
        ),
        Index(None, "practice_id", "started_at"),
        CheckConstraint("kind IN ('enable', 'disable', 'invite')", name="kind"),
        CheckConstraint("scope IN ('selection', 'practice', 'failed')", name="scope"),
        CheckConstraint("state IN ('running', 'paused', 'done', 'cancelled')", name="state"),
        CheckConstraint("(state = 'paused') = (paused_by IS NOT NULL)", name="paused_by_somebody"),
        CheckConstraint(
            "done >= 0 AND skipped >= 0 AND failed >= 0 AND mailing >= 0"
            " AND done + skipped + failed + mailing <= total",
            name="numbers",
        ),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    kind: Mapped[str] = mapped_column(String(10))
    scope: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10))
    staff_member_id: Mapped[int] = mapped_column(ForeignKey("staff_member.id"))
    started_by_name: Mapped[str] = mapped_column(String(200))
    client: Mapped[str | None] = mapped_column(String(64))
    """From where it was started: its acts carry it into the audit trail."""
    started_at: Mapped[datetime]
    worked_at: Mapped[datetime]
    """When its last batch was committed."""
    finished_at: Mapped[datetime | None]
    returns_until: Mapped[datetime | None]
    """Mails that came back until then are counted as failed; None: none was looked for yet."""
    total: Mapped[int]
    """Everybody in it, those who were passed over at the start too."""
    done: Mapped[int] = mapped_column(insert_default=0)
    skipped: Mapped[int] = mapped_column(insert_default=0)
    failed: Mapped[int] = mapped_column(insert_default=0)
    mailing: Mapped[int] = mapped_column(insert_default=0)
    paused_by: Mapped[str | None] = mapped_column(String(10))
    paused_by_name: Mapped[str | None] = mapped_column(String(200))
    pause_reason: Mapped[str | None] = mapped_column(String(40))
    """What the mail server's trouble is; a code of :class:`portal.mail.rules.Reason`."""

    practice: Mapped[Practice] = relationship()
    staff_member: Mapped[StaffMember] = relationship()

    @property
    def acted_upon(self) -> int:
        """These were not passed over."""
        return self.done + self.failed + self.mailing

    @property
    def remaining(self) -> int:
        """Nobody has come to these yet."""
        return self.total - self.done - self.skipped - self.failed - self.mailing


class BulkItem(Model):
    """One person of a run; nobody is in it twice."""

    __tablename__ = "bulk_item"
    __table_args__ = (
        # who waits (their reason is null) and who was passed over for one reason, each in the order of their numbers
        Index(None, "run_id", "state", "reason", "patient_id"),
        CheckConstraint(
            "state IN ('waiting', 'mailing', 'done', 'skipped', 'failed')", name="state"
        ),
        {"sqlite_with_rowid": False},
    )

    run_id: Mapped[int] = mapped_column(
        ForeignKey("bulk_run.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(40))
    """Skipped: a :class:`portal.bulk.states.SkipReason`. Failed: a :class:`portal.mail.rules.Reason`."""
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitation.id"))
    settled_at: Mapped[datetime | None]
