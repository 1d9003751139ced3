"""What ``make run`` starts (interface.md "Running"): comes up by itself, keeps its data, starts anew what dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, free_port
from tests.faults.conftest import wait_for
from tests.page_check import check

INVITE = """
from wsgi import app
from portal import clock
from portal.invitations import service
from tests.factories import make_house, make_patient
with app.app_context():
    house = make_house()
    assert service.enable_and_invite(patient=make_patient(house), by=house.hand, now=clock.now())
"""


class Supervisor:
    """``python -m portal.dev`` on its own port and data directory."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port = data, port
        self.url = f"http://127.0.0.1:{port}"
        self.said = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "portal.dev"],
            cwd=ROOT,
            env=clean_environment(PORT=str(port), PORTAL_DATA_DIR=str(data), PORTAL_DEMO="0"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line

    def wait_until_it_says(self, text: str) -> None:
        wait_for(lambda: text in self.said or self.process.poll() is not None, within=60)
        assert text in self.said, self.said

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read().decode()

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def worker(self) -> int | None:
        found = [child.pid for child in self.family() if child.cmdline()[-1:] == ["worker"]]
        return found[0] if found else None

    def command(self, *words: str) -> str:
        """Another program, which knows nothing but the data directory."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=ROOT,
            env=clean_environment(PORTAL_DATA_DIR=str(self.data)),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def end(self, signal_: int = signal.SIGTERM) -> int:
        self.process.send_signal(signal_)
        return self.process.wait(40)

    def close(self) -> None:
        """End it if it still runs, and let go of its output."""
        if self.process.poll() is None:
            self.end()
        self._reader.join(5)
        assert self.process.stdout is not None
        self.process.stdout.close()


def clean_environment(**values: str) -> dict[str, str]:
    ours = {"APP_ENV", "DATABASE_URL", "REDIS_URL", "MAIL_SERVER", "PUBLIC_BASE_URL"}
    return {key: value for key, value in os.environ.items() if key not in ours} | values


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    made: list[Supervisor] = []

    def one(port: int | None = None, data: Path = tmp_path / "var") -> Supervisor:
        made.append(Supervisor(data, port or free_port()))
        return made[-1]

    yield one
    for supervisor in made:
        supervisor.close()


def test_it_comes_up_sends_mail_survives_kills_and_keeps_its_data(start) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C stops it.")
    assert "practice add" in run.said
    assert "staff add" in run.said
    assert '"ok"' in run.get("/livez")
    assert run.data.stat().st_mode & 0o077 == 0
    assert "queue server    answers" in run.command("-m", "flask", "--app", "wsgi", "doctor")

    assert "scheduler" in {child.cmdline()[-1] for child in run.family()}
    old = run.worker()
    assert old is not None
    os.kill(old, signal.SIGKILL)
    run.wait_until_it_says("The worker ended (signal SIGKILL)")
    run.command("-c", INVITE)
    wait_for(lambda: list((run.data / "mailbox" / "new").glob("*")), within=30)
    page = run.get("/dev/mailbox")
    check(page)
    assert "Connect with Family Practice via the patient portal" in page
    assert run.worker() not in {None, old}

    family = run.family()
    assert run.end() == 0
    assert not [child for child in family if child.is_running()]
    assert not (run.data / "run.env").exists()

    again = start(port=run.port)
    again.wait_until_it_says("Ctrl-C stops it.")
    assert "no practice yet" not in again.said
    assert "Connect with Family Practice" in again.get("/dev/mailbox")
    assert again.end(signal.SIGINT) == 0


def test_what_stands_in_the_way_is_said_in_one_line(start, tmp_path) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C stops it.")
    taken = start(port=run.port, data=tmp_path / "other")
    assert taken.process.wait(30) == 1
    wait_for(lambda: f"Port {run.port} is taken" in taken.said)
    twice = start()
    assert twice.process.wait(30) == 1
    wait_for(lambda: "running already" in twice.said)
    assert '"ok"' in run.get("/livez"), "the first one goes on"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_killed_it_leaves_nothing_behind_that_holds_the_port(start) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C stops it.")
    family = run.family()
    assert run.end(signal.SIGKILL) == -signal.SIGKILL
    wait_for(lambda: not [child for child in family if child.is_running()], within=30)
    start(port=run.port).wait_until_it_says("Ctrl-C stops it.")
