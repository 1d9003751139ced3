"""The consent forms that are ticked on appointments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select

from portal.audit.actor import Actor
from portal.extensions import db
from portal.schedule import changes, lists
from portal.schedule.models import Appointment, AppointmentConsent, ListEntry
from portal.schedule.states import ListKind

CHUNK = 500


def of(appointment: Appointment) -> frozenset[int]:
    """The numbers of the forms that are ticked on it."""
    return frozenset(
        db.session.scalars(
            select(AppointmentConsent.form_id).where(
                AppointmentConsent.appointment_id == appointment.id
            )
        )
    )


def usual(practice_id: int) -> frozenset[int]:
    """Those that are ticked on a new appointment."""
    forms = lists.entries(practice_id, ListKind.CONSENT)
    return frozenset(form.id for form in forms if form.preset)


def tick(appointment: Appointment, wanted: frozenset[int]) -> bool:
    """Tick these and no others, in the caller's transaction; whether that changed anything."""
    if of(appointment) == wanted:
        return False
    db.session.execute(
        delete(AppointmentConsent).where(AppointmentConsent.appointment_id == appointment.id)
    )
    db.session.add_all(
        AppointmentConsent(appointment_id=appointment.id, form_id=form_id)
        for form_id in sorted(wanted)
    )
    db.session.flush()
    return True


def tick_imported(numbers: Sequence[int], by: Actor, now: datetime) -> None:
    """What a file brings and is to come is as new as what is booked: the usual forms are ticked.

    Not those of visits that are over, nor of appointments that staff have had in hand.
    """
    ticked = select(AppointmentConsent.form_id).where(
        AppointmentConsent.appointment_id == Appointment.id
    )
    for first in range(0, len(numbers), CHUNK):
        new = (
            select(Appointment.id, ListEntry.id)
            .join(ListEntry, ListEntry.practice_id == Appointment.practice_id)
            .where(
                Appointment.id.in_(numbers[first : first + CHUNK]),
                Appointment.starts_at > now,
                Appointment.version == 1,
                ListEntry.kind == ListKind.CONSENT.value,
                ListEntry.preset,
                ListEntry.closed_at.is_(None),
                ~ticked.exists(),
            )
        )
        db.session.execute(
            insert(AppointmentConsent).from_select(["appointment_id", "form_id"], new)
        )


def register() -> None:
    """Follow every import."""
    changes.imported.register(tick_imported)
