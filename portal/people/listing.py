"""Walk along a list of patients, from any place in it, at the cost of what is shown: keyset pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, literal, tuple_
from sqlalchemy.orm.interfaces import ORMOption

from portal.extensions import db
from portal.people.reading import Reading

LOOKED_ALONG = 20_000
"""So many of a list are asked one after the other whether they are meant, before all who are meant are put
together."""

Row = TypeVar("Row")
Place = tuple[Any, ...]
"""The values of the order's columns in some row."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """A list in an order. The order's last column is the patient's number, so that no two stand at one place."""

    query: Select[Row]
    order: tuple[Any, ...]
    patient_id: Any
    falling: bool = False
    """Walked from its end."""

    def after(
        self,
        place: Place | None,
        *,
        meant: Reading | None = None,
        limit: int,
        options: Sequence[ORMOption] = (),
    ) -> list[Row]:
        """The first rows beyond a place, or of all; of those who are meant by a text, if there is one."""
        query = self.query.options(*options)
        if meant is None:
            return self._walk(query, place, limit)
        if meant.dense:
            end = self._place_after(place, LOOKED_ALONG)
            near = query if end is None else query.where(self._before(end))
            rows = self._walk(near.where(meant.holds(self.patient_id)), place, limit)
            if len(rows) == limit or end is None:
                return rows
        # of many the list is walked along (a sum keeps SQLite from the table's key); few are sorted
        number = self.patient_id + 0 if meant.dense else self.patient_id
        query = self._in_order(query.where(number.in_(meant.ids())))
        if place is not None:
            query = query.where(self._beyond(self.order, place))
        return list(db.session.scalars(query.limit(limit)))

    def _in_order(self, query: Select[Any]) -> Select[Any]:
        return query.order_by(*(c.desc() if self.falling else c for c in self.order))

    def _walk(self, query: Select[Row], place: Place | None, limit: int) -> list[Row]:
        """On SQLite in two steps: those who differ in the last column alone, then all others.

        It uses an index for the comparison of a whole place, but not for its last column, if that is the
        table's key: it would pass over everybody with the same name, or all who were never invited.
        """
        query = self._in_order(query)
        if place is None or db.engine.dialect.name != "sqlite":
            beyond = query if place is None else query.where(self._beyond(self.order, place))
            return list(db.session.scalars(beyond.limit(limit)))
        *first, last = self.order
        same = [column == value for column, value in zip(first, place, strict=False)]
        rows = list(
            db.session.scalars(query.where(*same, self._beyond((last,), place[-1:])).limit(limit))
        )
        if len(rows) < limit:
            others = query.where(self._beyond(tuple(first), place[:-1]))
            rows += db.session.scalars(others.limit(limit - len(rows)))
        return rows

    def _beyond(self, columns: tuple[Any, ...], place: Place) -> ColumnElement[bool]:
        left, right = _whole(columns, place)
        beyond: ColumnElement[bool] = left < right if self.falling else left > right
        return beyond

    def _before(self, place: Place) -> ColumnElement[bool]:
        left, right = _whole(self.order, place)
        before: ColumnElement[bool] = left >= right if self.falling else left <= right
        return before

    def _place_after(self, place: Place | None, many: int) -> Place | None:
        """Where one stands after so many rows; None if the list ends before."""
        columns = self._in_order(self.query.with_only_columns(*self.order))
        if place is not None:
            columns = columns.where(self._beyond(self.order, place))
        row = db.session.execute(columns.offset(many).limit(1)).first()
        return None if row is None else tuple(row)


def _whole(columns: tuple[Any, ...], place: Place) -> tuple[Any, Any]:
    if len(columns) == 1:
        return columns[0], literal(place[0], columns[0].type)
    values = (literal(v, c.type) for c, v in zip(columns, place, strict=True))
    return tuple_(*columns), tuple_(*values)
