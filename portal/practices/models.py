"""Practices, the people who work there, and the providers that patients belong to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model


class Role(StrEnum):
    """What a staff member may do (product.md, "Who may what")."""

    FRONT_DESK = "front_desk"
    PROVIDER = "provider"
    ADMINISTRATOR = "administrator"


class Practice(Model):
    """A clinic: one tenant of the installation (12.4)."""

    __tablename__ = "practice"
    __table_args__ = (
        CheckConstraint("invitation_days BETWEEN 1 AND 90", name="invitation_days"),
        CheckConstraint("default_language IN ('en', 'es')", name="default_language"),
        CheckConstraint("reminder_days BETWEEN 0 AND invitation_days - 1", name="reminder_days"),
        CheckConstraint("length(mail_colour) = 7", name="mail_colour"),
        CheckConstraint(
            "appointment_reminder_hours BETWEEN 1 AND 168", name="appointment_reminder_hours"
        ),
        CheckConstraint("quiet_from BETWEEN 0 AND 1439", name="quiet_from"),
        CheckConstraint("quiet_until BETWEEN 0 AND 1439", name="quiet_until"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    time_zone: Mapped[str] = mapped_column(String(64))
    phone: Mapped[str | None] = mapped_column(String(20))
    """E.164."""
    country: Mapped[str] = mapped_column(String(2), insert_default="US")
    default_language: Mapped[str] = mapped_column(String(2), insert_default="en")
    invitation_days: Mapped[int] = mapped_column(insert_default=7)
    sender_name: Mapped[str | None] = mapped_column(String(120))
    """What mail calls its sender; None stands for "PRACTICE via the patient portal" (6.3)."""
    no_reply_email: Mapped[str | None] = mapped_column(String(254))
    """Where mail comes from, under the installation's own domain; None stands for the installation's address."""
    reply_to_email: Mapped[str | None] = mapped_column(String(254))
    reminder_days: Mapped[int] = mapped_column(insert_default=2)
    """So many days before an invitation expires its patient is reminded; 0: never."""
    mail_colour: Mapped[str | None] = mapped_column(String(7))
    """``#rrggbb``; None stands for :data:`portal.practices.rules.USUAL_COLOUR`."""
    confirmation_mails: Mapped[bool] = mapped_column(insert_default=False)
    """Whether a patient is sent a confirmation of each appointment (4.3)."""
    reminder_mails: Mapped[bool] = mapped_column(insert_default=False)
    appointment_reminder_hours: Mapped[int] = mapped_column(insert_default=24)
    """How long before an appointment its reminder goes out."""
    invite_in_confirmations: Mapped[bool] = mapped_column(insert_default=False)
    """Whether a confirmation carries a sign-up link when its patient is eligible and has no account (4.3)."""
    invite_in_reminders: Mapped[bool] = mapped_column(insert_default=False)
    invite_after_first_visit: Mapped[bool] = mapped_column(insert_default=False)
    """Whether a new patient is invited once the first appointment is marked complete (4.3)."""
    quiet_from: Mapped[int] = mapped_column(insert_default=21 * 60)
    """Minutes after local midnight from which no automatic mail goes out; as ``quiet_until``: no quiet hours."""
    quiet_until: Mapped[int] = mapped_column(insert_default=8 * 60)
    portal_appointments: Mapped[bool] = mapped_column(insert_default=True)
    """Feature switch (6.3): whether patients see their appointments on the portal."""
    created_at: Mapped[datetime]


class StaffMember(Model):
    """Somebody who works at one practice, with one role."""

    __tablename__ = "staff_member"
    __table_args__ = (
        CheckConstraint("role IN ('front_desk', 'provider', 'administrator')", name="role"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"), index=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[str] = mapped_column(String(20))
    password_hash: Mapped[str] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2), insert_default="en")
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    practice: Mapped[Practice] = relationship(lazy="joined")


class Provider(Model):
    """A provider of care that patients belong to; may be tied to one staff member."""

    __tablename__ = "provider"
    __table_args__ = (UniqueConstraint("practice_id", "name"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    shares_patients: Mapped[bool] = mapped_column(insert_default=False)
    staff_member_id: Mapped[int | None] = mapped_column(ForeignKey("staff_member.id"), unique=True)


class NoticeAcknowledgement(Model):
    """That a staff member has read one version of the confidentiality notice (5.7)."""

    __tablename__ = "notice_acknowledgement"

    staff_member_id: Mapped[int] = mapped_column(ForeignKey("staff_member.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    acknowledged_at: Mapped[datetime]
