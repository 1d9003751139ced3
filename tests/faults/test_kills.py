"""Workers killed anywhere, everything killed at once, workers replaced in order (faults.md F1-F3, F9, F14)."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.mail.models import OutboxMessage
from tests.faults.crew import is_alive
from tests.faults.ground import SCALE, SHORT_LEASE, Ground, wait_for
from tests.faults.ledger import Ledger, reconcile
from tests.faults.power import Power
from tests.faults.sink import Copy
from tests.smtp import DROP

Make = Callable[..., Ground]
ON_THE_WIRE = 1.0
PATIENCE = 0.8
"""Seconds, less than ``MAIL_TIMEOUT``."""
REAL_WAITS = (60 + 30) * (1 - SCALE)
"""Seconds that a lease and a sweep take longer in real life than here."""


def test_f1_workers_killed_at_random_times(ground: Make) -> None:
    here = ground(MAIL_LEASE=SHORT_LEASE)
    people, dice, kills = here.size.people, here.dice, here.size.kills
    moments = sorted(dice.uniform(0, 0.97) * people for _ in range(kills))
    struck: list[float] = []
    killed = 0
    here.invite_all()
    for moment in moments:
        here.arrived(moment)
        time.sleep(dice.uniform(0, 0.05))
        here.tend()
        crew = here.workers.running
        for worker in crew if dice.random() < 0.2 else [dice.choice(crew)]:
            killed += here.workers.strike(worker)
        struck.append(time.time())
    took = here.finish()
    figures, run = here.figures, here.run()
    ledger = here.reconcile(repeats=killed * here.connections)
    figures.exactly("kills", len(struck), kills)
    figures.tell("workers killed", killed)
    figures.exactly("reached or told unknown", run.done + run.failed, people)
    figures.exactly("unknown", run.failed, ledger.states["unknown"])
    figures.nothing("repeats that no kill explains", _unexplained(ledger, struck))
    if here.size.full:
        figures.at_most("seconds to the end, real waits", took + REAL_WAITS, 120)
    figures.judge()


def _unexplained(ledger: Ledger, struck: list[float]) -> list[str]:
    """Between two copies of a mail there is a kill; what was on the wire may be read a moment after it."""
    return [
        f"{repeat.row.message_id} went out again without a kill"
        for repeat in ledger.repeats
        if not any(
            repeat.copies[0].at - ON_THE_WIRE <= kill <= repeat.copies[-1].at for kill in struck
        )
    ]


PROMISES = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "synchronous": "2",  # FULL
    "journal_mode": "wal",
}


@dataclass
class Fate:
    """Strikes the worker that has one of these mails in hand, once for each."""

    here: Ground
    marked: set[str]
    most: int
    struck: dict[str, float] = field(default_factory=dict)
    _doomed: dict[int, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def before_data(self, stage: str, recipient: str, client: int) -> str | None:
        """A rule of the sink: the worker dies when it has named the recipient.

        But only when the mail before it is written down, for its gap is F2's (decision 28).
        """
        if stage != "recipient" or len(self.struck) >= self.most or not self._takes(recipient):
            return None
        if not self._before_is_settled(client):
            del self.struck[recipient]
            return None
        self._kill(recipient, self.here.workers.pid_at(client))
        return DROP

    def aim(self, stage: str, recipient: str, client: int) -> str | None:
        """A rule of the sink that changes nothing: finds out who will have to die."""
        if stage == "data" and self._takes(recipient):
            pid = self.here.workers.pid_at(client)
            if pid is not None:
                self._doomed[client] = pid
        return None

    def after_250(self, copy: Copy) -> None:
        """The worker dies in the same breath in which it hears that its mail was taken."""
        pid = self._doomed.pop(copy.client, None)
        if pid is not None:
            self._kill(copy.recipient, pid)

    def _before_is_settled(self, client: int) -> bool:
        copies = reversed(self.here.sink.copies)
        before = next((copy.message_id for copy in copies if copy.client == client), None)
        if before is None:
            return True
        settled = select(OutboxMessage.settled_at).where(OutboxMessage.message_id == before)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            with self.here.app.app_context(), db.engine.connect() as outside:
                if outside.scalar(settled) is not None:
                    return True
            time.sleep(0.02)
        return False

    def _takes(self, recipient: str) -> bool:
        with self._lock:
            if recipient not in self.marked or recipient in self.struck:
                return False
            self.struck[recipient] = 0.0
            return True

    def _kill(self, recipient: str, pid: int | None) -> None:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.struck[recipient] = time.time()


@pytest.mark.any_database
def test_f2_killed_between_the_250_and_the_commit(ground: Make) -> None:
    here = ground(MAIL_CONNECTIONS="1", MAIL_LEASE=SHORT_LEASE)
    points, figures = here.size.points, here.figures
    fate = Fate(here, set(here.addresses(points)), points)
    here.sink.rules.append(fate.aim)
    here.sink.after.append(fate.after_250)
    here.invite_all()
    here.finish()
    run = here.run()
    ledger = here.reconcile(repeats=points)
    repeated = {repeat.row.address for repeat in ledger.repeats}
    figures.exactly("kills", sum(map(bool, fate.struck.values())), points)
    figures.exactly("done", run.done, here.size.people)
    figures.at_least("of them between the 250 and the commit", len(repeated), points * 0.5)
    figures.exactly("repeats of other mails", len(repeated - fate.marked), 0)
    figures.exactly("three times or more", sum(len(r.copies) > 2 for r in ledger.repeats), 0)
    figures.exactly("not marked", sum(r.row.doubtful_tries != 1 for r in ledger.repeats), 0)
    figures.judge()


@pytest.mark.any_database
def test_f3_killed_before_data(ground: Make) -> None:
    here = ground(MAIL_CONNECTIONS="1", MAIL_LEASE=SHORT_LEASE)
    points, figures = here.size.points, here.figures
    fate = Fate(here, set(here.addresses(3 * points)), points)
    here.sink.rules.append(fate.before_data)
    here.invite_all()
    here.finish()
    run = here.run()
    here.reconcile(repeats=0)
    figures.exactly("kills", sum(map(bool, fate.struck.values())), points)
    figures.exactly("done", run.done, here.size.people)
    figures.judge()


@pytest.mark.any_database
def test_f9_workers_replaced_one_after_the_other(ground: Make) -> None:
    here = ground(forked=False)
    deploys, figures = here.size.deploys, here.figures
    here.invite_all()
    here.arrived(1)
    longest = 0.0
    for number in range(deploys):
        here.arrived(here.size.people * 0.9 * number / deploys, tended=False)
        oldest = here.workers.running[0]
        began = time.monotonic()
        oldest.send_signal(signal.SIGTERM)
        wait_for(lambda worker=oldest: not is_alive(worker), within=40)
        longest = max(longest, time.monotonic() - began)
        here.tend()
    here.finish()
    run = here.run()
    here.reconcile(repeats=0)
    figures.exactly("done", run.done, here.size.people)
    figures.at_most("seconds until a worker has ended, at most", longest, 30)
    figures.judge()


def test_f14_everything_killed_at_once(ground: Make, power: Power) -> None:
    power.make_durable()
    here = ground(forked=False, MAIL_LEASE=SHORT_LEASE)
    people, falls, figures = here.size.people, here.size.falls, here.figures
    for name, promise in power.durable().items():
        figures.exactly(name, promise, PROMISES[name])
    killed = 0
    here.invite_all()
    for number in range(falls):
        here.arrived(people * 0.8 * (number + here.dice.random()) / falls)
        here.tend()
        killed += len(here.workers.running)
        port = here.workers.valkey.port
        here.workers.kill()
        here.workers.valkey.terminate()
        power.kill()
        power.come_back()
        figures.nothing("damaged", power.broken())
        reconcile(here.house_id, here.sink).tell(figures, repeats=killed * here.connections)
        here.workers.valkey._desired_port = port
        here.workers.valkey.start()
    here.finish()
    run = here.run()
    here.reconcile(repeats=killed * here.connections)
    figures.nothing("damaged at the end", power.broken())
    figures.exactly("done or told unknown", run.done + run.failed, people)
    figures.judge()
