"""When an appointment is, how it repeats, what its states allow, and who would be in two places. Pure.

A time of day belongs to an office's calendar. Twice a year most zones skip an hour or have one twice (the IANA
time zone database knows when); PEP 495 calls these a gap and a fold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.schedule.states import AppointmentState

SHORTEST, LONGEST = 1, 1440
"""Minutes of an appointment."""
EVERY_WEEKS = (1, 2, 4)
FEWEST_TIMES, MOST_TIMES = 2, 52
_MINUTE = timedelta(minutes=1)
_TIME = re.compile(r"(\d{1,2})(?:[:.]?(\d{2}))?\s*([ap])?\.?\s*(?:m\.?)?", re.IGNORECASE)


class NoSuchTime(ValueError):
    """The clocks skip this time of that day."""

    def __init__(self, wanted: datetime, following: datetime) -> None:
        super().__init__(f"{wanted:%Y-%m-%d %H:%M} is skipped")
        self.wanted = wanted
        """By the office's clock, without a zone."""
        self.following = following
        """The first minute after it that there is, by the same clock."""


@dataclass(frozen=True, slots=True)
class Start:
    """A moment, found from a day and a time of day."""

    at: datetime
    """Aware UTC."""
    twice: bool = False
    """The clocks show this time twice on that day; this is the first."""


def start(day: date, wall: time, zone: str) -> Start:
    """The moment at which the clocks of an IANA time zone show ``wall`` on ``day``.

    Raises:
        NoSuchTime: they skip it.
    """
    local = datetime.combine(day, wall)
    if not _exists(local, zone):
        following = local
        while not _exists(following, zone):
            following += _MINUTE
        raise NoSuchTime(local, following)
    first = local.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)
    second = local.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)
    return Start(first, twice=first != second)


def local(at: datetime, zone: str) -> datetime:
    """What the clocks of a zone show at a moment, with the zone."""
    return at.astimezone(ZoneInfo(zone))


def parse_time(text: str) -> time | None:
    """ "09:00", "9:00 a.m.", "9:00AM", "9am", "13.30": a time of day; None where it is none."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif found[2] is None:
        return None  # "9" may be any nine o'clock
    return time(hour, minute) if hour < 24 and minute < 60 else None


@dataclass(frozen=True, slots=True)
class Repeat:
    """A series: the same time of day, every so many weeks."""

    weeks: int
    times: int
    """How many appointments it has in all."""

    def __post_init__(self) -> None:
        if self.weeks not in EVERY_WEEKS or not FEWEST_TIMES <= self.times <= MOST_TIMES:
            raise ValueError(f"no series has {self.times} appointments every {self.weeks} weeks")


def occurrences(
    day: date, wall: time, zone: str, repeat: Repeat | None
) -> list[tuple[date, Start]]:
    """Each day of a series (or the one day), and the moment at which the clocks show the time of day there.

    Raises:
        NoSuchTime: on one of the days they skip it.
    """
    days = [day]
    if repeat is not None:
        days = [day + timedelta(weeks=repeat.weeks * number) for number in range(repeat.times)]
    return [(each, start(each, wall, zone)) for each in days]


_S = AppointmentState
CLOSED = frozenset({_S.COMPLETED, _S.NO_SHOW, _S.CANCELLED})
"""What an appointment is opened from again only by a word of its own."""
TRANSITIONS: Mapping[AppointmentState, frozenset[AppointmentState]] = {
    _S.SCHEDULED: frozenset(set(_S) - {_S.SCHEDULED}),
    _S.CONFIRMED: frozenset(set(_S) - {_S.CONFIRMED}),
    _S.ARRIVED: frozenset(set(_S) - {_S.ARRIVED}),
    _S.IN_ROOM: frozenset({_S.SCHEDULED, _S.ARRIVED, _S.COMPLETED, _S.CANCELLED}),
    _S.COMPLETED: frozenset(),
    # who was given up may walk in after all
    _S.NO_SHOW: frozenset({_S.ARRIVED, _S.IN_ROOM, _S.CANCELLED}),
    _S.CANCELLED: frozenset(),
}
REOPENED: Mapping[AppointmentState, AppointmentState] = {
    _S.COMPLETED: _S.ARRIVED,
    _S.NO_SHOW: _S.SCHEDULED,
    _S.CANCELLED: _S.SCHEDULED,
}


def may_become(state: AppointmentState, wanted: AppointmentState) -> bool:
    """Whether a status of that meaning may be chosen; to stay what it is always may."""
    return wanted is state or wanted in TRANSITIONS[state]


def after_moving(state: AppointmentState) -> AppointmentState:
    """What a new start makes of an appointment: who confirmed the old time did not confirm the new one."""
    return _S.SCHEDULED if state is _S.CONFIRMED else state


def holds_its_time(state: AppointmentState) -> bool:
    """Whether it keeps its provider and its room busy."""
    return state not in {_S.NO_SHOW, _S.CANCELLED}


def minutes_of(chosen: int | None, *, profile: int | None, usual: int) -> int:
    """How long: what was chosen, else what the profile says, else the usual."""
    return chosen or profile or usual


@dataclass(frozen=True, slots=True)
class Span:
    """When something lasts, from its start up to, but not including, its end."""

    starts_at: datetime
    minutes: int

    @property
    def ends_at(self) -> datetime:
        """The first moment after it."""
        return self.starts_at + timedelta(minutes=self.minutes)

    def overlaps(self, other: Span) -> bool:
        """Whether there is a moment at which both last."""
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Use:
    """Who and what an appointment takes up."""

    span: Span
    patient_id: int
    provider_id: int | None = None
    room_id: int | None = None


def clashes(wanted: Use, others: Iterable[Use]) -> tuple[str, ...]:
    """What would be in two places: any of ``patient``, ``provider``, ``room``. A warning, never a refusal."""
    same = [other for other in others if wanted.span.overlaps(other.span)]
    found = {
        "patient": any(other.patient_id == wanted.patient_id for other in same),
        "provider": wanted.provider_id is not None
        and any(other.provider_id == wanted.provider_id for other in same),
        "room": wanted.room_id is not None
        and any(other.room_id == wanted.room_id for other in same),
    }
    return tuple(name for name, there in found.items() if there)


def _exists(local: datetime, zone: str) -> bool:
    """Whether the clocks of the zone ever show it."""
    there = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
    return there.replace(tzinfo=None, fold=0) == local
