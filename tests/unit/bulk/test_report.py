"""No cell of the report is a formula (CWE-1236)."""

from __future__ import annotations

import pytest

from portal.bulk.report import safe


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1", "＝1", "＋1", "－1", "＠x"],
)
def test_what_a_spreadsheet_would_take_for_a_formula_is_text(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Harris, Jenny", "jenny@example.com", "1-2", "'x"])
def test_everything_else_is_as_it_is(cell: str) -> None:
    assert safe(cell) == cell
