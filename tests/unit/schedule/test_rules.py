"""Times of day and moments, series, states, and who would be in two places."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.schedule.rules import (
    CLOSED,
    EVERY_WEEKS,
    REOPENED,
    TRANSITIONS,
    NoSuchTime,
    Repeat,
    Span,
    Start,
    Use,
    after_moving,
    clashes,
    local,
    may_become,
    minutes_of,
    occurrences,
    parse_time,
    start,
)
from portal.schedule.states import AppointmentState

S = AppointmentState
NEW_YORK = "America/New_York"
ZONES = [
    NEW_YORK,
    "America/Denver",
    "America/Phoenix",
    "America/St_Johns",
    "Europe/London",
    "Europe/Dublin",  # its winter is the exception
    "Africa/Casablanca",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # skipped a day
    "Asia/Kathmandu",
    "UTC",
]


@pytest.mark.parametrize(
    ("day", "wall", "zone", "at"),
    [
        (date(2026, 11, 21), time(9), NEW_YORK, datetime(2026, 11, 21, 14, tzinfo=UTC)),
        (date(2026, 7, 1), time(9), NEW_YORK, datetime(2026, 7, 1, 13, tzinfo=UTC)),
        (date(2026, 7, 1), time(9), "America/Phoenix", datetime(2026, 7, 1, 16, tzinfo=UTC)),
        (date(2026, 7, 1), time(9, 5), "Asia/Kathmandu", datetime(2026, 7, 1, 3, 20, tzinfo=UTC)),
    ],
)
def test_a_time_of_day_is_a_moment(day: date, wall: time, zone: str, at: datetime) -> None:
    assert start(day, wall, zone).at == at
    assert not start(day, wall, zone).twice


@pytest.mark.parametrize(
    ("wall", "following"),
    [(time(2), time(3)), (time(2, 30), time(3)), (time(2, 59), time(3))],
)
def test_a_time_that_the_clocks_skip_is_refused_with_the_next_one(
    wall: time, following: time
) -> None:
    with pytest.raises(NoSuchTime) as refused:
        start(date(2027, 3, 14), wall, NEW_YORK)
    assert refused.value.wanted == datetime.combine(date(2027, 3, 14), wall)
    assert refused.value.following == datetime.combine(date(2027, 3, 14), following)


def test_the_next_one_may_be_on_another_day() -> None:
    with pytest.raises(NoSuchTime) as refused:
        start(date(2011, 12, 30), time(9), "Pacific/Apia")
    assert refused.value.following == datetime.combine(date(2011, 12, 31), time())


@pytest.mark.parametrize("wall", [time(1), time(1, 59)])
def test_of_a_time_that_comes_twice_it_is_the_first(wall: time) -> None:
    found = start(date(2026, 11, 1), wall, NEW_YORK)
    assert found.twice
    assert found.at == datetime(2026, 11, 1, 5, wall.minute, tzinfo=UTC)
    assert not start(date(2026, 11, 1), time(2), NEW_YORK).twice


@given(
    day=st.dates(date(2000, 1, 1), date(2037, 12, 31)),
    minute=st.integers(0, 1439),
    zone=st.sampled_from(ZONES),
)
def test_there_and_back(day: date, minute: int, zone: str) -> None:
    wall = time(minute // 60, minute % 60)
    found = start_or_skipped(day, wall, zone)
    if isinstance(found, NoSuchTime):
        assert found.following > found.wanted
        after = start(found.following.date(), found.following.time(), zone)
        # nothing lies between: real time goes on by a minute while the clocks jump
        assert after.at - start_before(found.wanted, zone) == timedelta(minutes=1)
        return
    shown = local(found.at, zone)
    assert (shown.date(), shown.time()) == (day, wall)
    assert found.at.tzinfo is UTC
    later = found.at + timedelta(minutes=1)
    while found.twice and local(later, zone).replace(tzinfo=None) != datetime.combine(day, wall):
        later += timedelta(minutes=1)
        assert later - found.at < timedelta(hours=25)


def start_or_skipped(day: date, wall: time, zone: str) -> Start | NoSuchTime:
    try:
        return start(day, wall, zone)
    except NoSuchTime as skipped:
        return skipped


def start_before(wanted: datetime, zone: str) -> datetime:
    """The last moment at which the clocks show something before ``wanted``."""
    earlier = wanted
    while True:
        earlier -= timedelta(minutes=1)
        try:
            start(earlier.date(), earlier.time(), zone)
        except NoSuchTime:
            continue
        return earlier.replace(tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)


def test_a_series_keeps_its_time_of_day_when_the_clocks_change() -> None:
    found = occurrences(date(2026, 10, 20), time(9), NEW_YORK, Repeat(weeks=1, times=3))
    assert [day for day, _ in found] == [date(2026, 10, 20), date(2026, 10, 27), date(2026, 11, 3)]
    assert [at.at.hour for _, at in found] == [13, 13, 14]


def test_a_series_over_a_time_that_is_skipped_is_refused() -> None:
    with pytest.raises(NoSuchTime):
        occurrences(date(2027, 3, 7), time(2, 30), NEW_YORK, Repeat(weeks=1, times=3))


@given(
    day=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    hour=st.integers(4, 23),
    zone=st.sampled_from([zone for zone in ZONES if zone != "Pacific/Apia"]),
    weeks=st.sampled_from(EVERY_WEEKS),
    times=st.integers(2, 52),
)
def test_a_series_is_as_long_as_it_says(
    day: date, hour: int, zone: str, weeks: int, times: int
) -> None:
    found = occurrences(day, time(hour), zone, Repeat(weeks, times))
    assert len(found) == times
    assert {local(at.at, zone).time() for _, at in found} == {time(hour)}
    assert {each.weekday() for each, _ in found} == {day.weekday()}
    gaps = {second - first for (first, _), (second, _) in pairwise(found)}
    assert gaps == {timedelta(weeks=weeks)}


@pytest.mark.parametrize(("weeks", "times"), [(3, 4), (0, 4), (1, 1), (1, 53)])
def test_no_other_series(weeks: int, times: int) -> None:
    with pytest.raises(ValueError, match="no series"):
        Repeat(weeks, times)


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("09:00", time(9)),
        ("9:00", time(9)),
        ("0900", time(9)),
        ("9:00 AM", time(9)),
        ("09:00AM", time(9)),
        ("9 a.m.", time(9)),
        ("9am", time(9)),
        ("12:15 a.m.", time(0, 15)),
        ("12 pm", time(12)),
        ("1:05 p. m.", time(13, 5)),
        ("13.30", time(13, 30)),
        ("23:59", time(23, 59)),
        ("9", None),
        ("24:00", None),
        ("13:00 pm", None),
        ("0:30 am", None),
        ("9:60", None),
        ("noon", None),
        ("", None),
        ("9:00 xm", None),
    ],
)
def test_times_are_read_as_people_write_them(text: str, wall: time | None) -> None:
    assert parse_time(text) == wall


def test_the_table_of_states() -> None:
    assert set(TRANSITIONS) == set(S)
    assert {state for state in S if not TRANSITIONS[state]} == {S.COMPLETED, S.CANCELLED}
    assert set(REOPENED) == CLOSED
    assert not CLOSED & set(REOPENED.values())
    for state in S:
        assert state not in TRANSITIONS[state]
        assert may_become(state, state)


@pytest.mark.parametrize(
    ("state", "wanted", "may"),
    [
        (S.SCHEDULED, S.COMPLETED, True),
        (S.CONFIRMED, S.SCHEDULED, True),
        (S.IN_ROOM, S.NO_SHOW, False),
        (S.NO_SHOW, S.ARRIVED, True),
        (S.NO_SHOW, S.COMPLETED, False),
        (S.COMPLETED, S.CANCELLED, False),
        (S.CANCELLED, S.SCHEDULED, False),
    ],
)
def test_what_may_become_of_a_state(
    state: AppointmentState, wanted: AppointmentState, may: bool
) -> None:
    assert may_become(state, wanted) is may


def test_a_new_start_is_not_confirmed() -> None:
    assert after_moving(S.CONFIRMED) is S.SCHEDULED
    assert after_moving(S.ARRIVED) is S.ARRIVED


def test_how_long() -> None:
    assert minutes_of(None, profile=None, usual=30) == 30
    assert minutes_of(None, profile=45, usual=30) == 45
    assert minutes_of(10, profile=45, usual=30) == 10


NINE = datetime(2026, 11, 23, 14, tzinfo=UTC)


def use(after: int, minutes: int = 30, patient: int = 1, **more: int) -> Use:
    return Use(Span(NINE + timedelta(minutes=after), minutes), patient, **more)


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (use(0), ("patient",)),
        (use(0, patient=2, provider_id=7), ("provider",)),
        (use(0, patient=2, room_id=8), ("room",)),
        (use(29, provider_id=7, room_id=8), ("patient", "provider", "room")),
        (use(30, provider_id=7, room_id=8), ()),
        (use(-30, provider_id=7, room_id=8), ()),
        (use(-31, minutes=90, patient=2, provider_id=7), ("provider",)),
        (use(0, patient=2), ()),
    ],
)
def test_who_would_be_in_two_places(other: Use, found: tuple[str, ...]) -> None:
    assert clashes(use(0, provider_id=7, room_id=8), [other]) == found


@given(first=st.integers(-600, 600), one=st.integers(1, 300), two=st.integers(1, 300))
def test_overlapping_is_mutual_and_means_a_common_minute(first: int, one: int, two: int) -> None:
    left, right = use(0, one).span, use(first, two).span
    common = set(range(one)) & set(range(first, first + two))
    assert left.overlaps(right) is right.overlaps(left) is bool(common)
