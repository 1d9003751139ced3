"""What a toggle costs the database: no question is asked twice, and a new one is noticed here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from portal.extensions import db
from tests.integration.staff.clerk import status_region
from tests.integration.staff.onboarding import URL, press

ENABLING, DISABLING = 18, 19
"""Statements: 2 or 3 before the lock, 11 or 13 under it, and 4 for the row, the pills and the tick of the answer."""


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    said: list[str] = []

    def listen(_c, _cursor, statement: str, *_more: object) -> None:
        if not statement.startswith("BEGIN"):
            said.append(" ".join(statement.split()))

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)


def test_a_toggle_asks_no_more_than_it_needs(clerk, jenny) -> None:
    button = f"status-{jenny.public_id}"
    page = clerk.get(URL)
    with statements() as enabling:
        gray = press(clerk, page, button)
    with statements() as disabling:
        red = press(clerk, gray, button)
    assert status_region(gray).startswith("Enabled Jenny H.")
    assert status_region(red).startswith("Jenny H. is not enabled any more.")
    assert len(enabling) <= ENABLING, enabling
    assert len(disabling) <= DISABLING, disabling
    for asked in (enabling, disabling):
        assert len(set(asked)) == len(asked), "a question is asked twice"
