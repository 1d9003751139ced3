"""Rows on their way into the database: collected, then inserted table by table."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from typing import Any, cast

from sqlalchemy import Table, func, insert, select, text

from portal.access.models import Grant
from portal.accounts.models import AccountPerson, PortalAccount
from portal.attention.models import AttentionItem
from portal.extensions import Model, db
from portal.invitations.models import Invitation
from portal.people.models import BlockedAddress, Patient, PatientPhone, SearchWord
from portal.roster import service as roster
from portal.transaction import atomic

_ORDER: tuple[type[Model], ...] = (
    Patient,
    PatientPhone,
    SearchWord,
    BlockedAddress,
    Grant,
    Invitation,
    PortalAccount,
    AccountPerson,
    AttentionItem,
)
"""A row stands after those it points to."""
_NUMBERED = {Patient: 1, Grant: 2, Invitation: 1, PortalAccount: 1}
"""The tables whose numbers must be known beforehand, and how many rows a patient has there at most."""


class Rows:
    """The rows of one chunk, inside ``atomic()``."""

    def __init__(self, *, patients: int) -> None:
        self._rows: dict[type[Model], list[dict[str, Any]]] = {model: [] for model in _ORDER}
        self._numbers = {
            model: _reserve(_table(model), most * patients) for model, most in _NUMBERED.items()
        }

    def add(self, model: type[Model], **values: Any) -> None:
        """One more row. All rows of a table name the same columns, and every one that has a default."""
        self._rows[model].append(values)

    def number(self, model: type[Model]) -> int:
        """A number that no other row of the table has or will get."""
        return next(self._numbers[model])

    def insert(self) -> None:
        """Write them all."""
        for model, rows in self._rows.items():
            if rows:
                _insert(_table(model), rows)

    def written(self, model: type[Model]) -> tuple[int, int]:
        """The lowest and the highest number that was used in the table; (0, 0) for none."""
        numbers = [row["id"] for row in self._rows[model]]
        return min(numbers, default=0), max(numbers, default=0)


def analyze() -> None:
    """Let the database look at what it holds now, in a transaction of its own.

    Without that SQLite plans a search among a million as if they were a few: 4 seconds, not 20 ms.
    """
    with atomic():
        if db.engine.dialect.name == "sqlite":
            db.session.execute(text("PRAGMA analysis_limit = 1000"))
        db.session.execute(text("ANALYZE"))
    roster.analyze()


def _reserve(table: Table, many: int) -> Iterator[int]:
    if db.engine.dialect.name == "postgresql":
        sequence = func.nextval(func.pg_get_serial_sequence(table.name, "id"))
        return iter(
            db.session.scalars(select(sequence).select_from(func.generate_series(1, many))).all()
        )
    # atomic() holds SQLite's only write lock, so nobody else takes a number meanwhile
    top = db.session.scalar(select(func.max(table.c.id))) or 0
    return iter(range(top + 1, top + 1 + many))


def _insert(table: Table, rows: list[dict[str, Any]]) -> None:
    connection = db.session.connection()
    dialect = connection.dialect
    names = list(rows[0])
    if dialect.name == "postgresql":
        quote = dialect.identifier_preparer.quote
        columns = ", ".join(map(quote, names))
        cursor: Any = connection.connection.cursor()
        with cursor.copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(tuple(row.values()))
        return
    # What Core's executemany does for each value of each row takes about as long as SQLite does for the
    # whole row. So each value is put into the driver's form here, by the same bind processors, but
    # only where its type has one.
    statement = insert(table).compile(dialect=dialect, column_keys=names)
    processors = {
        name: process
        for name in names
        if (process := table.c[name].type.dialect_impl(dialect).bind_processor(dialect))
    }
    for row in rows:
        for name, process in processors.items():
            row[name] = process(row[name])
    in_order = itemgetter(*(statement.positiontup or names))
    connection.exec_driver_sql(str(statement), list(map(in_order, rows)))


def _table(model: type[Model]) -> Table:
    return cast(Table, model.__table__)
