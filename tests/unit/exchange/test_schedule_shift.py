"""A schedule moved by whole weeks (decision 33)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.exchange.schedule_shift import Weeks, middle, monday, shifted

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2023, 10, 23)


def week(number: int) -> date:
    return MONDAY + timedelta(weeks=number)


class TestMiddle:
    @pytest.mark.parametrize(
        ("visits", "expected"),
        [
            ({0: 3}, 0),
            ({0: 3, 1: 9}, 0),  # something must be to come
            ({0: 3, 1: 2, 2: 3, 3: 1}, 2),  # the later of two
            ({-200: 50, 0: 1, 5: 1}, 0),  # what was years before does not count
            ({-104: 50, 0: 1}, 0),  # … that one neither: it is the whole of two years ago
            ({-103: 50, 0: 1}, -103),
        ],
    )
    def test_the_busiest_week_that_is_not_the_last(self, visits, expected):
        assert middle({week(n): number for n, number in visits.items()}) == week(expected)


class TestUntil:
    def test_the_middle_lands_in_the_week_of_the_date(self):
        weeks = Weeks(NEW_YORK)
        for day in (0, 1, 9):
            weeks.add(datetime(2023, 10, 23, 15, tzinfo=UTC) + timedelta(days=day))
        number = weeks.until(date(2026, 11, 21))
        assert MONDAY + timedelta(weeks=number) == date(2026, 11, 16)

    def test_weeks_begin_by_the_wall_clock(self):
        weeks = Weeks(NEW_YORK)
        weeks.add(datetime(2023, 10, 23, 2, tzinfo=UTC))  # Sunday evening in New York
        assert list(weeks.visits) == [date(2023, 10, 16)]

    def test_nothing_is_moved_by_nothing(self):
        assert Weeks(NEW_YORK).until(date(2026, 11, 21)) == 0


class TestShifted:
    @pytest.mark.parametrize(
        ("start", "weeks", "wall"),
        [
            # 10:00 in summer is 10:00 in winter
            ("2026-07-06T14:00:00+00:00", 20, "2026-11-23 10:00 -0500"),
            ("2026-11-23T15:00:00+00:00", -20, "2026-07-06 10:00 -0400"),
            # 2:30 does not exist on 14 March 2027
            ("2027-03-07T07:30:00+00:00", 1, "2027-03-14 03:30 -0400"),
            # 1:30 exists twice on 1 November 2026
            ("2026-10-25T05:30:00+00:00", 1, "2026-11-01 01:30 -0400"),
        ],
    )
    def test_the_wall_clock_is_kept(self, start, weeks, wall):
        moved = shifted(datetime.fromisoformat(start), weeks=weeks, zone=NEW_YORK)
        assert moved.astimezone(NEW_YORK).strftime("%Y-%m-%d %H:%M %z") == wall

    def test_by_nothing_it_is_the_same_moment(self):
        second = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # the later half past one
        assert shifted(second, weeks=0, zone=NEW_YORK) == second

    @given(
        st.datetimes(datetime(1950, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001 (hypothesis wants them so)
        st.integers(-3000, 3000),
        st.sampled_from(["America/New_York", "America/Phoenix", "Europe/Berlin", "Asia/Kolkata"]),
    )
    def test_weekday_and_minute_stay(self, at, weeks, name):
        zone = ZoneInfo(name)
        start = at.replace(tzinfo=UTC)
        before, after = (
            moment.astimezone(zone) for moment in (start, shifted(start, weeks=weeks, zone=zone))
        )
        assert after.utcoffset() is not None
        gap = (after.replace(tzinfo=None) - before.replace(tzinfo=None)) - timedelta(weeks=weeks)
        assert gap == timedelta(0) or (gap <= timedelta(hours=2) and weeks != 0)

    @given(st.dates(date(1950, 1, 1), date(2100, 1, 1)))
    def test_monday(self, day):
        assert monday(day).weekday() == 0
        assert timedelta(0) <= day - monday(day) < timedelta(weeks=1)
