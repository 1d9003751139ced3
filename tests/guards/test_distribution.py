"""The journeys of a run share one installation, and every other test goes to whoever is free."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.distribution import TOGETHER, Together


def test_journeys_are_one_piece_of_work() -> None:
    where = Together.__new__(Together)._split_scope
    files = sorted((ROOT / TOGETHER).glob("test_*.py"))
    assert len(files) > 5
    assert {where(f"{TOGETHER}{file.name}::test_a[x]") for file in files} == {TOGETHER}
    others = ["tests/faults/test_mail.py::test_a", "tests/faults/test_mail.py::test_b"]
    assert [where(other) for other in others] == others
