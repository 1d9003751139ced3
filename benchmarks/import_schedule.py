"""``schedule import`` of a folder of visits, shifted, into a practice that is there; then the same folder once more."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.import_patients import write_patients
from benchmarks.measure import fresh_installation, memory_mib, seconds
from benchmarks.table import Line, Report
from portal import clock
from portal.audit.actor import system
from portal.exchange.schedule_service import import_schedule
from portal.exchange.service import import_patients
from portal.practices import service as practices

SIZE = 100_000
"""Visits; a fifth as many patients."""
BAR = 60.0
"""Seconds for SIZE."""
_BEGIN = datetime(2019, 1, 7, 8)  # noqa: DTZ001 (the wall clock of a file)


def run(size: int) -> list[Report]:
    """Import a folder of so many new visits, and again."""
    report = Report(f"schedule import, {size:,} visits")
    with fresh_installation() as (_, database):
        patients = database.parent / "patients.csv"
        write_patients(patients, size // 5)
        _write(database.parent, size)
        hand = system("Benchmark")
        practice = practices.add_practice(
            name="Benchmark",
            time_zone="America/New_York",
            phone=None,
            country="US",
            by=hand,
            now=clock.now(),
        )
        import_patients(patients, practice=practice, by=hand, now=clock.now())
        before = memory_mib()

        def bring() -> None:
            today = date(2026, 11, 21)
            import_schedule(
                database.parent, practice=practice, by=hand, now=clock.now(), shift_to=today
            )

        for name in ("new", "the same again"):
            took = seconds(bring)
            told = f"{took:6.1f} s  {size / took:,.0f}/s  +{memory_mib() - before} MiB"
            report.tell(Line(name, told, took, BAR * max(1.0, size / SIZE)))
    return [report]


def _write(folder: Path, size: int) -> None:
    draw = Random(1)
    with (folder / "encounters.csv").open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(["Id", "START", "STOP", "PATIENT", "ORGANIZATION", "PROVIDER", "DESCRIPTION"])
        for number in range(size):
            start = _BEGIN + timedelta(minutes=15 * draw.randrange(2 * 365 * 96))
            rows.writerow(
                [
                    f"visit-{number}",
                    f"{start.isoformat()}Z",
                    f"{(start + timedelta(minutes=20)).isoformat()}Z",
                    1 + number % (size // 5),
                    f"Office {number % 7}",
                    f"Dr. Number {number % 40}",
                    "Encounter for check up (procedure)",
                ]
            )
