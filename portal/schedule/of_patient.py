"""Appointments as their patient sees them, and what a patient may do: confirm, ask for another time, ask for one.

Whoever calls has made sure that the account may read the patient's chart; here every id has to be that patient's.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import joinedload

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound, Refused
from portal.extensions import db
from portal.limits import service as limits
from portal.limits.rules import APPOINTMENT_REQUESTS
from portal.people.locking import lock_patient
from portal.people.models import Patient
from portal.schedule import changes, lists, steps
from portal.schedule.models import Appointment, AppointmentRequest
from portal.schedule.states import AppointmentState as State
from portal.schedule.states import RequestKind, RequestOutcome
from portal.transaction import atomic

LONGEST_WISH = 500
MOST_OPEN = 3
"""So many appointments may be asked for at a time."""
SHOWN_COMING = 20
SHOWN_PAST = 10
TOLD_FOR = timedelta(days=14)
"""So long the patient is told what became of a request."""
_LONGEST_VISIT = timedelta(days=1)
_CHANGEABLE = (State.SCHEDULED, State.CONFIRMED)


def coming(patient_id: int, *, now: datetime, limit: int = SHOWN_COMING) -> list[Appointment]:
    """The patient's appointments that are not over, the next first; those that were cancelled too."""
    rows = db.session.scalars(
        _whole()
        .where(
            Appointment.patient_id == patient_id,
            Appointment.starts_at > now - _LONGEST_VISIT,
            Appointment.state.not_in([State.COMPLETED, State.NO_SHOW]),
        )
        .order_by(Appointment.starts_at, Appointment.id)
    )
    ahead = (visit for visit in rows if visit.starts_at + timedelta(minutes=visit.minutes) > now)
    return list(ahead)[:limit]


def visits(patient_id: int, *, now: datetime, limit: int = SHOWN_PAST) -> list[Appointment]:
    """The last visits, the latest first."""
    return list(
        db.session.scalars(
            _whole()
            .where(
                Appointment.patient_id == patient_id,
                Appointment.state == State.COMPLETED.value,
                Appointment.starts_at <= now,
            )
            .order_by(Appointment.starts_at.desc(), Appointment.id.desc())
            .limit(limit)
        )
    )


def requests(patient_id: int, *, now: datetime) -> list[AppointmentRequest]:
    """What was asked: what is open, and what staff answered lately; the latest first."""
    rows = db.session.scalars(
        select(AppointmentRequest)
        .where(AppointmentRequest.patient_id == patient_id)
        .where(
            AppointmentRequest.settled_at.is_(None)
            | (
                (AppointmentRequest.settled_at > now - TOLD_FOR)
                & (AppointmentRequest.outcome != RequestOutcome.WITHDRAWN)
            )
        )
        .order_by(AppointmentRequest.created_at.desc(), AppointmentRequest.id.desc())
        .limit(SHOWN_COMING)
        .options(joinedload(AppointmentRequest.appointment).joinedload(Appointment.office))
    )
    return list(rows)


