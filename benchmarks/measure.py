"""What every benchmark needs: a fresh installation, a stopwatch, and one line of result."""

from __future__ import annotations

import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade

from config import Settings, new_encryption_key
from portal import create_app

MIGRATIONS = str(Path(__file__).parent.parent / "migrations")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one benchmark; seconds of wall clock."""

    unit: str
    size: int
    seconds: float
    baseline: str
    baseline_seconds: float
    memory_mib: int
    """The most that this process has held so far, before the baseline ran."""

    def __str__(self) -> str:
        return (
            f"{self.size:,} {self.unit} in {self.seconds:.1f} s ({self.size / self.seconds:,.0f}/s,"
            f" {self.memory_mib} MiB); {self.baseline}: {self.baseline_seconds:.1f} s;"
            f" ratio {self.seconds / self.baseline_seconds:.1f}"
        )


@contextmanager
def fresh_installation(database_url: str | None = None) -> Iterator[tuple[Flask, Path]]:
    """An application on an empty SQLite database in a folder that goes away; its context is pushed.

    Args:
        database_url: another empty database instead.
    """
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "benchmark.sqlite3"
        app = create_app(
            Settings(
                app_env="testing",
                database_url=database_url or f"sqlite:///{database}",
                redis_url="",
                secret_key="a secret for benchmarks that is long enough",  # type: ignore[arg-type]
                data_encryption_key=new_encryption_key(),  # type: ignore[arg-type]
                portal_data_dir=Path(folder),
            )
        )
        with app.app_context():
            upgrade(directory=MIGRATIONS)
            yield app, database


def bare_connection(database: Path) -> sqlite3.Connection:
    """The standard library's SQLite, as safe as ours: WAL, synced at every commit, foreign keys."""
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def memory_mib() -> int:
    """The most that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
