"""Offices, the practice's lists, appointments, visit notes and requests."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.people.models import Patient
from portal.practices.models import Practice, Provider


class Office(Model):
    """Where patients are seen; its time zone is that of its appointments."""

    __tablename__ = "office"
    __table_args__ = (UniqueConstraint("practice_id", "name"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    name: Mapped[str] = mapped_column(String(120))
    time_zone: Mapped[str] = mapped_column(String(64))
    position: Mapped[int] = mapped_column(insert_default=0)
    closed_at: Mapped[datetime | None]
    """From then on it is offered no more; its appointments stay."""

    rooms: Mapped[list[ExamRoom]] = relationship(order_by="ExamRoom.position, ExamRoom.id")


class ExamRoom(Model):
    """A room of an office."""

    __tablename__ = "exam_room"
    __table_args__ = (UniqueConstraint("office_id", "name"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    office_id: Mapped[int] = mapped_column(ForeignKey("office.id"))
    name: Mapped[str] = mapped_column(String(60))
    position: Mapped[int] = mapped_column(insert_default=0)
    closed_at: Mapped[datetime | None]


class ListEntry(Model):
    """An entry of one of the practice's lists: a profile, an eligibility profile, a consent form."""

    __tablename__ = "schedule_list_entry"
    __table_args__ = (
        UniqueConstraint("practice_id", "kind", "name"),
        CheckConstraint("kind IN ('profile', 'eligibility', 'consent')", name="kind"),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    kind: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(120))
    minutes: Mapped[int | None]
    """How long an appointment of this profile usually takes."""
    colour: Mapped[str | None] = mapped_column(String(7))
    """``#rrggbb``"""
    preset: Mapped[bool] = mapped_column(insert_default=False)
    """Chosen, or ticked, on a new appointment."""
    position: Mapped[int] = mapped_column(insert_default=0)
    closed_at: Mapped[datetime | None]


class AppointmentStatus(Model):
    """A status as the practice calls it, and what it means (:class:`portal.schedule.states.AppointmentState`)."""

    __tablename__ = "appointment_status"
    __table_args__ = (
        UniqueConstraint("practice_id", "name"),
        CheckConstraint(
            "meaning IN ('scheduled', 'confirmed', 'arrived', 'in_room', 'completed', 'no_show',"
            " 'cancelled')",
            name="meaning",
        ),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    name: Mapped[str] = mapped_column(String(60))
    meaning: Mapped[str] = mapped_column(String(10))
    position: Mapped[int] = mapped_column(insert_default=0)
    closed_at: Mapped[datetime | None]


class Appointment(Model):
    """One visit of one patient."""

    __tablename__ = "appointment"
    __table_args__ = (
        UniqueConstraint("practice_id", "source_id"),
        Index(None, "practice_id", "day", "starts_at", "id"),
        Index(None, "patient_id", "starts_at"),
        CheckConstraint(
            "state IN ('scheduled', 'confirmed', 'arrived', 'in_room', 'completed', 'no_show',"
            " 'cancelled')",
            name="state",
        ),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        CheckConstraint("confirmed_by IN ('patient', 'staff')", name="confirmed_by"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    office_id: Mapped[int] = mapped_column(ForeignKey("office.id"))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))
    supervising_provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))
    exam_room_id: Mapped[int | None] = mapped_column(ForeignKey("exam_room.id"))
    profile_id: Mapped[int | None] = mapped_column(ForeignKey("schedule_list_entry.id"))
    eligibility_id: Mapped[int | None] = mapped_column(ForeignKey("schedule_list_entry.id"))
    status_id: Mapped[int] = mapped_column(ForeignKey("appointment_status.id"))
    state: Mapped[str] = mapped_column(String(10))
    """What the status means; kept here so that the schedule reads no other table to know it."""
    starts_at: Mapped[datetime]
    day: Mapped[date]
    """Of the start, by the office's calendar."""
    minutes: Mapped[int]
    reason: Mapped[str] = mapped_column(String(300), insert_default="")
    notes: Mapped[str] = mapped_column(Text, insert_default="")
    """For staff only."""
    colour: Mapped[str | None] = mapped_column(String(7))
    video_visit: Mapped[bool] = mapped_column(insert_default=False)
    walk_in: Mapped[bool] = mapped_column(insert_default=False)
    transition_of_care: Mapped[bool] = mapped_column(insert_default=False)
    referral: Mapped[bool] = mapped_column(insert_default=False)
    series: Mapped[str | None] = mapped_column(String(22))
    """The appointments of one recurring series share it."""
    version: Mapped[int] = mapped_column(insert_default=1)
    """Grows with each change: whoever saves says which one was seen."""
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[str | None] = mapped_column(String(10))
    completed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    source_id: Mapped[str | None] = mapped_column(String(120))
    """Its id in the file that it came from."""
    created_at: Mapped[datetime]
    created_by_name: Mapped[str] = mapped_column(String(200))
    updated_at: Mapped[datetime]
    updated_by_name: Mapped[str] = mapped_column(String(200))

    practice: Mapped[Practice] = relationship()
    patient: Mapped[Patient] = relationship()
    office: Mapped[Office] = relationship()
    provider: Mapped[Provider | None] = relationship(foreign_keys=[provider_id])
    supervising_provider: Mapped[Provider | None] = relationship(
        foreign_keys=[supervising_provider_id]
    )
    exam_room: Mapped[ExamRoom | None] = relationship()
    profile: Mapped[ListEntry | None] = relationship(foreign_keys=[profile_id])
    status: Mapped[AppointmentStatus] = relationship()


