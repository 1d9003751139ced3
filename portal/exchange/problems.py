"""All problems of a file, however many, in a few bytes each: every unusable row is told (12.1), in
flat memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from heapq import merge

from portal.exchange.record import Field, Reason, RowProblem
from portal.people.rules import Refusal

Kind = tuple[Field | None, Refusal | Reason]


class ProblemLog:
    """Problems by what they are; only row numbers are kept of each, eight bytes."""

    def __init__(self) -> None:
        self._rows: dict[Kind, array[int]] = {}

    def add(self, problems: Iterable[RowProblem]) -> None:
        """Remember them. Rows come in the file's order."""
        for problem in problems:
            kind = (problem.field, problem.reason)
            self._rows.setdefault(kind, array("q")).append(problem.row)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def __iter__(self) -> Iterator[RowProblem]:
        """In the file's order."""
        each = (_told(kind, rows) for kind, rows in self._rows.items())
        return merge(*each, key=lambda problem: problem.row)


def _told(kind: Kind, rows: array[int]) -> Iterator[RowProblem]:
    return (RowProblem(row, *kind) for row in rows)
