"""Searches kept on the server, so that an address carries a random id and never what was typed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select

from portal.extensions import db
from portal.people.models import StoredSearch
from portal.transaction import atomic

KEPT_FOR = timedelta(days=1)
LONGEST = 200
"""In characters; nobody types more to find a person."""


def keep(*, staff_member_id: int, text: str, now: datetime, instead_of: str | None = None) -> str:
    """Store what was typed; returns the id that stands for it.

    Args:
        instead_of: the id of the same person's search that is being typed on; it keeps its id.
    """
    with atomic():
        row = _of(staff_member_id, instead_of) if instead_of else None
        if row is None:
            row = StoredSearch(staff_member_id=staff_member_id)
            db.session.add(row)
        row.text, row.created_at = text[:LONGEST], now
        db.session.flush()
        return row.public_id


def text_of(public_id: str, *, staff_member_id: int, now: datetime) -> str | None:
    """What this staff member searched for under this id; None for another's, or after a day."""
    row = _of(staff_member_id, public_id)
    if row is None or now - row.created_at > KEPT_FOR:
        return None
    return row.text


def forget_old(*, now: datetime) -> int:
    """The sweep: drop what is older than a day; returns how many."""
    with atomic():
        done = db.session.execute(
            delete(StoredSearch).where(StoredSearch.created_at < now - KEPT_FOR)
        )
    return int(getattr(done, "rowcount", 0))


def _of(staff_member_id: int, public_id: str) -> StoredSearch | None:
    return db.session.scalar(
        select(StoredSearch).where(
            StoredSearch.public_id == public_id, StoredSearch.staff_member_id == staff_member_id
        )
    )
