"""Everybody at once, without the lease that usually keeps them apart: each notice still goes out once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from portal.audit.service import first_broken_link
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.schedule.models import AppointmentNotice
from tests.conftest import KEY, Database
from tests.factories import House, make_patient
from tests.forked import Forked, let_run
from tests.integration.outreach import diary

PROCESSES, THREADS, NOTICES = 3, 4, 12
RACER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from portal import clock, create_app
from portal.extensions import db
from portal.outreach import sending
from tests.conftest import make_settings
from tests.forked import wait_for_all

url, key, moment, threads, *pairs = sys.argv[1:]
clock.now = lambda: datetime.fromisoformat(moment)
app = create_app(make_settings(url, data_encryption_key=key))

def settle(pair):
    with app.app_context():
        try:
            number, patient = map(int, pair.split(":"))
            return sending.settle(number, patient, now=clock.now())
        finally:
            db.session.remove()

with ThreadPoolExecutor(int(threads)) as pool:
    wait_for_all(pipe)
    done = list(pool.map(settle, [pair for pair in pairs for _ in range(2)]))
pipe.send(sum(done))
"""


def test_each_falls_to_one(house: House, moment: Any, database: Database, tmp_path: Path) -> None:
    practice_id = house.practice.id
    for _ in range(NOTICES):
        diary.book(house, make_patient(house), moment.now + timedelta(days=3))
    due = select(AppointmentNotice).where(AppointmentNotice.kind == "confirmation")
    pairs = [f"{notice.id}:{notice.patient_id}" for notice in db.session.scalars(due)]
    db.session.remove()
    given = [database.url, KEY, moment.now.isoformat(), str(THREADS), *pairs]
    racers = [
        Forked.start(RACER, given, log=tmp_path / f"racer.{number}.log")
        for number in range(PROCESSES)
    ]
    let_run(racers)
    settled = [racer.hear() for racer in racers]
    assert all(racer.wait(120) == 0 for racer in racers)
    assert sum(settled) == NOTICES
    assert Counter(m.address for m in diary.mails()).most_common(1)[0][1] == 1
    assert len(diary.mails()) == NOTICES
    assert len(db.session.scalars(select(Invitation.id)).all()) == NOTICES
    assert first_broken_link(practice_id) is None
