"""Where somebody is in the schedule, as it stands in its address: codes, days and random ids, never a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import url_for

from portal.staff.ids import public_id_in

NOT_ON_PORTAL = "not-on-portal"
FIRST, LAST = date(1900, 1, 1), date(2200, 1, 1)


class View(StrEnum):
    """How much is shown."""

    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class SchedulePlace:
    """A day or a week, narrowed."""

    day: date
    view: View = View.DAY
    office: str = ""
    """Public id; empty for all."""
    provider: str = ""
    only_missing: bool = False
    """Only those who are not yet on the portal: the check-in list."""

    @classmethod
    def read(cls, values: Mapping[str, str], *, today: date) -> SchedulePlace:
        """The place of an address; what is not known, or cannot be, is left out."""
        return cls(
            day=read_day(values.get("day", "")) or today,
            view=View.WEEK if values.get("view") == View.WEEK else View.DAY,
            office=public_id_in(values.get("office")),
            provider=public_id_in(values.get("provider")),
            only_missing=values.get("only") == NOT_ON_PORTAL,
        )

    @classmethod
    def of_path(cls, path: str, *, today: date) -> SchedulePlace | None:
        """The place that a path of this site leads to; None for any other page."""
        parts = urlsplit(path)
        if parts.path != url_for("staff.schedule"):
            return None
        return cls.read(dict(parse_qsl(parts.query)), today=today)

    @property
    def query(self) -> dict[str, str]:
        """The part of the address after the question mark; what is as usual is left out."""
        every = {
            "day": self.day.isoformat(),
            "view": "" if self.view is View.DAY else self.view.value,
            "office": self.office,
            "provider": self.provider,
            "only": NOT_ON_PORTAL if self.only_missing else "",
        }
        return {key: value for key, value in every.items() if value}

    def url(self, **changes: Any) -> str:
        """Its address, or that of a place that differs from it in these."""
        values: dict[str, Any] = dict(replace(self, **changes).query)
        return url_for("staff.schedule", **values)

    @property
    def first(self) -> date:
        """The first day of its week: weeks begin on Sunday, as calendars of the United States do."""
        return self.day - timedelta(days=(self.day.weekday() + 1) % 7)

    def neighbour(self, *, ahead: bool) -> str:
        """The address of the next, or the previous, day or week."""
        span = timedelta(days=7 if self.view is View.WEEK else 1)
        day = self.day + span if ahead else self.day - span
        return self.url(day=min(max(day, FIRST), LAST))


def read_day(text: str) -> date | None:
    """A day as addresses and date fields write it; None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if FIRST <= day <= LAST else None
