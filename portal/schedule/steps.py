"""The steps that every act upon an appointment is made of, in the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from portal.audit import service as audit
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.people.locking import lock_patient
from portal.schedule import changes, lists, rules
from portal.schedule.models import Appointment, AppointmentStatus
from portal.schedule.states import AppointmentState
from portal.transaction import touch_patient


def locked(appointment: Appointment, version: int | None) -> Appointment:
    """The appointment as it stands now; its patient is locked first, as for every act upon a chart."""
    number, patient_id = appointment.id, appointment.patient_id
    lock_patient(patient_id)
    held = db.session.get_one(
        Appointment, number, with_for_update={"of": Appointment}, populate_existing=True
    )
    expect(held, version)
    return held


def expect(held: Appointment, version: int | None) -> None:
    """Refuse an act upon an older version than the one that stands; None does not ask.

    Raises:
        Stale: somebody changed it meanwhile.
    """
    if version is not None and held.version != version:
        raise Stale


def become(
    held: Appointment,
    status: AppointmentStatus,
    *,
    by: Actor,
    now: datetime,
    reopening: bool = False,
) -> AppointmentState | None:
    """Give it the status; returns the new state where that changed, with all that follows from it.

    Raises:
        Refused: ``transition``.
    """
    before, wanted = AppointmentState(held.state), AppointmentState(status.meaning)
    if not (
        rules.may_become(before, wanted) or (reopening and rules.REOPENED.get(before) is wanted)
    ):
        raise Refused("transition")
    held.status_id = status.id
    if wanted is before:
        return None
    held.state = wanted.value
    if wanted in {AppointmentState.SCHEDULED, AppointmentState.CONFIRMED}:
        confirmed = wanted is AppointmentState.CONFIRMED
        held.confirmed_at = now if confirmed else None
        held.confirmed_by = _confirmer(by) if confirmed else None
    held.cancelled_at = now if wanted is AppointmentState.CANCELLED else None
    first_time = wanted is AppointmentState.COMPLETED and held.completed_at is None
    if first_time:
        held.completed_at = now
    touch_patient(held.patient_id)
    db.session.flush()
    audit.record(
        "appointment.state_changed",
        practice_id=held.practice_id,
        by=by,
        now=now,
        subject=("patient", held.patient_id),
        appointment=held.public_id,
        before=before.value,
        state=wanted.value,
    )
    if wanted is AppointmentState.CANCELLED:
        changes.cancelled(held, by, now)
    elif before is AppointmentState.CANCELLED:
        changes.reopened(held, by, now)
    elif first_time:
        changes.completed(held, by, now)
    return wanted


def _confirmer(by: Actor) -> str:
    return "patient" if by.kind in {ActorKind.ACCOUNT, ActorKind.LINK} else "staff"


def reopen(held: Appointment, *, by: Actor, now: datetime) -> AppointmentState | None:
    """A closed one stands again; returns its new state, None where it is not closed."""
    state = AppointmentState(held.state)
    if state not in rules.CLOSED:
        return None
    status = lists.status_for(held.practice_id, rules.REOPENED[state])
    return become(held, status, by=by, now=now, reopening=True)


def signed(held: Appointment, *, by: Actor, now: datetime) -> None:
    """It was changed: whoever saw it before has seen an older version."""
    held.version += 1
    held.updated_at, held.updated_by_name = now, by.name
    db.session.flush()
