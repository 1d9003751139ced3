"""When notices go out: quiet hours, the two odd nights of the year, and appointments at any time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.outreach import rules
from portal.outreach.rules import NoticeReason, Quiet

NEW_YORK = "America/New_York"
USUAL = Quiet(NEW_YORK, 21 * 60, 8 * 60)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
ZONES = (
    NEW_YORK,
    "Europe/Madrid",
    "Australia/Lord_Howe",
    "America/Santiago",
    "UTC",
    "Asia/Kolkata",
)


def at(text: str, zone: str = NEW_YORK, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def shown(moment: datetime | None, zone: str = NEW_YORK) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z") if moment else "never"


@pytest.mark.parametrize(
    ("starts", "hours", "due"),
    [
        ("2026-11-23 10:00", 24, "2026-11-22 10:00 EST"),
        ("2026-11-23 10:00", 48, "2026-11-21 10:00 EST"),
        ("2026-11-23 10:00", 2, "2026-11-23 08:00 EST"),
        # late in the evening: the next morning
        ("2026-11-24 22:30", 24, "2026-11-24 08:00 EST"),
        # the morning would be too late: the evening before
        ("2026-11-23 08:00", 12, "2026-11-22 20:00 EST"),
        ("2026-11-23 07:30", 2, "2026-11-22 20:30 EST"),
        ("2026-11-23 08:00", 1, "2026-11-22 20:30 EST"),
        # one minute after quiet hours is early enough
        ("2026-11-23 08:01", 1, "2026-11-23 08:00 EST"),
        # the night of 8 March 2026 has 23 hours, that of 1 November 25: the same time the day before
        ("2026-03-08 09:00", 24, "2026-03-07 09:00 EST"),
        ("2026-11-01 09:00", 24, "2026-10-31 09:00 EDT"),
        ("2026-03-08 12:00", 4, "2026-03-08 08:00 EDT"),
        # 2:30 is skipped: three o'clock stands for it
        ("2026-03-09 02:30", 24, "2026-03-08 08:00 EDT"),
    ],
)
def test_when_a_reminder_goes_out(starts: str, hours: int, due: str) -> None:
    assert shown(rules.reminder_due(at(starts), hours, quiet=USUAL, now=LONG_AGO).at) == due


def test_without_quiet_hours_it_goes_out_at_any_time() -> None:
    none = Quiet(NEW_YORK, 0, 0)
    due = rules.reminder_due(at("2026-11-23 04:00"), 1, quiet=none, now=LONG_AGO)
    assert shown(due.at) == "2026-11-23 03:00 EST"


def test_a_reminder_whose_time_has_passed_is_too_late() -> None:
    due = rules.reminder_due(at("2026-11-23 10:00"), 24, quiet=USUAL, now=at("2026-11-22 10:00"))
    assert due == rules.Due(None, NoticeReason.TOO_LATE)


def test_booked_in_the_night_for_the_early_morning_there_is_no_moment_left() -> None:
    due = rules.reminder_due(at("2026-11-23 07:30"), 2, quiet=USUAL, now=at("2026-11-22 23:00"))
    assert due == rules.Due(None, NoticeReason.QUIET_HOURS)


@pytest.mark.parametrize(
    ("now", "starts", "due"),
    [
        ("2026-11-22 12:00", "2026-11-23 10:00", "2026-11-22 12:00 EST"),
        ("2026-11-22 21:00", "2026-11-23 10:00", "2026-11-23 08:00 EST"),
        ("2026-11-23 02:00", "2026-11-23 10:00", "2026-11-23 08:00 EST"),
        ("2026-11-22 22:00", "2026-11-23 07:30", "never"),
        ("2026-11-22 12:00", "2026-11-22 12:00", "never"),
    ],
)
def test_when_a_confirmation_goes_out(now: str, starts: str, due: str) -> None:
    assert shown(rules.confirmation_due(at(starts), quiet=USUAL, now=at(now)).at) == due


def test_quiet_hours_that_end_in_the_skipped_hour_end_when_the_clocks_go_on() -> None:
    quiet = Quiet(NEW_YORK, 22 * 60, 2 * 60 + 30)
    assert shown(rules.end_of_quiet(at("2026-03-08 01:00"), quiet)) == "2026-03-08 03:00 EDT"


def test_quiet_hours_that_end_in_the_doubled_hour_end_twice() -> None:
    quiet = Quiet(NEW_YORK, 22 * 60, 60 + 30)
    first, second = at("2026-11-01 01:10"), at("2026-11-01 01:10", fold=1)
    assert shown(rules.end_of_quiet(first, quiet)) == "2026-11-01 01:30 EDT"
    assert rules.is_quiet(second, quiet)
    assert shown(rules.end_of_quiet(second, quiet)) == "2026-11-01 01:30 EST"


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(  # noqa: DTZ001 (made aware next)
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
quiets = st.builds(Quiet, st.sampled_from(ZONES), st.integers(0, 1439), st.integers(0, 1439))


@given(moments, quiets)
def test_the_end_of_quiet_hours_is_the_first_moment_that_is_not_quiet(
    moment: datetime, quiet: Quiet
) -> None:
    end = rules.end_of_quiet(moment, quiet)
    assert end >= moment
    assert not rules.is_quiet(end, quiet)
    before = moment
    while before < end:
        assert rules.is_quiet(before, quiet)
        before += timedelta(minutes=1)


@given(moments, quiets)
def test_what_goes_out_before_quiet_hours_is_not_in_them(moment: datetime, quiet: Quiet) -> None:
    assume(rules.is_quiet(moment, quiet))
    early = rules.before_quiet(moment, quiet)
    assert early < moment
    assert moment - early <= timedelta(hours=26)


@given(moments, st.integers(1, 168), quiets, st.integers(0, 300))
def test_a_reminder_comes_before_its_appointment_and_never_in_quiet_hours(
    starts_at: datetime, hours: int, quiet: Quiet, hours_ahead: int
) -> None:
    now = starts_at - timedelta(hours=hours_ahead)
    due = rules.reminder_due(starts_at, hours, quiet=quiet, now=now)
    if due.at is None:
        assert due.reason is not None
        return
    assert now < due.at < starts_at
    assert not rules.is_quiet(due.at, quiet)
    assert starts_at - due.at <= timedelta(hours=hours + 26)