class AppointmentConsent(Model):
    """A consent form that is ticked on an appointment."""

    __tablename__ = "appointment_consent"

    appointment_id: Mapped[int] = mapped_column(
        ForeignKey("appointment.id", ondelete="CASCADE"), primary_key=True
    )
    form_id: Mapped[int] = mapped_column(ForeignKey("schedule_list_entry.id"), primary_key=True)


class VisitNote(Model):
    """What was written about a visit; one per appointment."""

    __tablename__ = "visit_note"

    appointment_id: Mapped[int] = mapped_column(
        ForeignKey("appointment.id", ondelete="CASCADE"), primary_key=True
    )
    text: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(insert_default=1)
    updated_at: Mapped[datetime]
    updated_by_name: Mapped[str] = mapped_column(String(200))


class AppointmentRequest(Model):
    """That a patient asks for an appointment, or for another time."""

    __tablename__ = "appointment_request"
    __table_args__ = (
        Index(
            "ix_appointment_request_open",
            "practice_id",
            "created_at",
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index(
            "ix_appointment_request_one_open",
            "appointment_id",
            unique=True,
            sqlite_where=text("settled_at IS NULL"),
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index(None, "patient_id"),
        CheckConstraint("kind IN ('new', 'change')", name="kind"),
        CheckConstraint("(kind = 'change') = (appointment_id IS NOT NULL)", name="appointment"),
        CheckConstraint("outcome IN ('done', 'declined', 'withdrawn')", name="outcome"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    appointment_id: Mapped[int | None] = mapped_column(ForeignKey("appointment.id"))
    kind: Mapped[str] = mapped_column(String(10))
    wish: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by_name: Mapped[str | None] = mapped_column(String(200))
    outcome: Mapped[str | None] = mapped_column(String(10))
    """:class:`portal.schedule.states.RequestOutcome`, once it is settled."""

    patient: Mapped[Patient] = relationship()
    appointment: Mapped[Appointment | None] = relationship()


class AppointmentNotice(Model):
    """Something that goes out by itself because of an appointment (4.3), planned in the commit that made it due.

    Its state is moved by one conditional update: that is what makes it go out once, however many look for it.
    """

    __tablename__ = "appointment_notice"
    __table_args__ = (
        UniqueConstraint("appointment_id", "kind", "starts_at"),
        Index(
            "ix_appointment_notice_due",
            "due_at",
            "id",
            sqlite_where=text("state = 'planned'"),
            postgresql_where=text("state = 'planned'"),
        ),
        Index(None, "patient_id"),
        CheckConstraint("kind IN ('confirmation', 'reminder', 'first_visit')", name="kind"),
        CheckConstraint("state IN ('planned', 'sent', 'skipped', 'cancelled')", name="state"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointment.id"))
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"))
    kind: Mapped[str] = mapped_column(String(12))
    starts_at: Mapped[datetime]
    """The start that it tells of: a moved appointment is told anew."""
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str | None] = mapped_column(String(40))
    """Why it was skipped."""
    invited: Mapped[bool] = mapped_column(insert_default=False)
    """Whether it carried an invitation's link."""
    settled_at: Mapped[datetime | None]

    appointment: Mapped[Appointment] = relationship()
