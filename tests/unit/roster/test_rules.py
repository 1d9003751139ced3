"""What a row holds, from the facts; whole years of age at the edges."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.access.rules import GrantFacts, Status
from portal.people.rules import Identifier
from portal.roster.rows import Cursor
from portal.roster.rules import STATUSES, AgeBand, Pill, births, standing

NOW = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
INVITED = GrantFacts(invited_at=NOW - timedelta(days=1))


def stands(grant: GrantFacts | None, **more: Any):
    facts: dict[str, Any] = {
        "on_file": frozenset({Identifier.EMAIL, Identifier.SSN}),
        "bounced": False,
        "ended": False,
        "ends_at": None,
        "valid_until": None,
        "now": NOW,
    }
    return standing(grant, **(facts | more))


def test_the_statuses_are_pills_in_the_order_of_the_product() -> None:
    assert [status.value for status in STATUSES] == ["not_enabled", "ready", "invited", "active"]
    assert all(Pill(status.value) for status in Status)


@pytest.mark.parametrize(
    ("valid_until", "expired", "changes_at"),
    [
        (LATER, False, LATER),
        (NOW + timedelta(microseconds=1), False, NOW + timedelta(microseconds=1)),
        (NOW, True, None),
        (None, False, None),
    ],
)
def test_an_invitation_expires_with_its_last_link(valid_until, expired, changes_at) -> None:
    row = stands(INVITED, valid_until=valid_until)
    assert (row.status, row.expired, row.changes_at) == (Status.INVITED, expired, changes_at)


def test_only_the_invited_expire() -> None:
    active = GrantFacts(invited_at=NOW, first_logon_at=NOW)
    assert not stands(active, valid_until=NOW).expired
    assert not stands(INVITED, valid_until=NOW, ended=True).expired
    assert not stands(None).expired


def test_the_clock_ends_a_chart_once() -> None:
    ends_at = NOW + timedelta(days=2)
    assert stands(INVITED, valid_until=LATER, ends_at=ends_at).changes_at == ends_at
    assert stands(INVITED, valid_until=NOW, ends_at=ends_at).changes_at == ends_at
    assert stands(None, ends_at=ends_at).changes_at == ends_at
    assert stands(INVITED, valid_until=LATER, ends_at=ends_at, ended=True).changes_at is None


@pytest.mark.parametrize(
    ("held", "missing"),
    [
        ({Identifier.EMAIL, Identifier.SSN}, False),
        ({Identifier.EMAIL, Identifier.BIRTH_DATE, Identifier.PHONE}, False),
        ({Identifier.EMAIL, Identifier.BIRTH_DATE}, True),
        ({Identifier.SSN, Identifier.BIRTH_DATE, Identifier.PHONE}, True),
        (set(), True),
    ],
)
def test_missing_is_what_an_invitation_needs(held, missing) -> None:
    assert stands(None, on_file=frozenset(held)).missing is missing


def age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


@given(
    born=st.dates(date(1900, 1, 1), date(2028, 2, 29)),
    today=st.dates(date(2026, 1, 1), date(2028, 12, 31)),
)
def test_everybody_born_is_in_one_band(born: date, today: date) -> None:
    if born > today:
        return
    found = [
        band
        for band in AgeBand
        for after, until in [births(band, today)]
        if born > after and (until is None or born <= until)
    ]
    years = age(born, today)
    expected = (
        AgeBand.CHILD
        if years <= 12
        else AgeBand.TEEN
        if years <= 17
        else AgeBand.ADULT
        if years <= 64
        else AgeBand.SENIOR
    )
    assert found == [expected]


def test_a_cursor_survives_an_address() -> None:
    for cursor in (Cursor("abc_-1"), Cursor("x", backwards=True), Cursor("y", True, "12")):
        assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize("written", ["", "after", "after..", "sideways.a.", "after.a.b.c", "a.b"])
def test_other_text_is_no_cursor(written: str) -> None:
    assert Cursor.parse(written) is None
