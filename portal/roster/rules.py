"""What the roster holds of a patient, from the facts; its pills, orders and age bands. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from portal.access.rules import GrantFacts, Status, status
from portal.people.rules import Identifier, Requirements


class Pill(StrEnum):
    """The filters that carry exact counts (5.5)."""

    ALL = "all"
    NOT_ENABLED = "not_enabled"
    READY = "ready"
    INVITED = "invited"
    ACTIVE = "active"
    EXPIRED = "expired"
    BOUNCED = "bounced"
    MISSING = "missing"


class Order(StrEnum):
    """What the list is sorted by: names from A, statuses as 1.1 lists them, the latest invitations first."""

    NAME = "name"
    STATUS = "status"
    INVITED_ON = "invited_on"


class AgeBand(StrEnum):
    """Whole years of age on the practice's calendar day."""

    CHILD = "child"
    TEEN = "teen"
    ADULT = "adult"
    SENIOR = "senior"


class NextAppointment(StrEnum):
    """How soon a patient comes, by the practice's calendar."""

    TODAY = "today"
    WEEK = "week"
    MONTH = "month"
    NONE = "none"


STATUSES = tuple(Status)
"""A status is stored as its place in here, so that the order of 1.1 is the order of an index."""

_AGES: dict[AgeBand, tuple[int, int | None]] = {
    AgeBand.CHILD: (0, 12),
    AgeBand.TEEN: (13, 17),
    AgeBand.ADULT: (18, 64),
    AgeBand.SENIOR: (65, None),
}


_DAYS = {NextAppointment.TODAY: 0, NextAppointment.WEEK: 7, NextAppointment.MONTH: 30}


def last_day(span: NextAppointment, today: date) -> date | None:
    """The last day on which the next appointment may be; None where there must be none to come."""
    days = _DAYS.get(span)
    return None if days is None else today + timedelta(days=days)


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a patient's row follows from the facts and the clock."""

    status: Status
    expired: bool
    bounced: bool
    missing: bool
    changes_at: datetime | None
    """When the clock alone will change this next; None: never."""


def standing(
    grant: GrantFacts | None,
    *,
    on_file: frozenset[Identifier],
    bounced: bool,
    ended: bool,
    ends_at: datetime | None,
    valid_until: datetime | None,
    next_appointment_at: datetime | None = None,
    now: datetime,
) -> Standing:
    """How a patient stands in the list at this moment.

    Args:
        grant: of the current grant; None: there is none.
        ended: whether the chart's end date or the person's death is here (1.2).
        ends_at: when it will be, for one that is to come.
        valid_until: when the last link that is out there under the grant stops working; None without one.
        next_appointment_at: when the next appointment begins: from then on another one is the next.
    """
    shown = status(grant, ended=ended)
    waiting = shown is Status.INVITED and valid_until is not None
    expired = waiting and valid_until is not None and valid_until <= now
    moments = [
        valid_until if waiting and not expired else None,
        None if ended else ends_at,
        next_appointment_at,
    ]
    return Standing(
        status=shown,
        expired=expired,
        bounced=bounced,
        missing=not Requirements(on_file).met,
        changes_at=min((moment for moment in moments if moment is not None), default=None),
    )


def births(band: AgeBand, today: date) -> tuple[date, date | None]:
    """The birth dates of a band: born after the first, and not after the second (None: until today)."""
    youngest, oldest = _AGES[band]
    after = date.min if oldest is None else _years_before(today, oldest + 1)
    return after, None if youngest == 0 else _years_before(today, youngest)


def _years_before(day: date, years: int) -> date:
    """The birthday of who is so many years old on ``day``; born on 29 February, one ages on 1 March."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)
