"""Portal status: one word from the facts (product 1), by table and by property."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.access.rules import GrantFacts, Obstacle, Status, has_ended, obstacles, status

T = datetime(2026, 5, 17, tzinfo=UTC)
TODAY = date(2026, 5, 17)


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (None, Status.NOT_ENABLED),
        (GrantFacts(), Status.READY),
        (GrantFacts(invited_at=T), Status.INVITED),
        (GrantFacts(invited_at=T, first_logon_at=T), Status.ACTIVE),
        (GrantFacts(first_logon_at=T), Status.ACTIVE),
        (GrantFacts(existing_account_since=T), Status.ACTIVE),
    ],
)
def test_status_follows_the_facts_of_the_current_grant(
    grant: GrantFacts | None, expected: Status
) -> None:
    assert status(grant, ended=False) is expected


moments = st.none() | st.just(T)


@given(moments, moments, moments)
def test_an_ended_chart_is_red_whatever_the_grant_says(invited, logged_on, existing) -> None:
    assert status(GrantFacts(invited, logged_on, existing), ended=True) is Status.NOT_ENABLED


@pytest.mark.parametrize(
    ("end_date", "deceased", "deceased_on", "ended"),
    [
        (None, False, None, False),
        (date(2026, 5, 18), False, None, False),
        (date(2026, 5, 17), False, None, True),
        (date(2026, 5, 16), False, None, True),
        (None, True, None, True),
        (None, True, date(2026, 5, 17), True),
        (None, True, date(2026, 5, 18), False),
        (None, False, date(2026, 5, 1), False),
    ],
)
def test_end_date_and_death_count_from_their_local_midnight(
    end_date, deceased, deceased_on, ended
) -> None:
    assert (
        has_ended(end_date=end_date, deceased=deceased, deceased_on=deceased_on, today=TODAY)
        is ended
    )


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans())
def test_obstacles_are_told_completely_and_in_one_order(
    ended, dead, opted_out, blocked, met
) -> None:
    found = obstacles(
        end_date=TODAY if ended else None,
        deceased=dead,
        deceased_on=None,
        opted_out=opted_out,
        address_blocked=blocked,
        identifiers_met=met,
        today=TODAY,
    )
    wanted = [ended, dead, opted_out, blocked, not met]
    assert found == [o for o, stands in zip(Obstacle, wanted, strict=True) if stands]
