"""The log-on's selection as the list shows it, and the rows that a request says it shows."""

from __future__ import annotations

from collections.abc import Collection

from flask import request

from portal.bulk.states import RunKind
from portal.roster import selection
from portal.staff.presenters.selection import SelectionView, selection_view
from portal.web.signed_on import logon_id

ACTS: tuple[str, ...] = tuple(kind.value for kind in RunKind)
"""What can be done with a selection."""
_MOST_ROWS = 200


def rows_shown() -> dict[str, str]:
    """The rows that the page of this request shows: a patient's public id, and the fingerprint of what it shows."""
    told = request.form.getlist("row")[:_MOST_ROWS]
    return {public_id: tag for public_id, _, tag in (text.partition(" ") for text in told)}


def bar(public_ids: Collection[str], *, matching: tuple[int, bool]) -> SelectionView:
    """The bar under a page that shows these patients; ``matching`` as of ``roster.count_matching``."""
    held = selection.find(logon_id=logon_id())
    return selection_view(
        number=held.number if held else 0,
        ticked=selection.ticked(held, public_ids) if held else (),
        shown=len(public_ids),
        matching=matching,
        acts=ACTS,
    )


def ticked(public_ids: Collection[str]) -> set[str]:
    """Which of these patients are selected."""
    held = selection.find(logon_id=logon_id())
    return selection.ticked(held, public_ids) if held else set()
