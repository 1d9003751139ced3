"""The life of an invitation: the table of transitions is complete, the link says what it is worth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.invitations.rules import (
    OPEN,
    TRANSITIONS,
    LinkState,
    last_day,
    link_state,
    looks_like_a_scanner,
)
from portal.invitations.state import InvitationState as S

T = datetime(2026, 5, 17, tzinfo=UTC)


def worth(state: S, **more: object) -> LinkState:
    told: dict[str, object] = {
        "expires_at": T + timedelta(days=7),
        "grant_stands": True,
        "activated": False,
        "chart_ended": False,
        "now": T,
    }
    return link_state(state, **(told | more))  # type: ignore[arg-type]


def test_every_state_has_its_moves_and_only_open_ones_move() -> None:
    assert set(TRANSITIONS) == set(S)
    assert {state for state, moves in TRANSITIONS.items() if moves} == OPEN
    reachable = {S.PREPARED} | {to for moves in TRANSITIONS.values() for to in moves}
    assert reachable == set(S)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (S.PREPARED, LinkState.OPEN),
        (S.LIVE, LinkState.OPEN),
        (S.USED, LinkState.USED),
        (S.REPLACED, LinkState.REPLACED),
        (S.VOIDED, LinkState.REPLACED),
        (S.FAILED, LinkState.REPLACED),
        (S.REVOKED, LinkState.REVOKED),
        (S.LOCKED, LinkState.LOCKED),
        (S.NOT_ME, LinkState.NOT_ME),
    ],
)
def test_what_a_link_is_worth(state: S, expected: LinkState) -> None:
    assert worth(state) is expected


@given(st.sampled_from(list(S)), st.booleans(), st.booleans(), st.integers(-10, 10))
def test_a_link_is_open_only_while_row_grant_chart_and_clock_all_say_so(
    state, stands, ended, days
) -> None:
    found = worth(
        state, grant_stands=stands, chart_ended=ended, expires_at=T + timedelta(days=days)
    )
    assert (found is LinkState.OPEN) == (state in OPEN and stands and not ended and days > 0)
    if not stands or ended:
        assert found not in {LinkState.EXPIRED, LinkState.REPLACED}, "no fresh link is offered then"


def test_an_older_link_of_somebody_who_registered_points_to_log_in() -> None:
    assert worth(S.REPLACED, activated=True) is LinkState.USED
    assert worth(S.VOIDED, activated=True) is LinkState.USED
    assert worth(S.VOIDED, activated=True, grant_stands=False) is LinkState.REVOKED


def test_the_printed_day_is_the_seventh_after() -> None:
    assert last_day(date(2022, 5, 16), 7) == date(2022, 5, 23)


@pytest.mark.parametrize(
    ("agent", "method", "scanner"),
    [
        (None, "GET", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "GET", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1", "HEAD", True),
        ("Barracuda Sentinel (EE)", "GET", True),
        ("python-requests/2.32", "GET", True),
    ],
)
def test_a_guess_at_scanners(agent: str | None, method: str, scanner: bool) -> None:
    assert looks_like_a_scanner(agent, method) is scanner
