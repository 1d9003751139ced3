"""A record number that stands in a file more than once.

The same row twice is passed over. Two rows that differ contradict each other, and no rule can tell
which of them is right, so the later one is an unusable row (12.1): a person must look.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b
from typing import TypeVar

from portal.exchange.record import (
    Field,
    PatientRecord,
    PatientSource,
    Reason,
    RejectedRow,
    RowProblem,
)

REPEATED = "repeated row"
_CACHE_KIB = 8192


Outcome = TypeVar("Outcome", bound=Hashable)


@dataclass(frozen=True, slots=True)
class WithoutRepeats:
    """The rows of a source, each record number once."""

    source: PatientSource

    def __iter__(self) -> Iterator[PatientRecord | RejectedRow]:
        told = once(
            self.source,
            number_of=lambda outcome: (
                None if isinstance(outcome, RejectedRow) else outcome.record_number
            ),
        )
        for outcome, repeat in told:
            if repeat is None or isinstance(outcome, RejectedRow):
                yield outcome
            elif repeat is Repeat.SAME:
                self.source.passed_over[REPEATED] += 1
            else:
                problem = RowProblem(
                    outcome.row, Field.RECORD_NUMBER, Reason.RECORD_NUMBER_REPEATED
                )
                yield RejectedRow(outcome.row, (problem, *outcome.warnings))


class Repeat(Enum):
    """What a row is to the earlier one of its number."""

    SAME = auto()
    OTHER = auto()


def once(
    outcomes: Iterable[Outcome], *, number_of: Callable[[Outcome], str | None]
) -> Iterator[tuple[Outcome, Repeat | None]]:
    """The outcomes, each with what it repeats; None: nothing.

    Args:
        number_of: what must not come twice; None for an outcome that has no such number.
    """
    # A temporary database: memory stays flat over a million rows, and what spills to disk is
    # keyed hashes only, under a key that dies with this reading.
    key = os.urandom(32)
    with closing(sqlite3.connect("", isolation_level=None)) as seen:
        seen.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
        seen.execute("PRAGMA journal_mode=OFF")
        seen.execute("CREATE TABLE seen (number BLOB PRIMARY KEY, told INTEGER) WITHOUT ROWID")
        for outcome in outcomes:
            number = number_of(outcome)
            if number is None:
                yield outcome, None
                continue
            hashed = blake2b(number.encode(), digest_size=16, key=key).digest()
            told = hash(outcome)
            first = seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (hashed, told))
            if first.rowcount:
                yield outcome, None
                continue
            query = seen.execute("SELECT told FROM seen WHERE number = ?", (hashed,))
            yield outcome, Repeat.SAME if query.fetchone() == (told,) else Repeat.OTHER
