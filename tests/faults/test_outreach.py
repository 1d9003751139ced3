"""Reminders and first-visit invitations across the night of the change, with two schedulers and killed workers.

The clock of every worker is moved: it begins at a moment of that night and runs on from there.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial

from sqlalchemy import func, select

from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from portal.schedule.models import AppointmentNotice
from portal.schedule.states import AppointmentState, NoticeState
from portal.transaction import atomic
from tests.conftest import Moment
from tests.factories import House, make_house, make_invitation, make_patient
from tests.faults.conftest import Workers, wait_for
from tests.integration.outreach import diary

BEFORE = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)
FIRST = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
"""1:30 in New York for the first time, in daylight saving time; an hour later for the second."""
MORNING = datetime(2026, 11, 1, 14, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEDULER = """
import sys
sys.argv = ["flask", "--app", "wsgi", "scheduler", "--every", "1"]
from flask.cli import main
main()
"""
WORKER = """
from datetime import datetime
from portal import clock
real, moved = clock.now, datetime.fromisoformat({moved!r})
began = real()
clock.now = lambda: moved + (real() - began)
from wsgi import app
from portal.worker import run_worker
run_worker(app)
"""
Process = subprocess.Popen[bytes]
EACH = 8
"""Patients with an appointment at each of three times, and so many whose first visit is over."""


def test_each_goes_once_across_the_night_of_the_change(workers: Workers, moment: Moment) -> None:
    moment.now = BEFORE
    house = make_house()
    on = diary.ALL_ON | {"confirmation_mails": False, "appointment_reminder_hours": 1}
    diary.switch(house.practice, **on, quiet_from=0, quiet_until=0)
    expected = {*_reminded(house), *_after_first_visit(house)}
    invited, pending = len(expected), _excluded(house)
    expected.add(pending)
    workers.changed["MAIL_CONNECTIONS"] = "1"
    for _ in range(2):
        workers.start(script=SCHEDULER)

    chance = random.Random(8)
    for due in (FIRST - HOUR, FIRST, MORNING - HOUR):
        # the clock comes to where reminders are due, and goes on; workers die in the middle of it
        seen = len(workers.smtp.received)
        running = start_workers(workers, due)
        wait_for(partial(_more_than, workers, seen), within=90)
        time.sleep(chance.uniform(0, 0.15))
        kill(workers, running)
        running = start_workers(workers, due + timedelta(minutes=1))
        wait_for(partial(_finished, due), within=120)
        kill(workers, running)

    per_mail = Counter(mail.message_id for mail in workers.smtp.received)
    who = {mail.message_id: mail.recipient for mail in workers.smtp.received}
    assert Counter(who.values()) == Counter(expected)
    assert sum(per_mail.values()) - len(per_mail) <= 6, "one for each worker that was killed"
    automatic = select(func.count()).where(Invitation.origin == "automatic")
    assert db.session.scalar(automatic) == invited
    reasons = Counter(reason for _, state, reason in diary.planned() if state == "skipped")
    excluded = dict.fromkeys(("opted_out", "bounced", "end_dated", "deceased"), 1)
    # nobody is confirmed, and of a first visit within the hour nobody is reminded
    assert reasons == excluded | {"switched_off": 3 * EACH + 5, "too_late": EACH}


def start_workers(workers: Workers, at: datetime) -> list[Process]:
    """Two workers whose clock begins at ``at``."""
    script = WORKER.format(moved=at.isoformat())
    return [workers.start(script=script) for _ in range(2)]


def kill(workers: Workers, running: list[Process]) -> None:
    """kill -9 of these; the schedulers go on."""
    for worker in running:
        worker.kill()
        worker.wait()
        workers.running.remove(worker)


def _reminded(house: House) -> Iterator[str]:
    for at in (FIRST, FIRST + HOUR, MORNING):
        for _ in range(EACH):
            patient = make_patient(house)
            diary.book(house, patient, at)
            yield str(patient.email)


def _after_first_visit(house: House) -> Iterator[str]:
    for _ in range(EACH):
        patient = make_patient(house)
        appointment = diary.book(house, patient, BEFORE + HOUR)
        diary.end(appointment, AppointmentState.COMPLETED)
        yield str(patient.email)


def _excluded(house: House) -> str:
    """Nothing goes to four of them; the fifth is invited already, and is reminded without another invitation."""
    opted_out, bounced, ended, dead, pending = (make_patient(house) for _ in range(5))
    numbers = [opted_out.id, bounced.id, ended.id, dead.id, pending.id]
    make_invitation(house, pending)
    people.set_opted_out(patient=opted_out, opted_out=True, by=house.hand, now=BEFORE)
    with atomic():
        db.session.get_one(Patient, numbers[1]).email_bounced_at = BEFORE
        db.session.get_one(Patient, numbers[2]).end_date = date(2026, 10, 1)
        db.session.get_one(Patient, numbers[3]).deceased = True
    for number in numbers:
        diary.book(house, db.session.get_one(Patient, number), MORNING)
    return str(db.session.get_one(Patient, numbers[4]).email)


def _more_than(workers: Workers, number: int) -> bool:
    return len(workers.smtp.received) > number


def _finished(at: datetime) -> bool:
    """Whether nothing that is due by then waits, or is on its way."""
    db.session.rollback()
    planned = select(AppointmentNotice.id).where(
        AppointmentNotice.state == NoticeState.PLANNED.value, AppointmentNotice.due_at <= at
    )
    waiting = select(OutboxMessage.id).where(OutboxMessage.state.in_(["queued", "sending"]))
    found = db.session.scalar(planned.limit(1)) or db.session.scalar(waiting.limit(1))
    db.session.rollback()
    return found is None
