"""Many rows by one statement, past the objects: what a batch writes. In the caller's transaction.

All rows of a call name the same columns, and every one that the table has no default for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Table, insert

from portal.extensions import Model, db

Values = dict[str, Any]
"""Column -> value, of one row."""


def table_of(model: type[Model]) -> Table:
    """The table of a model."""
    return cast(Table, model.__table__)


def insert_rows(model: type[Model], rows: Sequence[Values]) -> None:
    """Write them all."""
    if rows:
        db.session.execute(insert(table_of(model)), rows)


def insert_numbered(model: type[Model], rows: Sequence[Values]) -> dict[str, int]:
    """Write them all; public id -> the number that each row got."""
    if not rows:
        return {}
    table = table_of(model)
    new = insert(table).returning(table.c.public_id, table.c.id)
    numbers: dict[str, int] = dict(db.session.execute(new, rows).all())
    return numbers
