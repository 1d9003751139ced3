"""The demo's appointments: three weeks back, today, two weeks ahead, by the practice's own clock.

They are written as an import writes them, by set; what patients do about them, they do themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import cycle, islice
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from portal import clock
from portal.accounts import service as accounts
from portal.demo.founding import HAND
from portal.extensions import db
from portal.people import service as people
from portal.people.models import Patient
from portal.schedule import incoming, lists, of_patient
from portal.schedule.incoming import Incoming
from portal.schedule.models import Appointment
from portal.schedule.states import AppointmentState as State
from portal.schedule.states import ListKind
from portal.transaction import touch_patient

SECOND_OFFICE = "Riverside office"
A_DAY = 8
"""Visits of a day with the sixty."""
BUSY = 500
"""And with very many."""
_BACK, _AHEAD = 21, 14
_OPENS = 8 * 60
_EVERY = 15
_SLOTS = 36
"""Quarters of an hour until five in the afternoon."""
_SEED = 42
_BATCH = 1_000
_REASONS = (
    "Cough and fever",
    "Blood pressure check",
    "Back pain",
    "Medication review",
    "Annual physical",
    "Headache",
    "Follow-up on lab results",
    "Skin rash",
    "Flu shot",
    "Knee pain",
)
_WISHES = (
    "Could I come in the afternoon instead? I work until 2 p.m.",
    "I would like a flu shot, any morning next week.",
    "¿Puedo cambiar la cita para el viernes?",
)
_BALANCES = (12_550, 4_000)


@dataclass(frozen=True, slots=True)
class _Room:
    """Where and with whom a visit may be."""

    office_id: int
    room_id: int | None
    provider_id: int | None


class Diary:
    """The appointments of one practice."""

    def __init__(
        self, practice_id: int, zone: str, provider_ids: Sequence[int], *, now: datetime
    ) -> None:
        self._practice_id, self._zone, self._now = practice_id, zone, now
        self._today = clock.local_date(now, zone)
        self._rng = Random(_SEED)  # noqa: S311 (nobody is harmed who can guess it)
        self._rooms = self._where(provider_ids)
        self._profiles = [
            (entry.id, entry.minutes or lists.USUAL_MINUTES)
            for entry in lists.entries(practice_id, ListKind.PROFILE)
        ]
        self._number = (
            db.session.scalar(select(func.count()).where(Appointment.practice_id == practice_id))
            or 0
        )

    def fill(self, patient_ids: Sequence[int], *, a_day: int) -> int:
        """So many visits on each day that is not a Sunday, and today; returns how many in all."""
        done = 0
        visits = self._visits(patient_ids, a_day=a_day)
        while some := list(islice(visits, _BATCH)):
            outcome = incoming.put(self._practice_id, some, by=HAND, now=self._now)
            done += outcome.created
        return done

    def book(self, patient_id: int, day: date, minute: int) -> None:
        """One visit of one patient."""
        visit = self._visit(patient_id, day, minute, self._rooms[0])
        incoming.put(self._practice_id, [visit], by=HAND, now=self._now)

    def day(self, days_from_today: int) -> date:
        """Not a Sunday."""
        found = self._today + timedelta(days=days_from_today)
        return found + timedelta(days=found.weekday() == 6)

    def _where(self, provider_ids: Sequence[int]) -> list[_Room]:
        lists.provide(self._practice_id, self._now)
        lists.office_named(self._practice_id, SECOND_OFFICE, self._zone)
        places = [
            (office.id, room.id)
            for office in lists.offices(self._practice_id)
            for room in office.rooms
        ]
        who = islice(cycle(provider_ids or [None]), len(places))
        return [_Room(*place, provider_id) for place, provider_id in zip(places, who, strict=True)]

    def _visits(self, patient_ids: Sequence[int], *, a_day: int) -> Iterator[Incoming]:
        people_ = cycle(patient_ids)
        for days in range(-_BACK, _AHEAD + 1):
            day = self._today + timedelta(days=days)
            if days and day.weekday() == 6:
                continue
            slots = [
                (n % _SLOTS, room)
                for n, room in zip(range(a_day), cycle(self._rooms), strict=False)
            ]
            if a_day <= _SLOTS:
                slots = [(n * _SLOTS // a_day, room) for n, room in slots]
            for slot, room in slots:
                yield self._visit(next(people_), day, _OPENS + slot * _EVERY, room)

    def _visit(self, patient_id: int, day: date, minute: int, room: _Room) -> Incoming:
        wall = datetime.combine(day, time(minute // 60, minute % 60), tzinfo=ZoneInfo(self._zone))
        starts_at = wall.astimezone(UTC)
        profile_id, minutes = self._rng.choice(self._profiles)
        self._number += 1
        return Incoming(
            source_id=f"demo-{self._number}",
            patient_id=patient_id,
            office_id=room.office_id,
            office_told=True,
            provider_id=room.provider_id,
            starts_at=starts_at,
            day=day,
            minutes=minutes,
            reason=self._rng.choice(_REASONS),
            video_visit=self._rng.random() < 0.08,
            state=self._state(starts_at, minutes),
            state_told=True,
            profile_id=profile_id,
            exam_room_id=room.room_id,
        )

    def _state(self, starts_at: datetime, minutes: int) -> State:
        draw = self._rng.random()
        if starts_at + timedelta(minutes=minutes) <= self._now:
            return (
                State.NO_SHOW if draw < 0.05 else State.CANCELLED if draw < 0.1 else State.COMPLETED
            )
        if starts_at <= self._now:
            return State.IN_ROOM
        if starts_at <= self._now + timedelta(minutes=20):
            return State.ARRIVED
        return (
            State.CONFIRMED if draw < 0.3 else State.CANCELLED if draw < 0.33 else State.SCHEDULED
        )


def living(practice_id: int) -> list[int]:
    """The numbers of the patients who may have appointments, in the order of their charts."""
    return list(
        db.session.scalars(
            select(Patient.id)
            .where(
                Patient.practice_id == practice_id,
                Patient.deceased.is_(False),
                Patient.end_date.is_(None),
            )
            .order_by(Patient.record_number)
        )
    )


def live(practice_id: int, zone: str, provider_ids: Sequence[int], *, now: datetime) -> None:
    """The schedule of the sixty, in the caller's transaction: visits, balances, and what patients ask for."""
    patient_ids = living(practice_id)
    if not patient_ids:
        return
    diary = Diary(practice_id, zone, provider_ids, now=now)
    diary.book(patient_ids[0], diary.day(3), 10 * 60 + 30)
    diary.fill(patient_ids, a_day=min(A_DAY, max(1, len(patient_ids) // 4)))
    for patient_id, cents in zip(patient_ids[2:], _BALANCES, strict=False):
        chart = db.session.get_one(Patient, patient_id)
        people.write(chart, {"balance_cents": cents}, now=now)
        touch_patient(patient_id)
    _ask(patient_ids, now=now)


def crowd(practice_id: int, zone: str, provider_ids: Sequence[int], *, now: datetime) -> int:
    """A small share of very many patients has appointments, in the caller's transaction; returns how many."""
    patient_ids = living(practice_id)
    a_day = min(BUSY, len(patient_ids) // 40) - A_DAY
    if a_day <= 0:
        return 0
    step = max(1, len(patient_ids) // (a_day * _BACK))
    diary = Diary(practice_id, zone, provider_ids, now=now)
    return diary.fill(patient_ids[::step], a_day=a_day)


def _ask(patient_ids: Sequence[int], *, now: datetime) -> None:
    """Those who have an account ask, and confirm."""
    wishes = iter(_WISHES)
    confirmed = 0
    for patient_id in patient_ids:
        account = accounts.holder_of(patient_id)
        if account is None:
            continue
        by = accounts.actor(account, client=None)
        planned = [
            visit
            for visit in of_patient.coming(patient_id, now=now)
            if of_patient.may_ask_to_change(visit, now=now)
        ]
        wish = next(wishes, None)
        if wish is None:
            if confirmed == 3:
                return
            if planned:
                of_patient.confirm(planned[0], by=by, now=now)
                confirmed += 1
        elif "flu" in wish or not planned:
            chart = db.session.get_one(Patient, patient_id)
            of_patient.ask_for_one(chart, wish=_WISHES[1], by=by, now=now)
        else:
            of_patient.ask_to_change(planned[0], wish=wish, by=by, now=now)
