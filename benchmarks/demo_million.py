"""``demo --patients``, beside the same rows handed to the standard library's SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from benchmarks.measure import Figures, bare_connection, fresh_installation, memory_mib, seconds
from portal import clock
from portal.demo import service
from portal.extensions import db

SIZE = 200_000
CHUNK = 20_000


def run(size: int) -> Figures:
    """Make so many patients."""
    with fresh_installation() as (_, database):
        ours = seconds(
            lambda: service.make(password="benchmark " * 2, now=clock.now(), patients=size)
        )
        memory = memory_mib()
        db.session.remove()
        db.engine.dispose()
        with fresh_installation() as (_, empty):
            db.engine.dispose()
            bare = seconds(lambda: _copy(database, empty))
    return Figures("patients", size, ours, "the same rows by bare sqlite3", bare, memory)


def _copy(source: Path, target: Path) -> None:
    reader, writer = bare_connection(source), bare_connection(target)
    for table in db.metadata.sorted_tables:
        rows = reader.execute(f'SELECT * FROM "{table.name}"')
        marks = ", ".join("?" * len(rows.description))
        while chunk := rows.fetchmany(CHUNK):
            _insert(writer, f'INSERT INTO "{table.name}" VALUES ({marks})', chunk)
    reader.close()
    writer.close()


def _insert(connection: sqlite3.Connection, statement: str, rows: list[tuple[object, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(statement, rows)
    connection.execute("COMMIT")
