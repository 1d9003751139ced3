"""A record number that stands in a file more than once.

The same row twice is passed over. Two rows that differ contradict each other, and no rule can tell
which of them is right, so the later one is an unusable row (12.1): a person must look.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b

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


@dataclass(frozen=True, slots=True)
class WithoutRepeats:
    """The rows of a source, each record number once."""

    source: PatientSource

    def __iter__(self) -> Iterator[PatientRecord | RejectedRow]:
        # A temporary database: memory stays flat over a million rows, and what spills to disk is
        # keyed hashes only, under a key that dies with this reading.
        key = os.urandom(32)
        with closing(sqlite3.connect("", isolation_level=None)) as seen:
            seen.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
            seen.execute("PRAGMA journal_mode=OFF")
            seen.execute("CREATE TABLE seen (number BLOB PRIMARY KEY, told INTEGER) WITHOUT ROWID")
            for outcome in self.source:
                if isinstance(outcome, RejectedRow):
                    yield outcome
                    continue
                number = blake2b(outcome.record_number.encode(), digest_size=16, key=key).digest()
                told = hash(outcome)
                first = seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (number, told))
                if first.rowcount:
                    yield outcome
                elif seen.execute(
                    "SELECT told FROM seen WHERE number = ?", (number,)
                ).fetchone() == (told,):
                    self.source.passed_over[REPEATED] += 1
                else:
                    problem = RowProblem(
                        outcome.row, Field.RECORD_NUMBER, Reason.RECORD_NUMBER_REPEATED
                    )
                    yield RejectedRow(outcome.row, (problem, *outcome.warnings))
