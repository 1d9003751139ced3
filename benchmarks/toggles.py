"""How many toggles a second, beside a bare Flask + SQLAlchemy route that does as many writes in one commit.

Both are served by gunicorn as ``make run`` starts it, to the same four clients, from the same database, in turns.
"""

from __future__ import annotations

import http.client
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import create_engine, event, insert

from benchmarks import places, practice
from benchmarks.bare import ROWS, Bare
from benchmarks.browser import FIELD, GRANT, HTMX, LIST, STAFF, TOKEN, Browser
from benchmarks.places import Installed
from benchmarks.table import Line, Report
from portal.extensions import db

AT_LEAST = 0.5
CLIENTS = 4
SECONDS = 4.0
ROUNDS = 3
_GUNICORN = "--workers 2 --threads 4 --worker-class gthread --no-control-socket --log-level warning --keep-alive 60"
_STARTED_WITHIN = 60.0


@dataclass(slots=True)
class Writes:
    """Rows that one request writes."""

    inserts: int = 0
    updates: int = 0


class Client(Protocol):
    """Sends requests over a connection of its own."""

    def once(self) -> int:
        """Some requests; returns how many."""


def compare(report: Report, installed: Installed, browser: Browser, *, home: Path) -> None:
    """Add the lines."""
    ids = _untold(installed, 8_000)
    enabling, disabling = counted(installed.app, browser, next(ids))
    environment = os.environ | {"BENCH_URL": installed.url, "BENCH_DATA": str(home)}
    ours, bare = [], []
    with ExitStack() as until:
        until.enter_context(_bare_table(installed.url))
        port = until.enter_context(_served("benchmarks.places:served()", environment))
        bare_port = until.enter_context(_served("benchmarks.bare:bare()", environment))
        clerks = [_Clerk(port, ids) for _ in range(CLIENTS)]
        writers = [_Writer(bare_port, enabling, disabling) for _ in range(CLIENTS)]
        for client in (*clerks, *writers):
            client.once()
        for _ in range(ROUNDS):
            ours.append(_rate(clerks))
            bare.append(_rate(writers))
    rate, beside = statistics.median(ours), statistics.median(bare)
    told = f"{rate:5.0f}/s  bare {beside:5.0f}/s  ratio {rate / beside:.2f}"
    report.tell(Line("toggles", told, rate / beside, AT_LEAST, at_least=True))
    shapes = " and ".join(
        f"{each.inserts} + {each.updates} for {what}"
        for each, what in ((enabling, "gray"), (disabling, "red"))
    )
    report.tell(Line("rows inserted + updated in a commit", shapes))


def counted(app: Flask, browser: Browser, public_id: str) -> tuple[Writes, Writes]:
    """What enabling and taking it back write, in rows."""
    writes = Writes()

    def count(_c: Any, cursor: Any, statement: str, *_: Any) -> None:
        match statement.split(None, 1)[0].upper():
            case "INSERT" if "ON CONFLICT" not in statement:
                writes.inserts += cursor.rowcount
            case "INSERT" | "UPDATE" | "DELETE":
                writes.updates += cursor.rowcount

    with app.app_context():
        engine = db.engine
    event.listen(engine, "after_cursor_execute", count)
    grant = browser.enable(public_id)
    enabling = Writes(writes.inserts, writes.updates)
    writes.inserts = writes.updates = 0
    browser.disable(public_id, grant)
    event.remove(engine, "after_cursor_execute", count)
    return enabling, writes


class _Clerk:
    """Turns red ones gray and back, as htmx sends it."""

    def __init__(self, port: int, ids: Iterator[str]) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._ids = ids
        self._headers: dict[str, str] = {}
        self._cookies: SimpleCookie = SimpleCookie()
        form = self._ask("GET", "/staff/login")
        entered = {"email": STAFF, "password": places.PASSWORD}
        self._headers = {"X-CSRFToken": (FIELD.search(form) or TOKEN.search(form))[1]}  # type: ignore[index]
        self._ask("POST", "/staff/login", **entered)
        self._headers |= {"X-CSRFToken": TOKEN.search(self._ask("GET", LIST))[1], **HTMX}  # type: ignore[index]

    def once(self) -> int:
        """There and back."""
        public_id = next(self._ids)
        answer = self._ask("POST", f"{LIST}/{public_id}/enable", back="")
        grant = GRANT.search(answer)
        assert grant, "the patient did not become gray"
        self._ask("POST", f"{LIST}/{public_id}/disable", back="", grant=grant[1], was="ready")
        return 2

    def _ask(self, method: str, path: str, **fields: str) -> str:
        headers = {
            **self._headers,
            "Cookie": "; ".join(f"{name}={m.value}" for name, m in self._cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._connection.request(method, path, urlencode(fields) if fields else None, headers)
        answer = self._connection.getresponse()
        body = answer.read().decode()
        assert answer.status in (200, 303), (path, answer.status)
        for name, value in answer.getheaders():
            if name == "Set-Cookie":
                self._cookies.load(value)
        return body


class _Writer:
    """Has as many rows written, by the bare route."""

    def __init__(self, port: int, *shapes: Writes) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._shapes = shapes

    def once(self) -> int:
        """A request for each shape."""
        for shape in self._shapes:
            self._connection.request("POST", f"/write/{shape.inserts}/{shape.updates}", "back=")
            answer = self._connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        return len(self._shapes)


def _rate(clients: Sequence[Client]) -> float:
    """Requests a second of all clients at once."""
    until = time.perf_counter() + SECONDS
    done: list[int] = []
    failed: list[BaseException] = []

    def work(client: Client) -> None:
        number = 0
        try:
            while time.perf_counter() < until:
                number += client.once()
        except BaseException as error:
            failed.append(error)
            raise
        done.append(number)

    begun = time.perf_counter()
    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return sum(done) / (time.perf_counter() - begun)


def _untold(installed: Installed, many: int) -> Iterator[str]:
    with installed.app.app_context():
        ids = practice.untold_ids(many)
        places.forget_connections()
    return iter(ids)


@contextmanager
def _bare_table(url: str) -> Iterator[None]:
    """Its table, in the same database, with something in it; gone afterwards."""
    engine = create_engine(url)
    Bare.metadata.drop_all(engine)
    Bare.metadata.create_all(engine)
    rows = [{"practice_id": 1, "text": "x" * 300, "number": 0} for _ in range(ROWS)]
    with engine.begin() as connection:
        connection.execute(insert(Bare), rows)
    try:
        yield
    finally:
        Bare.metadata.drop_all(engine)
        engine.dispose()


@contextmanager
def _served(application: str, environment: dict[str, str]) -> Iterator[int]:
    """gunicorn with this application; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gunicorn",
            *_GUNICORN.split(),
            "--bind",
            f"127.0.0.1:{port}",
            application,
        ],
        env=environment,
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _STARTED_WITHIN
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("gunicorn did not start")
