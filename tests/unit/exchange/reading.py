"""Read a file in a test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from portal.exchange.record import PatientRecord, PatientSource, RejectedRow
from portal.exchange.sniff import open_patients

TODAY = date(2026, 11, 21)


@dataclass
class Read:
    """All that came out of a file."""

    source: PatientSource
    records: list[PatientRecord]
    rejected: list[RejectedRow]

    @property
    def left_out(self) -> Counter[tuple[str, str]]:
        """What was left out of the rows that were kept, by field and reason."""
        return Counter(
            (str(problem.field), problem.reason.value)
            for record in self.records
            for problem in record.warnings
        )

    @property
    def rejections(self) -> list[tuple[int, list[str]]]:
        """Row and reasons."""
        return [(row.row, [p.reason.value for p in row.problems]) for row in self.rejected]


def read(path: Path, *, country: str = "US", today: date = TODAY) -> Read:
    source = open_patients(path, today=today, country=country)
    outcomes = list(source)
    return Read(
        source,
        [o for o in outcomes if isinstance(o, PatientRecord)],
        [o for o in outcomes if isinstance(o, RejectedRow)],
    )