def get(patient_ids: list[int], public_id: str) -> Appointment:
    """One of these patients' appointments.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    found = db.session.scalar(
        _whole().where(Appointment.public_id == public_id, Appointment.patient_id.in_(patient_ids))
    )
    if found is None:
        raise NotFound("appointment")
    return found


def may_confirm(appointment: Appointment, *, now: datetime) -> bool:
    """Whether there is something to confirm."""
    return appointment.state == State.SCHEDULED and appointment.starts_at > now


def may_ask_to_change(appointment: Appointment, *, now: datetime) -> bool:
    """Whether it is still to come and nothing has begun."""
    return appointment.state in _CHANGEABLE and appointment.starts_at > now


def confirm(appointment: Appointment, *, by: Actor, now: datetime) -> Appointment:
    """The patient will come. Twice is harmless.

    Raises:
        Refused: ``over``: it has begun, was moved into the past or was cancelled.
    """
    with atomic():
        held = steps.locked(appointment, None)
        if held.state == State.CONFIRMED and held.starts_at > now:
            return held
        if not may_confirm(held, now=now):
            raise Refused("over")
        confirmed = lists.status_for(held.practice_id, State.CONFIRMED)
        steps.become(held, confirmed, by=by, now=now)
        steps.signed(held, by=by, now=now)
        return held


def ask_to_change(
    appointment: Appointment, *, wish: str, by: Actor, now: datetime
) -> AppointmentRequest:
    """The patient asks for another time.

    Args:
        wish: what the patient says, checked by the form.

    Raises:
        Refused: ``over``, ``asked`` (there is an open request for it) or ``too_many``.
    """
    with atomic():
        held = steps.locked(appointment, None)
        if not may_ask_to_change(held, now=now):
            raise Refused("over")
        if _open(AppointmentRequest.appointment_id == held.id):
            raise Refused("asked")
        return _ask(held.patient_id, RequestKind.CHANGE, wish, held, by=by, now=now)


def ask_for_one(patient: Patient, *, wish: str, by: Actor, now: datetime) -> AppointmentRequest:
    """The patient asks for an appointment.

    Raises:
        Refused: ``too_many``: so many wait for an answer already, or were asked for today.
    """
    patient_id = patient.id
    with atomic():
        lock_patient(patient_id)
        mine = AppointmentRequest.patient_id == patient_id
        if _open(mine & (AppointmentRequest.kind == RequestKind.NEW.value)) >= MOST_OPEN:
            raise Refused("too_many")
        return _ask(patient_id, RequestKind.NEW, wish, None, by=by, now=now)


def take_back(patient_ids: list[int], public_id: str, *, by: Actor, now: datetime) -> None:
    """The patient does not ask any more. Twice is harmless.

    Raises:
        NotFound: none of these patients asked it.
        Refused: ``answered``: staff were quicker.
    """
    with atomic():
        request = _locked_request(
            AppointmentRequest.public_id == public_id,
            AppointmentRequest.patient_id.in_(patient_ids),
        )
        if request.settled_at is None:
            _settle(request, RequestOutcome.WITHDRAWN, by=by, now=now)
        elif request.outcome != RequestOutcome.WITHDRAWN:
            raise Refused("answered")


def open_requests(practice_id: int, *, limit: int = 100) -> list[AppointmentRequest]:
    """What patients wait for, the oldest first."""
    return list(
        db.session.scalars(
            select(AppointmentRequest)
            .where(
                AppointmentRequest.practice_id == practice_id,
                AppointmentRequest.settled_at.is_(None),
            )
            .order_by(AppointmentRequest.created_at, AppointmentRequest.id)
            .limit(limit)
            .options(
                joinedload(AppointmentRequest.patient),
                joinedload(AppointmentRequest.appointment).joinedload(Appointment.office),
                joinedload(AppointmentRequest.appointment).joinedload(Appointment.provider),
            )
        )
    )


def count_open(practice_id: int) -> int:
    """How many requests wait."""
    return _open(AppointmentRequest.practice_id == practice_id)


def settle(
    *, practice_id: int, public_id: str, outcome: RequestOutcome, by: Actor, now: datetime
) -> AppointmentRequest:
    """Staff have seen to it. The same answer twice is harmless.

    Raises:
        NotFound: the practice has no such request.
        Refused: ``settled``: it ended otherwise meanwhile.
    """
    with atomic():
        request = _locked_request(
            AppointmentRequest.public_id == public_id,
            AppointmentRequest.practice_id == practice_id,
        )
        if request.settled_at is None:
            _settle(request, outcome, by=by, now=now)
        elif request.outcome != outcome:
            raise Refused("settled")
        return request


def register() -> None:
    """An appointment that staff moved or cancelled answers the request to change it."""
    changes.moved.register(_answered)
    changes.cancelled.register(_answered)


def _answered(appointment: Appointment, by: Actor, now: datetime) -> None:
    query = select(AppointmentRequest).where(
        AppointmentRequest.appointment_id == appointment.id,
        AppointmentRequest.settled_at.is_(None),
    )
    for request in db.session.scalars(query):
        _settle(request, RequestOutcome.DONE, by=by, now=now)


def _ask(
    patient_id: int,
    kind: RequestKind,
    wish: str,
    appointment: Appointment | None,
    *,
    by: Actor,
    now: datetime,
) -> AppointmentRequest:
    patient = db.session.get_one(Patient, patient_id)
    if limits.reached(APPOINTMENT_REQUESTS, patient.public_id, now=now):
        raise Refused("too_many")
    limits.add(APPOINTMENT_REQUESTS, patient.public_id, now=now)
    request = AppointmentRequest(
        practice_id=patient.practice_id,
        patient_id=patient_id,
        appointment_id=appointment.id if appointment else None,
        kind=kind.value,
        wish=wish,
        created_at=now,
    )
    db.session.add(request)
    db.session.flush()
    audit.record(
        "appointment_request.made",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient_id),
        request=request.public_id,
        kind=kind.value,
        appointment=appointment.public_id if appointment else None,
    )
    return request


def _settle(
    request: AppointmentRequest, outcome: RequestOutcome, *, by: Actor, now: datetime
) -> None:
    request.settled_at, request.settled_by_name = now, by.name
    request.outcome = outcome.value
    db.session.flush()
    audit.record(
        "appointment_request.settled",
        practice_id=request.practice_id,
        by=by,
        now=now,
        subject=("patient", request.patient_id),
        request=request.public_id,
        outcome=outcome.value,
    )


def _open(*where: ColumnElement[bool]) -> int:
    query = select(func.count()).where(AppointmentRequest.settled_at.is_(None), *where)
    return db.session.scalar(query) or 0


def _whole() -> Select[Appointment]:
    return select(Appointment).options(
        joinedload(Appointment.office),
        joinedload(Appointment.provider),
        joinedload(Appointment.profile),
    )


def _locked_request(*where: ColumnElement[bool]) -> AppointmentRequest:
    request = db.session.scalar(
        select(AppointmentRequest)
        .where(*where)
        .with_for_update(of=AppointmentRequest)
        .execution_options(populate_existing=True)
    )
    if request is None:
        raise NotFound("request")
    return request
