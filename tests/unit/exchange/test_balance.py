"""What a patient owes, as files write it."""

from __future__ import annotations

import pytest

from tests.unit.exchange.reading import read


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("12", 1200),
        ("12.5", 1250),
        ("$1,234.50", 123450),
        ("-3.07", -307),
        ("$-3.07", -307),
        ("(45.00)", -4500),
        ("0", 0),
        (".5", 50),
        ("", None),
        ("21474836.47", 2147483647),
    ],
)
@pytest.mark.parametrize("name", ["Balance", "patient balance", "AMOUNT_DUE"])
def test_an_amount(tmp_path, name, text, cents) -> None:
    path = tmp_path / "patients.csv"
    path.write_text(f'MRN,First,Last,{name}\n1,Jen,Harris,"{text}"\n', encoding="utf-8")
    [record] = read(path).records
    assert (record.balance_cents, record.warnings) == (cents, ())


@pytest.mark.parametrize(
    "text", ["free", "1.234,50", "12.345", "(5", "5)", "1e3", "12 34", "$", "21474836.48", "٣"]
)
def test_what_is_none_is_left_out_and_told(tmp_path, text) -> None:
    path = tmp_path / "patients.csv"
    path.write_text(f'MRN,First,Last,Balance\n1,Jen,Harris,"{text}"\n', encoding="utf-8")
    found = read(path)
    assert found.records[0].balance_cents is None
    assert found.left_out == {("balance", "balance_unreadable"): 1}
