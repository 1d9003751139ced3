"""Many rows by one statement, past the objects: what a batch writes. In the caller's transaction.

All rows of a call name the same columns, and every one that the table has no default for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, Dialect, String, Table, bindparam, func, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from portal.extensions import Model, db

Values = dict[str, Any]
"""Column -> value, of one row."""
_COPIED = 5
"""From so many rows on PostgreSQL's COPY is worth while."""


def table_of(model: type[Model]) -> Table:
    """The table of a model."""
    return cast(Table, model.__table__)


class _Many(TypeDecorator[Collection[Any]]):
    """Plain values, as an array or, on SQLite, as a list in JSON."""

    impl = String
    cache_ok = True

    def __init__(self, of: TypeEngine[Any]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return String() if dialect.name == "sqlite" else ARRAY(self.of)

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        many = list(value or ())
        return json.dumps(many) if dialect.name == "sqlite" else many


class _Among(FunctionElement[bool]):
    inherit_cache = True


@compiles(_Among)
def _(among: _Among, compiler: SQLCompiler, **more: Any) -> str:
    column, values = (compiler.process(each, **more) for each in among.clauses)
    if compiler.dialect.name == "sqlite":
        return f"{column} IN (SELECT value FROM json_each({values}))"
    return f"{column} = ANY ({values})"


def among(
    column: InstrumentedAttribute[Any] | ColumnElement[Any], values: Collection[Any] | str
) -> ColumnElement[bool]:
    """``column.in_(values)`` of many plain values, which are one parameter.

    However many there are, the statement is the same: nobody writes or prepares it anew, and no value is looked at
    before it goes to the database.

    Args:
        values: a string stands for the parameter of this name.
    """
    of = column.type
    given = (
        bindparam(values, type_=_Many(of))
        if isinstance(values, str)
        else bindparam(None, values, type_=_Many(of))
    )
    return _Among(column, given)


def insert_rows(model: type[Model], rows: Sequence[Values], *, once: bool = False) -> None:
    """Write them all; with ``once`` those that are not there yet, by any of the table's unique keys.

    What Core's executemany does for each value of each row takes about as long as the database does for the whole
    row. So each column is put into the driver's form here, by the same bind processors, where its type has one.
    """
    if not rows:
        return
    connection = db.session.connection()
    shape = _shape(model, tuple(rows[0]), connection.dialect)
    columns = [
        _bound([row[name] for row in rows], process) for name, process in shape.processors.items()
    ]
    bound = list(zip(*columns, strict=True))
    if once:
        connection.exec_driver_sql(f"{shape.statement} ON CONFLICT DO NOTHING", bound)
    elif connection.dialect.name == "postgresql" and len(bound) >= _COPIED:
        _copy(shape.copy, bound)
    else:
        connection.exec_driver_sql(shape.statement, bound)


def _copy(statement: str, rows: list[tuple[Any, ...]]) -> None:
    """What PostgreSQL takes in many rows by; its errors come as they do from statements.

    Raises:
        sqlalchemy.exc.DBAPIError: the database refuses them.
    """
    connection = db.session.connection()
    driver: Any = connection.dialect.loaded_dbapi
    cursor: Any = connection.connection.cursor()
    try:
        with cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except driver.Error as error:
        raise DBAPIError.instance(
            statement, None, error, driver.Error, dialect=connection.dialect
        ) from error


def insert_numbered(model: type[Model], rows: Sequence[Values]) -> dict[str, int]:
    """Write them all; public id -> the number that each row got."""
    numbers = dict(zip((row["public_id"] for row in rows), reserve(model, len(rows)), strict=True))
    insert_rows(model, [{"id": numbers[row["public_id"]], **row} for row in rows])
    return numbers


_SEQUENCE = select(func.pg_get_serial_sequence(bindparam("table"), "id").cast(REGCLASS))
_NEXT = select(func.nextval(_SEQUENCE.scalar_subquery())).select_from(
    func.generate_series(1, bindparam("many"))
)
"""The sequence is looked for once, not for each number."""


def reserve(model: type[Model], many: int) -> Iterator[int]:
    """Numbers that no other row of the table has or will get, in ascending order."""
    table = table_of(model)
    if db.engine.dialect.name == "postgresql":
        return iter(db.session.scalars(_NEXT, {"table": table.name, "many": many}).all())
    # atomic() holds SQLite's only write lock, so nobody else takes a number meanwhile
    top = db.session.scalar(select(func.max(table.c.id))) or 0
    return iter(range(top + 1, top + 1 + many))


@dataclass(frozen=True, slots=True)
class _Shape:
    """How rows with these columns are written."""

    statement: str
    copy: str
    """The same, as PostgreSQL takes in many."""
    processors: dict[str, Callable[[Any], Any] | None]


@lru_cache(maxsize=100)
def _shape(model: type[Model], names: tuple[str, ...], dialect: Dialect) -> _Shape:
    table, quote = table_of(model), dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    marks = ", ".join([mark] * len(names))
    return _Shape(
        f"INSERT INTO {quote(table.name)} ({columns}) VALUES ({marks})",
        f"COPY {quote(table.name)} ({columns}) FROM STDIN",
        {name: table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names},
    )


def _bound(values: list[Any], process: Callable[[Any], Any] | None) -> Sequence[Any] | repeat[Any]:
    if process is None:
        return values
    first = values[0]
    if all(value is first for value in values):  # the moment of the batch, say
        return repeat(process(first), len(values))
    return [process(value) for value in values]
