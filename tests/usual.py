"""The usual practice, put back row by row as its services once made it: more than half of all tests begin with one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table, exists, insert, select, text

from portal.extensions import db
from portal.practices.models import Practice
from portal.transaction import atomic

Rows = list[tuple[Table, list[dict[str, Any]]]]
_kept: dict[str, Rows] = {}
"""What stood in each database when the practice had just been made in it."""


def rows() -> Rows:
    """All there are, in an order in which they can be written again."""
    found = [
        (table, [dict(row) for row in db.session.execute(select(table)).mappings()])
        for table in db.metadata.sorted_tables
    ]
    return [(table, its) for table, its in found if its]


def keep() -> None:
    """From now on a practice can be put back into this database."""
    _kept[_name()] = rows()


def put_back() -> bool:
    """Whether it could be: it has been made here before, and there is no practice now."""
    if _name() not in _kept or db.session.scalar(select(exists(select(Practice.id)))):
        return False
    with atomic():
        for table, its in _kept[_name()]:
            db.session.execute(insert(table), its)
        if db.engine.dialect.name == "postgresql":
            _pass_over(_kept[_name()])
    return True


def _pass_over(kept: Rows) -> None:
    """Nobody else gets these numbers, though a test of migrations has made a table anew, and its sequence with it."""
    numbered = {table.name: max(row["id"] for row in its) for table, its in kept if "id" in its[0]}
    sequences = ((f"pg_get_serial_sequence('{name}', 'id')", top) for name, top in numbered.items())
    ahead = (f"setval({each}, greatest(nextval({each}), {top}))" for each, top in sequences)
    db.session.execute(text(f"SELECT {', '.join(ahead)}"))


def _name() -> str:
    return str(db.engine.url)
