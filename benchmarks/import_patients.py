"""``patients import`` of a CSV file, beside reading it with ``csv`` and inserting it with sqlite3."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

from benchmarks.measure import Figures, bare_connection, fresh_installation, memory_mib, seconds
from portal import clock
from portal.audit.actor import system
from portal.demo.crowd import Crowd
from portal.exchange.service import import_patients
from portal.practices import service as practices

SIZE = 50_000
COLUMNS = (
    "MRN",
    "First",
    "Last",
    "BirthDate",
    "SSN",
    "Email",
    "Phone",
    "Address",
    "City",
    "State",
    "Zip",
)


def run(size: int) -> Figures:
    """Import a file of so many new patients."""
    with fresh_installation() as (_, database):
        file = database.parent / "patients.csv"
        write_patients(file, size)
        hand = system("Benchmark")
        practice = practices.add_practice(
            name="Benchmark",
            time_zone="America/New_York",
            phone=None,
            country="US",
            by=hand,
            now=clock.now(),
        )
        ours = seconds(lambda: import_patients(file, practice=practice, by=hand, now=clock.now()))
        memory = memory_mib()
        bare = seconds(lambda: _bare_import(file, database.parent / "bare.sqlite3"))
    return Figures("rows", size, ours, "bare csv and sqlite3", bare, memory)


def write_patients(file: Path, size: int) -> None:
    """A file of so many new patients."""
    crowd = Crowd(today=date(2026, 1, 1), seed=1)
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        for number in range(1, size + 1):
            someone = crowd.next(number)
            city, state, postal_code, _ = someone.home.town
            writer.writerow(
                [
                    number,
                    someone.given,
                    someone.family,
                    someone.born or "",
                    someone.ssn or "",
                    someone.email or "",
                    someone.phones[0] if someone.phones else "",
                    someone.home.street,
                    city,
                    state,
                    postal_code,
                ]
            )


def _bare_import(file: Path, database: Path) -> None:
    connection = bare_connection(database)
    connection.execute(
        f"CREATE TABLE patient (id INTEGER PRIMARY KEY, {', '.join(COLUMNS)}, UNIQUE (MRN))"
    )
    names, marks = ", ".join(COLUMNS), ", ".join("?" * len(COLUMNS))
    with file.open(newline="", encoding="utf-8") as rows:
        reader = csv.reader(rows)
        next(reader)
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO patient ({names}) VALUES ({marks})", reader)
        connection.execute("COMMIT")
    connection.close()
