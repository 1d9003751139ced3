"""Resets and passwords from the desk: the pure rules (3.5, 3.7)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.rules import (
    DeskRefusal,
    ResetLink,
    ResetObstacle,
    ResetState,
    desk_refusal,
    one_time_open,
    reset_link,
    reset_obstacle,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SPANS = st.timedeltas(min_value=timedelta(days=-3), max_value=timedelta(days=3))


@given(state=st.sampled_from(ResetState), left=SPANS, stands=st.booleans(), ended=st.booleans())
def test_a_link_is_open_only_when_everything_says_so(
    state: ResetState, left: timedelta, stands: bool, ended: bool
) -> None:
    worth = reset_link(
        state, expires_at=NOON + left, grant_stands=stands, chart_ended=ended, now=NOON
    )
    everything = state is ResetState.OPEN and left > timedelta(0) and stands and not ended
    assert (worth is ResetLink.OPEN) == everything
    if state in {ResetState.USED, ResetState.LOCKED, ResetState.REPLACED, ResetState.REVOKED}:
        assert worth.value == state.value, "what happened to it is what is told"


@given(blocked=st.none() | SPANS, changed=st.booleans(), confirmed=st.booleans())
def test_a_changed_address_waits_and_needs_its_code(
    blocked: timedelta | None, changed: bool, confirmed: bool
) -> None:
    until = None if blocked is None else NOON + blocked
    found = reset_obstacle(
        has_account=True, blocked_until=until, changed=changed, confirmed=confirmed, now=NOON
    )
    waits = blocked is not None and blocked > timedelta(0)
    assert (found is ResetObstacle.WAITS) == waits
    assert (found is None) == (not waits and (confirmed or not changed))


def test_without_an_account_there_is_nothing_to_reset() -> None:
    found = reset_obstacle(
        has_account=False, blocked_until=None, changed=False, confirmed=True, now=NOON
    )
    assert found is ResetObstacle.NO_ACCOUNT


@pytest.mark.parametrize("refusal", list(DeskRefusal))
def test_each_reason_alone_refuses_a_password_from_the_desk(refusal: DeskRefusal) -> None:
    facts = {reason.value: reason is refusal for reason in DeskRefusal}
    assert desk_refusal(**facts) is refusal
    assert desk_refusal(**dict.fromkeys(facts, False)) is None


@given(left=SPANS, used=st.none() | SPANS)
def test_a_password_from_the_desk_is_good_once_and_in_time(
    left: timedelta, used: timedelta | None
) -> None:
    used_at = None if used is None else NOON + used
    good = one_time_open(expires_at=NOON + left, used_at=used_at, now=NOON)
    assert good == (used is None and left > timedelta(0))
