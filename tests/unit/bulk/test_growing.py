"""How often a run has the database look at its tables."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.bulk.growing import has_grown


@given(st.lists(st.integers(1, 300), min_size=1, max_size=500))
def test_seldom_and_never_long_after_it_has_grown(batches: list[int]) -> None:
    before, looked_at, looks = 0, 0, 0
    for batch in batches:
        after = before + batch
        if has_grown(before, after):
            looked_at, looks = after, looks + 1
        assert after < 4 * max(looked_at, 50) or after < 200
        before = after
    assert looks <= 7


def test_a_small_run_is_not_worth_it() -> None:
    assert not has_grown(0, 199)
    assert has_grown(0, 200)
    assert not has_grown(200, 799)
    assert has_grown(600, 800)
