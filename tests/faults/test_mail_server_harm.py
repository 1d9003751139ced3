"""A mail server that refuses, hangs, resets and crawls in turn, while a run sends through it (faults.md F5)."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.mail.rules import PROBES
from portal.mail.transport import AFTER_DOT, BEFORE_DOT
from tests.faults.ground import SCALE, Ground, wait_for
from tests.smtp import DROP_AFTER_KEEPING, DROP_MID_DATA, HANG, HANG_AFTER_KEEPING, ONE_BYTE_A_TIME

Make = Callable[..., Ground]
FOR_GOOD = "550 5.1.1 No such user"
SLACK = 1.5
"""Seconds that a busy machine may take to notice."""
TWICE = 2
MINUTES = 5 * 60 * SCALE
"""What lasts five minutes in faults.md."""


@dataclass
class Harm:
    """The rules of the sink: what always goes wrong for some, and what goes wrong in one phase."""

    dead: set[str]
    """Whose mailbox does not exist."""
    busy: float
    """Which part of the recipients is asked to come back later, at the first two tries."""
    dice: random.Random = field(default_factory=random.Random)
    asked: Counter[str] = field(default_factory=Counter)
    """How often each recipient was named."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rule(self, stage: str, recipient: str, client: int) -> str | None:
        """In force all the time."""
        if stage != "recipient":
            return None
        with self._lock:
            self.asked[recipient] += 1
            if recipient in self.dead:
                return FOR_GOOD
            busy = self.asked[recipient] <= TWICE and self.dice.random() < self.busy
            return "451 4.7.1 Come back later" if busy else None


@contextmanager
def while_(here: Ground, stage: str, answer: str) -> Iterator[None]:
    """Every conversation gets this answer there."""
    here.sink.always(stage, answer)
    yield
    here.sink.always(stage, None)


def stuck(here: Ground, stage: str, answer: str) -> float:
    """Let every connection run into this for a while; the seconds until the last of them has been given up."""
    held: dict[int, float] = {}
    longest = 0.0

    def rule(at: str, recipient: str, client: int) -> str | None:
        if at != stage:
            return None
        held[client] = time.monotonic()
        return answer

    here.sink.rules.insert(0, rule)
    wait_for(lambda: held, within=60)
    time.sleep(0.5)
    here.sink.rules.remove(rule)
    for client, began in list(held.items()):
        wait_for(lambda client=client: here.workers.pid_at(client) is None, within=120, every=0.1)
        longest = max(longest, time.monotonic() - began)
    return longest


@pytest.mark.any_database
def test_f5_a_mail_server_that_does_everything_wrong(ground: Make) -> None:
    here = ground()
    people, few, sink, figures = here.size.people, here.size.few, here.sink, here.figures
    harm = Harm(set(here.addresses(few)), busy=0.1)
    sink.rules.append(harm.rule)
    scale = float(here.size.waits["MAIL_RETRY_SCALE"])
    span = MINUTES if here.size.full else 1.0
    here.invite_all()

    here.arrived(people * 0.1)
    with while_(here, "greet", "421 4.3.2 Not now"):
        time.sleep(1.0)  # whoever was connected has noticed
        knocks, began = sink.connections, time.monotonic()
        time.sleep(span)
        knocks, lasted = sink.connections - knocks, time.monotonic() - began
    fastest = PROBES[0].total_seconds() * scale
    figures.at_most(
        "connects a second while it is closed", knocks / lasted, 1 / fastest + 1 / lasted
    )

    here.arrived(people * 0.2)
    with while_(here, "recipient", "451 4.3.0 Try again"):
        time.sleep(span / 3)

    here.arrived(people * 0.3)
    sink.stop()
    time.sleep(span)
    sink.start()

    here.arrived(people * 0.4)
    sink.program("data", *[DROP_MID_DATA] * few)
    here.arrived(people * 0.5)
    sink.program("data", *[DROP_AFTER_KEEPING] * few)
    hung = _hang(here) if here.size.full else 0
    here.finish()
    run = here.run()
    ledger = here.reconcile(repeats=few + hung)
    tries = [harm.asked[recipient] for recipient in harm.dead]
    figures.exactly(
        "told that there is no such mailbox", run.failed - ledger.states["unknown"], few
    )
    figures.exactly("asked about a dead mailbox, at most", max(tries), 1)
    figures.exactly(
        "all others sent or told unknown", run.done + ledger.states["unknown"], people - few
    )
    figures.exactly("repeats are marked", unmarked(), 0)
    figures.judge()


def _hang(here: Ground) -> int:
    """Silence before the dot, one byte a second, silence after the dot; how many may be sent twice by that."""
    people, figures = here.size.people, here.figures
    timeout = float(here.size.waits["MAIL_TIMEOUT"])
    most = BEFORE_DOT * timeout + SLACK
    here.arrived(people * 0.6)
    figures.at_most(
        "seconds held by silence before the dot, at 1/20", stuck(here, "recipient", HANG), most
    )
    here.arrived(people * 0.65)
    figures.at_most(
        "seconds held by a byte a second, at 1/20", stuck(here, "greet", ONE_BYTE_A_TIME), most
    )
    here.arrived(people * 0.7)
    longest = stuck(here, "data", HANG_AFTER_KEEPING)
    figures.at_most(
        "seconds held by silence after the dot, at 1/20", longest, AFTER_DOT * timeout + SLACK
    )
    return here.size.workers * here.connections


def unmarked() -> int:
    """Mails cut off at the dot whose row does not tell so."""
    db.session.rollback()
    rows = db.session.scalars(select(OutboxMessage).where(OutboxMessage.state == "unknown"))
    return sum(row.doubtful_tries < 2 for row in rows)
