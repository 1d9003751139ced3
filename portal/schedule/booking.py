"""Book, change, cancel, complete and reopen appointments. The only writer of ``appointment``, apart from files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import tokens
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound, Refused
from portal.extensions import db
from portal.people.locking import lock_patient
from portal.people.models import Patient
from portal.schedule import changes, consents, lists, rules, steps
from portal.schedule.models import Appointment, AppointmentStatus, Office
from portal.schedule.slip import PLAIN, Changed, Slip, parts_of
from portal.schedule.states import AppointmentState
from portal.transaction import atomic, touch_patient


def get(*, practice_id: int, public_id: str) -> Appointment:
    """One appointment of the practice.

    Raises:
        NotFound: there is none, or it is another practice's.
    """
    found = db.session.scalar(
        select(Appointment).where(
            Appointment.public_id == public_id, Appointment.practice_id == practice_id
        )
    )
    if found is None:
        raise NotFound("appointment")
    return found


def book(
    *,
    patient: Patient,
    slip: Slip,
    by: Actor,
    now: datetime,
    repeat: rules.Repeat | None = None,
    public_id: str | None = None,
) -> list[Appointment]:
    """A new appointment, or a whole series; first the first.

    Args:
        public_id: what the first one is to be called. If the patient has one of that name it was booked before
            (a double click), and what stands is returned.

    Raises:
        NotFound: an id of the slip is not the practice's.
        rules.NoSuchTime: the clocks of the office skip the time on one of the days.
    """
    with atomic():
        patient = lock_patient(patient.id)
        held = named(patient.id, public_id) if public_id else []
        if held:
            return held
        parts = parts_of(patient.practice_id, slip)
        days = rules.occurrences(slip.day, slip.wall, parts.office.time_zone, repeat)
        series = tokens.public_id() if repeat else None
        made = [
            Appointment(
                public_id=tokens.public_id(),
                practice_id=patient.practice_id,
                patient_id=patient.id,
                status_id=parts.scheduled.id,
                state=AppointmentState.SCHEDULED.value,
                starts_at=start.at,
                day=day,
                minutes=parts.minutes,
                series=series,
                version=1,
                created_at=now,
                created_by_name=by.name,
                updated_at=now,
                updated_by_name=by.name,
                **{name: getattr(slip, name) for name in PLAIN},
            )
            for day, start in days
        ]
        if public_id and not _taken(public_id):
            made[0].public_id = public_id
        db.session.add_all(made)
        db.session.flush()
        ticked = (
            parts.consents if slip.consents is not None else consents.usual(patient.practice_id)
        )
        for appointment in made:
            consents.tick(appointment, ticked)
        touch_patient(patient.id)
        audit.record(
            "appointment.booked",
            practice_id=patient.practice_id,
            by=by,
            now=now,
            subject=("patient", patient.id),
            appointment=made[0].public_id,
            starts_at=made[0].starts_at.isoformat(),
            times=len(made),
        )
        for appointment in made:
            changes.booked(appointment, by, now)
        if parts.status is not None:
            for appointment in made:
                steps.become(appointment, parts.status, by=by, now=now)
        db.session.flush()
        return made


def change(
    *,
    appointment: Appointment,
    version: int,
    slip: Slip,
    by: Actor,
    now: datetime,
    reopening: bool = False,
) -> Changed:
    """Save an appointment as it was edited.

    Args:
        version: the one that the editor saw.
        reopening: if it is closed, it is opened again first.

    Raises:
        Stale: somebody changed it meanwhile; nothing was written.
        NotFound: an id of the slip is not the practice's.
        Refused: ``closed`` when a closed appointment is to be moved, ``transition`` for a status that does not
            follow on the one it has.
        rules.NoSuchTime: the clocks of the office skip the time on that day.
    """
    with atomic():
        held = steps.locked(appointment, version)
        parts = parts_of(held.practice_id, slip)
        start = _start_of(held, slip, parts.office)
        values = {name: getattr(slip, name) for name in PLAIN} | {
            "starts_at": start,
            "day": slip.day,
            "minutes": parts.minutes,
        }
        before = held.starts_at
        became = steps.reopen(held, by=by, now=now) if reopening else None
        fields = {name for name, value in values.items() if getattr(held, name) != value}
        state = AppointmentState(held.state)
        if state in rules.CLOSED and fields & {"starts_at", "day", "office_id"}:
            raise Refused("closed")
        for name in fields:
            setattr(held, name, values[name])
        if slip.consents is not None and consents.tick(held, parts.consents):
            fields.add("consents")
        moved = "starts_at" in fields
        status = parts.status
        if moved and (status is None or status.id == held.status_id):
            wanted = rules.after_moving(state)
            status = None if wanted is state else lists.status_for(held.practice_id, wanted)
        if status is not None:
            became = steps.become(held, status, by=by, now=now) or became
        done = Changed(tuple(sorted(fields)), became)
        if done:
            steps.signed(held, by=by, now=now)
            _tell_changed(held, fields, before, by=by, now=now)
        return done


def set_status(
    *,
    appointment: Appointment,
    status: AppointmentStatus,
    by: Actor,
    now: datetime,
    version: int | None = None,
) -> bool:
    """Give an appointment a status of the practice's list; False when it has it already.

    Args:
        version: the one that was seen; None does not ask.

    Raises:
        Stale, NotFound: as for :func:`change`.
        Refused: ``transition``.
    """
    status_id = status.id
    with atomic():
        held = steps.locked(appointment, None)
        if held.status_id == status_id:
            return False
        chosen = db.session.get_one(AppointmentStatus, status_id)
        if chosen.practice_id != held.practice_id:
            raise NotFound("status")
        return _become(held, chosen, version, by=by, now=now)


def cancel(
    *, appointment: Appointment, by: Actor, now: datetime, version: int | None = None
) -> bool:
    """It will not take place. False when it was cancelled already.

    Raises:
        Stale, Refused: as for :func:`set_status`.
    """
    return _reach(appointment, AppointmentState.CANCELLED, version, by=by, now=now)


def complete(
    *, appointment: Appointment, by: Actor, now: datetime, version: int | None = None
) -> bool:
    """It took place. False when it was completed already.

    Raises:
        Stale, Refused: as for :func:`set_status`.
    """
    return _reach(appointment, AppointmentState.COMPLETED, version, by=by, now=now)


def reopen(
    *, appointment: Appointment, by: Actor, now: datetime, version: int | None = None
) -> bool:
    """A closed appointment stands again. False when it is not closed.

    Raises:
        Stale: as for :func:`change`.
    """
    with atomic():
        held = steps.locked(appointment, None)
        if AppointmentState(held.state) not in rules.CLOSED:
            return False
        steps.expect(held, version)
        steps.reopen(held, by=by, now=now)
        steps.signed(held, by=by, now=now)
        return True


def _reach(
    appointment: Appointment,
    wanted: AppointmentState,
    version: int | None,
    *,
    by: Actor,
    now: datetime,
) -> bool:
    with atomic():
        held = steps.locked(appointment, None)
        if held.state == wanted:
            return False
        status = lists.status_for(held.practice_id, wanted)
        return _become(held, status, version, by=by, now=now)


def _become(
    held: Appointment,
    status: AppointmentStatus,
    version: int | None,
    *,
    by: Actor,
    now: datetime,
) -> bool:
    steps.expect(held, version)
    steps.become(held, status, by=by, now=now)
    steps.signed(held, by=by, now=now)
    return True


def _start_of(held: Appointment, slip: Slip, office: Office) -> datetime:
    """The moment that was chosen. What a file brought keeps its seconds while nobody moves it."""
    shown = rules.local(held.starts_at, office.time_zone)
    wanted = datetime.combine(slip.day, slip.wall, tzinfo=shown.tzinfo)
    if shown.replace(second=0, microsecond=0, fold=0) == wanted and held.office_id == office.id:
        return held.starts_at
    return rules.start(slip.day, slip.wall, office.time_zone).at


def _tell_changed(
    held: Appointment, fields: set[str], before: datetime, *, by: Actor, now: datetime
) -> None:
    told: dict[str, Any] = {
        "practice_id": held.practice_id,
        "by": by,
        "now": now,
        "subject": ("patient", held.patient_id),
        "appointment": held.public_id,
    }
    if others := sorted(fields - {"starts_at", "day"}):
        audit.record("appointment.changed", **told, fields=others)
    if "starts_at" in fields:
        touch_patient(held.patient_id)
        audit.record(
            "appointment.moved",
            **told,
            before=before.isoformat(),
            starts_at=held.starts_at.isoformat(),
        )
        changes.moved(held, by, now)


def named(patient_id: int, public_id: str) -> list[Appointment]:
    """The patient's appointment of that name, with the rest of its series; nothing where there is none."""
    first = db.session.scalar(
        select(Appointment).where(
            Appointment.public_id == public_id, Appointment.patient_id == patient_id
        )
    )
    if first is None or first.series is None:
        return [first] if first else []
    return list(
        db.session.scalars(
            select(Appointment)
            .where(Appointment.patient_id == patient_id, Appointment.series == first.series)
            .order_by(Appointment.starts_at)
        )
    )


def _taken(public_id: str) -> bool:
    return (
        db.session.scalar(select(Appointment.id).where(Appointment.public_id == public_id))
        is not None
    )
