"""A run of a million: does a worker's memory, or its pace, depend on how many came before?

Two worker processes send to postfix's ``smtp-sink``, as in :mod:`benchmarks.post`. While they do, the database is asked
how far they are, and the system what they hold.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from flask import Flask
from sqlalchemy import select

from benchmarks import places, post_practice, post_sink
from benchmarks.post import CONNECTIONS, MOST_MIB, Crew
from benchmarks.table import Line, Report
from portal.bulk.models import BulkRun
from portal.extensions import db

SIZE = 1_000_000
PACE = 0.7
"""The last fifth goes at this fraction of the second fifth's pace, or better."""
_EVERY = 0.5
"""Seconds."""


@dataclass
class Watch:
    """Asks every so often, until told to stop."""

    app: Flask
    crew: Crew
    run: str
    seen: list[tuple[float, int, int]] = field(default_factory=list)
    """Moment, mails taken, MiB of the larger worker."""
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        with self.app.app_context():
            while not self._over.wait(_EVERY):
                done = db.session.scalar(select(BulkRun.done).where(BulkRun.public_id == self.run))
                db.session.rollback()
                self.seen.append((time.perf_counter(), done or 0, self.crew.held))

    def at(self, number: int) -> tuple[float, int]:
        """When so many were done, and the most that a worker had held by then."""
        until = [each for each in self.seen if each[1] <= number]
        return until[-1][0], max(each[2] for each in until)


def run(size: int) -> Sequence[Report]:
    """On SQLite."""
    return [_on("sqlite", size)]


def run_postgresql(size: int) -> Sequence[Report]:
    """On PostgreSQL."""
    return [_on("postgresql", size)]


def _on(dialect: str, size: int) -> Report:
    report = Report(f"{dialect}: one run of {size:,} invitations, 2 workers, smtp-sink")
    with ExitStack() as until:
        home = until.enter_context(places.folder())
        url = until.enter_context(places.addresses(dialect, home))("flat")
        app = places.application(url, home)
        with app.app_context():
            public_id = post_practice.begin_run(size, 0)
            places.forget_connections()
        given = {
            "BENCH_URL": url, "BENCH_DATA": str(home), "BENCH_SMTP": str(until.enter_context(post_sink.sink())),
            "MAIL_CONNECTIONS": str(CONNECTIONS),
        }  # fmt: skip
        crew = until.enter_context(Crew("run", given))
        with Watch(app, crew, public_id) as watch:
            done, seconds = crew.turn(public_id)
        with app.app_context():
            taken = post_practice.run_taken(public_id)
            places.forget_connections()
    _tell(report, watch, size, seconds)
    report.tell(
        Line("mails taken, with a live link and a line each", f"{taken:,}", size - taken, 0)
    )
    report.tell(Line("mails sent", f"{done:,}", abs(size - done), 0))
    return report


def _tell(report: Report, watch: Watch, size: int, seconds: float) -> None:
    fifths = [watch.at(size * n // 5) for n in range(1, 6)]
    for number, (_, memory) in enumerate(fifths, start=1):
        told = f"{memory} MiB"
        report.tell(
            Line(f"memory of a worker after {size * number // 5:,}", told, memory, MOST_MIB)
        )
    second, last = (max(_EVERY, fifths[n][0] - fifths[n - 1][0]) for n in (1, 4))
    told = f"{size / 5 / last:,.0f}/s beside {size / 5 / second:,.0f}/s, {second / last:.2f}"
    report.tell(
        Line("pace of the last fifth beside the second", told, second / last, PACE, at_least=True)
    )
    report.tell(Line("all of it", f"{seconds / 60:.1f} minutes, {size / seconds:,.0f}/s"))
