"""Read the schedule: a day, a week, one patient's appointments, and what would be in two places.

A day is one query, however many appointments it has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.people.models import Patient
from portal.schedule import rules
from portal.schedule.models import Appointment
from portal.schedule.states import AppointmentState

PAGE = 25
SHOWN_OF_A_DAY = 12
"""Appointments of each day in a week; a link leads to the rest."""
_STANDING = [state.value for state in AppointmentState if rules.holds_its_time(state)]
_SHOWN = (
    joinedload(Appointment.provider),
    joinedload(Appointment.office),
    joinedload(Appointment.exam_room),
    joinedload(Appointment.status),
    joinedload(Appointment.profile),
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Whose appointments, and where; None for all."""

    office_id: int | None = None
    provider_id: int | None = None


@dataclass(frozen=True, slots=True)
class DayOfWeek:
    """One day in a week: how many stand, and the first of all."""

    day: date
    number: int
    """Those that take place: neither cancelled nor given up."""
    appointments: list[Appointment]
    more: int
    """How many are left out."""


@dataclass(frozen=True, slots=True)
class Visits:
    """A page of one patient's appointments, the latest first."""

    appointments: list[Appointment]
    earlier: bool
    """Whether there are more before them."""
    later: bool


def of_day(practice_id: int, day: date, wanted: Filter) -> list[Appointment]:
    """The appointments of a day by its offices' calendars, in the order of their start."""
    query = (
        _of(practice_id, wanted)
        .where(Appointment.day == day)
        .options(joinedload(Appointment.patient).selectinload(Patient.phones))
    )
    return list(db.session.scalars(query))


def of_week(practice_id: int, first: date, wanted: Filter) -> list[DayOfWeek]:
    """Seven days from ``first`` on: two queries."""
    last = first + timedelta(days=6)
    narrowed = (
        Appointment.practice_id == practice_id,
        Appointment.day.between(first, last),
        *_narrowed(wanted),
    )
    counted = db.session.execute(
        select(Appointment.day, Appointment.state, func.count())
        .where(*narrowed)
        .group_by(Appointment.day, Appointment.state)
    ).all()
    place = func.row_number().over(
        partition_by=Appointment.day, order_by=(Appointment.starts_at, Appointment.id)
    )
    ranked = select(Appointment.id, place.label("place")).where(*narrowed).subquery()
    shown = list(
        db.session.scalars(
            select(Appointment)
            .join(ranked, ranked.c.id == Appointment.id)
            .where(ranked.c.place <= SHOWN_OF_A_DAY)
            .order_by(Appointment.starts_at, Appointment.id)
            .options(*_SHOWN, joinedload(Appointment.patient))
        )
    )
    return [
        _day_of_week(first + timedelta(days=n), [tuple(row) for row in counted], shown)
        for n in range(7)
    ]


def of_patient(
    patient: Patient, *, before: Appointment | None = None, after: Appointment | None = None
) -> Visits:
    """The patient's appointments, past and coming; a page before (or after) one of them."""
    backwards = after is not None
    query = _of_patient(patient.id, falling=not backwards)
    edge = after or before
    if edge is not None:
        query = query.where(_beyond(edge, later=backwards))
    rows = list(db.session.scalars(query.limit(PAGE + 1)))
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if backwards:
        rows.reverse()
    if edge is None:
        return Visits(rows, earlier=more, later=False)
    return Visits(rows, earlier=more or backwards, later=more if backwards else True)


def past_of(patient_id: int, *, now: datetime, but: int | None = None) -> int:
    """How many appointments of a patient are over, those that did not take place left out.

    Args:
        but: one that is not counted.
    """
    query = select(func.count()).where(
        Appointment.patient_id == patient_id,
        Appointment.starts_at < now,
        Appointment.state.in_(_STANDING),
    )
    if but is not None:
        query = query.where(Appointment.id != but)
    return db.session.scalar(query) or 0


def same_day(appointment: Appointment) -> list[Appointment]:
    """All that the patient has on that day, for whatever shows them side by side."""
    return list(
        db.session.scalars(
            select(Appointment)
            .where(
                Appointment.patient_id == appointment.patient_id,
                Appointment.day == appointment.day,
            )
            .order_by(Appointment.starts_at, Appointment.id)
        )
    )


def clashes(
    practice_id: int, wanted: Sequence[rules.Use], *, but: int | None = None
) -> list[tuple[rules.Use, tuple[str, ...]]]:
    """Of the wanted appointments those that would double-book somebody or something, and what.

    Args:
        but: the appointment that is being moved, which is not in its own way.
    """
    others = _around(practice_id, wanted, but=but)
    found = ((use, rules.clashes(use, others)) for use in wanted)
    return [(use, what) for use, what in found if what]


def _around(practice_id: int, wanted: Iterable[rules.Use], *, but: int | None) -> list[rules.Use]:
    """What else stands on the days of the wanted ones; a zone and midnight may put it a day off."""
    near: set[date] = set()
    for use in wanted:
        near.update(use.span.starts_at.date() + timedelta(days=n) for n in (-2, -1, 0, 1, 2))
    rows = db.session.execute(
        select(
            Appointment.id,
            Appointment.starts_at,
            Appointment.minutes,
            Appointment.patient_id,
            Appointment.provider_id,
            Appointment.exam_room_id,
        ).where(
            Appointment.practice_id == practice_id,
            Appointment.day.in_(near),
            Appointment.state.in_(_STANDING),
        )
    )
    return [
        rules.Use(rules.Span(starts_at, minutes), patient_id, provider_id, room_id)
        for number, starts_at, minutes, patient_id, provider_id, room_id in rows
        if number != but
    ]


def _of(practice_id: int, wanted: Filter) -> Select[Appointment]:
    return (
        select(Appointment)
        .where(Appointment.practice_id == practice_id, *_narrowed(wanted))
        .order_by(Appointment.starts_at, Appointment.id)
        .options(*_SHOWN)
    )


def _narrowed(wanted: Filter) -> list[ColumnElement[bool]]:
    narrowed: list[ColumnElement[bool]] = []
    if wanted.office_id is not None:
        narrowed.append(Appointment.office_id == wanted.office_id)
    if wanted.provider_id is not None:
        narrowed.append(Appointment.provider_id == wanted.provider_id)
    return narrowed


def _of_patient(patient_id: int, *, falling: bool) -> Select[Appointment]:
    order: tuple[Any, ...] = (Appointment.starts_at, Appointment.id)
    return (
        select(Appointment)
        .where(Appointment.patient_id == patient_id)
        .order_by(*(column.desc() if falling else column for column in order))
        .options(*_SHOWN)
    )


def _beyond(edge: Appointment, *, later: bool) -> ColumnElement[bool]:
    at, number = Appointment.starts_at, Appointment.id
    if later:
        return (at > edge.starts_at) | ((at == edge.starts_at) & (number > edge.id))
    return (at < edge.starts_at) | ((at == edge.starts_at) & (number < edge.id))


def _day_of_week(
    day: date, counted: Collection[tuple[Any, ...]], shown: list[Appointment]
) -> DayOfWeek:
    here = [appointment for appointment in shown if appointment.day == day]
    every = sum(number for on, _, number in counted if on == day)
    standing = sum(number for on, state, number in counted if on == day and state in _STANDING)
    return DayOfWeek(day, standing, here, every - len(here))
