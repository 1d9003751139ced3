"""The queue server and the database go away, are emptied, are locked, and come back (faults.md F4, F6)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from portal.extensions import db
from portal.limits.models import LogonStreak
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from tests.doors import log_on_staff
from tests.factories import make_patient
from tests.faults.conftest import empty_queue
from tests.faults.ground import SCALE, Ground, Size, wait_for
from tests.faults.power import Power
from tests.integration.staff.clerk import Clerk, text

Make = Callable[..., Ground]
AWAY = 60 * SCALE
LOCKED, AWAY_SHORT, LOCKED_SHORT = 10.0, 0.5, 1.0


def streaks() -> list[tuple[str, str, int]]:
    """Wrong passwords in a row, as the database counts them."""
    db.session.rollback()
    rows = db.session.execute(select(LogonStreak.scope, LogonStreak.key, LogonStreak.failures))
    return sorted(tuple(row) for row in rows)


@pytest.mark.any_database
def test_f4_the_queue_server_is_emptied_stopped_and_starts_anew(ground: Make) -> None:
    here = ground()
    people, falls, figures = here.size.people, here.size.falls, here.figures
    clerk = Clerk(here.app, here.house.front_desk)
    wrong = {"email": here.house.provider_member.email, "password": "not the right one at all"}
    for _ in range(3):
        here.app.test_client().post("/staff/login", data=wrong)
    counted = streaks()
    assert counted
    here.invite_all()
    guest = make_patient(here.house)
    for number in range(falls):
        here.arrived(people * 0.4 * (number + 1) / falls)
        empty_queue(here.workers.valkey)

    here.arrived(people * 0.5)
    port = here.workers.valkey.port
    here.workers.valkey.stop()
    down = time.monotonic()
    answer = clerk.act(guest, "enable")
    figures.at_most("seconds to invite somebody without a queue", time.monotonic() - down, 3.0)
    figures.exactly("what the page answers", answer.status_code, 200)
    assert "Pending" in text(clerk.access(guest))
    figures.exactly("their mails in the outbox", mails_of(guest), 1)
    before = len(here.sink.copies)
    here.arrived(min(before + 1, people + 1))
    resumed = time.monotonic() - down
    time.sleep(max(0.0, AWAY - (time.monotonic() - down)))

    for leftover in Path(here.workers.valkey.data_dir).iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
    here.workers.valkey._desired_port = port
    here.workers.valkey.start()
    here.finish()
    wait_for(lambda: len(here.sink.copies) == people + 1, within=30)
    run = here.run()
    here.reconcile(repeats=0)
    figures.exactly("done", run.done, people)
    figures.at_most("seconds until mail went on, real waits", resumed + 30 * (1 - SCALE), 60)
    figures.exactly("counters of wrong passwords as before", streaks() == counted, True)
    figures.judge()


def mails_of(patient: Patient) -> int:
    """How many mails to this address the outbox holds."""
    query = select(func.count()).where(OutboxMessage.address == patient.email)
    return db.session.scalar(query) or 0


def test_f6_the_database_restarts_or_is_locked(ground: Make, power: Power, size: Size) -> None:
    here = ground()
    people, falls, figures = size.people, size.falls, here.figures
    client = log_on_staff(here.app, here.house.administrator)
    answers: list[int] = []
    waited = 0.0

    def ask() -> None:
        nonlocal waited
        began = time.monotonic()
        for path in ("/staff/onboarding", "/staff/patients", "/readyz"):
            answer = client.get(path)
            answers.append(answer.status_code)
            assert "Traceback" not in answer.get_data(as_text=True)
        waited = max(waited, time.monotonic() - began)

    here.invite_all()
    for number in range(falls):
        here.arrived(people * 0.9 * number / falls)
        if not power.is_server:
            with power.locked(LOCKED if size.full else LOCKED_SHORT):
                ask()
            continue
        if number % 2:
            power.end_connections()
            ask()
            continue
        power.stop()
        ask()
        time.sleep(AWAY if size.full else AWAY_SHORT)
        power.come_back()
    here.finish()
    ask()
    run = here.run()
    here.reconcile(repeats=0)
    figures.exactly("done", run.done, people)
    figures.exactly("answers other than 200 and 503", sum(a not in {200, 503} for a in answers), 0)
    figures.tell("answers 503", answers.count(503))
    figures.exactly("the last three answers", answers[-3:], [200, 200, 200])
    if power.is_server:
        assert 503 in answers
    figures.judge()
