"""Where a scenario takes place: so many people, a run that invites them all, and the crew that is to be harmed."""

from __future__ import annotations

import csv
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select, text

from portal import clock
from portal.bulk.models import BulkRun
from portal.bulk.states import RunKind
from portal.demo.crowd import ssn
from portal.exchange.service import import_patients
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.settings import settings
from tests.factories import House, make_house
from tests.faults.crew import Workers
from tests.faults.figures import Figures
from tests.faults.ledger import Ledger, reconcile
from tests.faults.sink import Sink
from tests.integration.bulk.conftest import begin

SCALE = 1 / 20
"""The suite runs every wait at this fraction; tests/faults/test_real_waits.py holds the real ones."""
SHORT_LEASE = str(60 * SCALE)
"""Where senders die. Elsewhere a lease is as long as a busy machine may need: nobody is to lose one."""


@dataclass(frozen=True)
class Size:
    """How large the scenarios are: in ``make test``, or in ``make faults``."""

    full: bool
    people: int
    workers: int
    kills: int
    """F1: at random times."""
    points: int
    """F2, F3: kills at one point of the conversation."""
    falls: int
    """F4, F6: how often a server goes away."""
    deploys: int
    """F9."""
    few: int
    """F11, F12: people of one fate."""
    waits: dict[str, str]
    patience: float
    """Seconds within which a run has to come to its end."""


SHORT = Size(
    full=False, people=90, workers=2, kills=4, points=4, falls=2, deploys=2, few=9, patience=60,
    waits={
        "SWEEP_INTERVAL": "0.5", "MAIL_LEASE": "20", "MAIL_TIMEOUT": "2", "MAIL_RETRY_SCALE": "0.005",
    },
)  # fmt: skip
FULL = Size(
    full=True, people=10_000, workers=4, kills=50, points=100, falls=5, deploys=20, few=100,
    patience=900,
    waits={
        "SWEEP_INTERVAL": str(30 * SCALE), "MAIL_LEASE": "60",
        "MAIL_TIMEOUT": str(30 * SCALE), "MAIL_RETRY_SCALE": str(SCALE),
    },
)  # fmt: skip


def wait_for(condition: Callable[[], object], *, within: float = 20.0, every: float = 0.02) -> None:
    """Until it is so."""
    until = time.monotonic() + within
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(every)


@dataclass
class Ground:
    """One installation with its people."""

    app: Flask
    workers: Workers
    size: Size
    figures: Figures
    folder: Path
    forked: bool = True
    """Whether a worker comes from the nursery; else each is a ``flask worker`` of its own."""
    house: House = field(default_factory=make_house)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        seed = random.randrange(10**6)
        self.dice = random.Random(seed)
        self.figures.tell("seed", str(seed))
        self.house_id = self.house.practice.id
        self.workers.changed = self.size.waits | self.workers.changed
        self._add_people()

    @property
    def sink(self) -> Sink:
        """The mail server."""
        return self.workers.smtp

    @property
    def connections(self) -> int:
        """How many mails a worker may have in flight: so many may be doubtful after its death."""
        return int(getattr(settings(), "mail_connections", 1))

    def addresses(self, number: int) -> list[str]:
        """So many people, drawn at random."""
        every = [address(n) for n in range(self.size.people)]
        return self.dice.sample(every, number)

    def invite_all(self) -> str:
        """Start a run; its public id."""
        return begin(self.house, RunKind.INVITE).public_id

    def tend(self) -> None:
        """As many workers as there should be."""
        self.workers.tend(self.size.workers, forked=self.forked)

    def run(self) -> BulkRun:
        """As it stands in the database now."""
        db.session.rollback()
        found = db.session.scalars(select(BulkRun).execution_options(populate_existing=True)).one()
        db.session.expunge(found)
        db.session.rollback()
        return found

    def finished(self) -> bool:
        """Whether the run is over and the last of its mails has come to an end."""
        run = self.run()
        return run.state in {"done", "cancelled"} and run.mailing == 0

    def arrived(self, number: float, *, within: float = 0, tended: bool = True) -> None:
        """Wait until the server has taken so many mails, while the dead are replaced."""

        def enough() -> bool:
            if tended:
                self.tend()
            return len(self.sink.copies) >= number

        wait_for(enough, within=within or self.size.patience)

    def finish(self) -> float:
        """Let the run come to its end; the seconds that took."""
        began = time.monotonic()

        def over() -> bool:
            self.tend()
            return self.finished()

        try:
            wait_for(over, within=self.size.patience, every=0.1)
        except AssertionError:
            self._tell_what_waits()
            raise
        return time.monotonic() - began

    def _tell_what_waits(self) -> None:
        run = self.run()
        self.figures.tell(f"the run is {run.state}, paused by {run.paused_by}", run.mailing)
        row = OutboxMessage
        columns = (row.state, row.reason, row.attempts)
        latest = func.max(row.next_attempt_at)
        for *alike, number, until in db.session.execute(
            select(*columns, func.count(), latest).group_by(*columns)
        ):
            self.figures.tell(f"{alike} until {until:%H:%M:%S}, now {clock.now():%H:%M:%S}", number)

    def reconcile(self, *, repeats: int = 0) -> Ledger:
        """Stop everybody, and go through the books."""
        self.workers.kill()
        ledger = reconcile(self.house_id, self.sink)
        ledger.tell(self.figures, repeats=repeats)
        log = self.workers.log.read_bytes()
        for trouble in (
            b"lease_lost",
            b"record_again",
            b"job_failed",
            b"room_failed",
            b"sweep.failed",
        ):
            self.figures.tell(f"  workers said {trouble.decode()}", log.count(trouble))
        return ledger

    def _add_people(self) -> None:
        file = self.folder / "people.csv"
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["MRN", "FIRST", "LAST", "DOB", "EMAIL", "SSN"])
            writer.writerows(
                [f"F{n}", "Pat", f"Number{n:05d}", "1980-02-11", address(n), ssn(n + 1)]
                for n in range(self.size.people)
            )
        import_patients(file, practice=self.house.practice, by=self.house.hand, now=clock.now())
        if self.size.full:
            with db.engine.connect() as connection:
                connection.execute(text("ANALYZE"))
                connection.commit()


def address(number: int) -> str:
    """Where this person is mailed."""
    return f"person.{number}@example.org"
