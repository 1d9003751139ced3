"""What a reader makes of a visit in a file: an appointment to come, or an encounter that was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from portal.exchange.record import Field, Reason, RejectedRow, RowProblem
from portal.schedule.states import AppointmentState

USUAL_MINUTES = 30
"""Of a visit whose file tells no end."""
SHORTEST, LONGEST = 5, 480
"""Minutes. A hospital stay of a week is one working day in a schedule."""
_NO_TIME_OF_DAY = time(9)
"""Where a file knows the day only."""
_YEARS = range(1900, 2200)


class Seen(NamedTuple):
    """An outcome and the file that it stands in."""

    file: str
    outcome: VisitRecord | RejectedRow


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """One visit as a file tells of it. Two are equal where they tell the same, in whichever row."""

    row: int = field(compare=False)
    source_id: str
    patient: str
    """The record number that the patient was imported under (12.1)."""
    starts_at: datetime
    """Aware UTC."""
    minutes: int
    reason: str = ""
    provider: str | None = None
    office: str | None = None
    video_visit: bool = False
    state: AppointmentState | None = None
    """What the file says of it; None: nothing, so that the clock decides."""
    warnings: tuple[RowProblem, ...] = field(default=(), compare=False)
    """Values that were left out."""


class ScheduleSource(Protocol):
    """A folder of visits that can be read several times over; no visit is kept in memory."""

    format: Literal["csv", "fhir"]
    files: tuple[Path, ...]
    """All that is read."""
    passed_over: Counter[str]
    """What the last reading left aside, by kind."""

    @property
    def mapping(self) -> tuple[tuple[Field, str], ...]:
        """Which columns (or FHIR elements) give which field."""
        ...

    def __iter__(self) -> Iterator[Seen]:
        """The rows, file after file.

        Raises:
            UnreadableFile: one of them turned out broken on the way.
        """
        ...


def moment(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment that a text tells, aware UTC; None where it tells none.

    Without an offset it is the wall clock of ``zone``; a day alone is nine o'clock there.
    """
    text = text.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.year not in _YEARS:
        return None
    if len(text) <= len("2026-11-21"):
        found = datetime.combine(found.date(), _NO_TIME_OF_DAY)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def minutes_between(start: datetime, end: datetime | None) -> int:
    """Whole minutes from start to end, as long as an appointment may be; the usual ones without an end."""
    if end is None:
        return USUAL_MINUTES
    return min(max(round((end - start).total_seconds() / 60), SHORTEST), LONGEST)


def end_of(
    text: str, start: datetime | None, zone: ZoneInfo
) -> tuple[datetime | None, Reason | None]:
    """The end that a text tells, and what is wrong with it."""
    if not text.strip():
        return None, None
    end = moment(text, zone)
    if end is None or (start is not None and end < start):
        return None, Reason.END_UNREADABLE
    return end, None
