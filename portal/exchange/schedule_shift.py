"""Move a schedule by whole weeks, so that what was long ago lies around a date. Pure.

The week that is moved there is the busiest of the file's last two years that has visits after it, the later one of
two: so there are visits in the week of the date, some before and some to come. It follows from the file alone,
so that the same file and the same date give the same schedule again, whoever has been added meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_RECENT = timedelta(weeks=104)


def monday(day: date) -> date:
    """The Monday of the day's week."""
    return day - timedelta(days=day.weekday())


class Weeks:
    """How many visits each week of a file has."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.visits: Counter[date] = Counter()

    def add(self, starts_at: datetime) -> None:
        """One more."""
        self.visits[monday(starts_at.astimezone(self._zone).date())] += 1

    def until(self, day: date) -> int:
        """By how many weeks the file's schedule is to move, to lie around ``day``; below zero: back."""
        if not self.visits:
            return 0
        return (monday(day) - middle(self.visits)).days // 7


def middle(visits: Mapping[date, int]) -> date:
    """The week that a file's schedule is laid around, by its Monday."""
    last = max(visits)
    recent = [week for week in visits if week > last - _RECENT]
    before_last = [week for week in recent if week < last]
    return max(before_last or recent, key=lambda week: (visits[week], week))


def shifted(starts_at: datetime, *, weeks: int, zone: ZoneInfo) -> datetime:
    """The moment so many weeks on, at the same time by the clock on the wall. Aware UTC.

    A time that a spring night skips is an hour later, and of two of an autumn night it is the first.
    """
    if not weeks:
        return starts_at
    wall = starts_at.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(weeks=weeks)
    return wall.replace(tzinfo=zone).astimezone(UTC)
