"""What SQLite would walk through for each statement of a piece of work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from portal.extensions import db


def plans_of(work: Callable[[], object]) -> list[tuple[str, str]]:
    """Each line of each plan, and the statement: of all questions and changes that the work sends."""
    said: dict[str, Any] = {}

    def listen(
        _c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        said[statement] = values[0] if many else values

    event.listen(db.engine, "before_cursor_execute", listen)
    work()
    event.remove(db.engine, "before_cursor_execute", listen)
    connection = db.session.connection()
    return [
        (row[3], statement)
        for statement, values in said.items()
        if statement.startswith(("SELECT", "UPDATE"))
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    ]
