"""Appointments as the schedule makes them, and what goes out because of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from portal.practices.models import Practice
from portal.schedule import changes
from portal.schedule.models import Appointment, AppointmentNotice, AppointmentStatus, Office
from portal.schedule.states import AppointmentState
from portal.transaction import atomic
from tests.factories import SETUP, House

ALL_ON = {
    "confirmation_mails": True,
    "reminder_mails": True,
    "invite_in_confirmations": True,
    "invite_in_reminders": True,
    "invite_after_first_visit": True,
}


def switch(practice: Practice, **switches: Any) -> None:
    """Set the practice's switches without the page."""
    with atomic():
        held = db.session.get_one(Practice, practice.id)
        for name, value in switches.items():
            setattr(held, name, value)


def write(house: House, patient: Patient, starts_at: datetime, **values: Any) -> Appointment:
    """An appointment's row, in the caller's transaction."""
    now = clock.now()
    full: dict[str, Any] = {
        "practice_id": house.practice.id,
        "patient_id": patient.id,
        "office": _office(house.practice, values.pop("zone", house.practice.time_zone)),
        "provider_id": house.provider.id,
        "status": _status(house.practice),
        "state": AppointmentState.SCHEDULED.value,
        "starts_at": starts_at,
        "day": starts_at.date(),
        "minutes": 30,
        "created_at": now,
        "created_by_name": "Tests",
        "updated_at": now,
        "updated_by_name": "Tests",
    } | values
    appointment = Appointment(**full)
    db.session.add(appointment)
    db.session.flush()
    return appointment


def book(house: House, patient: Patient, starts_at: datetime, **values: Any) -> Appointment:
    """Made one by one, as at the desk."""
    with atomic():
        appointment = write(house, patient, starts_at, **values)
        changes.booked(appointment, SETUP, clock.now())
    return appointment


def come_in(house: House, patients: list[Patient], starts_at: datetime) -> list[int]:
    """By a file."""
    with atomic():
        numbers = [write(house, each, starts_at).id for each in patients]
        changes.imported(numbers, SETUP, clock.now())
    return numbers


def move(appointment: Appointment, **span: float) -> None:
    """Another time."""
    with atomic():
        held = db.session.get_one(Appointment, appointment.id)
        held.starts_at += timedelta(**span)
        held.version += 1
        changes.moved(held, SETUP, clock.now())


def end(appointment: Appointment, state: AppointmentState) -> None:
    """Cancelled or completed."""
    with atomic():
        held = db.session.get_one(Appointment, appointment.id)
        held.state = state.value
        hook = changes.completed if state is AppointmentState.COMPLETED else changes.cancelled
        hook(held, SETUP, clock.now())


def planned() -> list[tuple[str, str, str | None]]:
    """Kind, state and reason of every notice, in the order in which they were made."""
    db.session.rollback()
    rows = db.session.scalars(select(AppointmentNotice).order_by(AppointmentNotice.id)).all()
    return [(row.kind, row.state, row.reason) for row in rows]


def mails(purpose: str | None = None) -> list[OutboxMessage]:
    """What was put into the outbox, oldest first."""
    db.session.rollback()
    query = select(OutboxMessage).order_by(OutboxMessage.id)
    return [m for m in db.session.scalars(query) if purpose in {None, m.purpose}]


def _office(practice: Practice, zone: str) -> Office:
    held = db.session.scalar(
        select(Office).where(Office.practice_id == practice.id, Office.time_zone == zone)
    )
    return held or Office(practice_id=practice.id, name=f"Office in {zone}", time_zone=zone)


def _status(practice: Practice) -> AppointmentStatus:
    held = db.session.scalar(
        select(AppointmentStatus).where(AppointmentStatus.practice_id == practice.id)
    )
    return held or AppointmentStatus(
        practice_id=practice.id, name="Planned", meaning=AppointmentState.SCHEDULED.value
    )
