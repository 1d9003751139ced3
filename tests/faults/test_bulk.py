"""Runs under kills and with several workers at once: nobody is lost, nobody is done twice (faults.md F1, F9-F11)."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest
from sqlalchemy import func, select

from portal import clock
from portal.access.models import Grant
from portal.audit import service as audit
from portal.bulk import service as bulk
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.states import RunKind
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.roster import service as roster
from tests.factories import House, make_house, make_patient
from tests.faults.conftest import Workers, empty_queue, wait_for
from tests.integration.bulk.conftest import begin

PATIENTS = 250
INVITED = 120


@pytest.fixture
def house(app) -> House:
    made = make_house()
    for _ in range(PATIENTS):
        make_patient(made, ssn=None)
    return made


@pytest.fixture
def invited(app) -> House:
    """A practice whose patients can all be invited."""
    made = make_house()
    for _ in range(INVITED):
        make_patient(made)
    return made


def the_run() -> BulkRun:
    db.session.rollback()
    return db.session.scalars(select(BulkRun).execution_options(populate_existing=True)).one()


def is_over() -> bool:
    return the_run().state in {"done", "cancelled"}


def counted(state: str) -> int:
    query = select(func.count()).select_from(BulkItem).where(BulkItem.state == state)
    return db.session.scalars(query).one()


def whole(house: House) -> None:
    """Numbers, people, roster and audit chain tell the same."""
    run = the_run()
    assert (run.done, run.skipped, run.failed, run.mailing) == tuple(
        counted(state) for state in ("done", "skipped", "failed", "mailing")
    )
    assert run.remaining == counted("waiting")
    assert roster.check(house.practice.id, clock.now()) == []
    assert audit.first_broken_link(house.practice.id) is None


def test_enabling_many_with_workers_killed_at_random(house, workers: Workers) -> None:
    begin(house, RunKind.ENABLE)
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    for _ in range(3):
        workers.start()
        workers.start()
        before = the_run().done
        wait_for(lambda before=before: the_run().done > before or is_over(), within=60)
        time.sleep(dice.uniform(0.0, 0.2))
        workers.kill()
        empty_queue(workers.valkey)
    workers.start()
    wait_for(is_over, within=60)
    grants = db.session.scalars(select(func.count()).select_from(Grant)).one()
    assert grants == PATIENTS == the_run().done, f"seed {seed}"
    whole(house)


def test_cancelled_at_half_nobody_is_reached_after_it(house, workers: Workers) -> None:
    begin(house, RunKind.ENABLE)
    workers.start()
    workers.start()
    wait_for(lambda: the_run().done > 0, within=60)
    bulk.cancel(the_run(), by=house.hand, now=clock.now())
    done = the_run().done
    time.sleep(1.5)
    assert the_run().done == done
    assert db.session.scalars(select(func.count()).select_from(Grant)).one() == done
    whole(house)


def reconciled(workers: Workers) -> None:
    """Everybody has one live link and one mail; what went out twice is marked, with the same id (F1)."""
    counts = Counter(mail.message_id for mail in workers.smtp.received)
    rows = db.session.scalars(select(OutboxMessage)).all()
    assert len(rows) == INVITED
    assert set(counts) == {f"<{row.message_id}>" for row in rows}
    for row in rows:
        assert row.state in {"accepted", "unknown"}
        assert counts[f"<{row.message_id}>"] <= 1 + row.doubtful_tries
    links = select(Invitation.patient_id).where(Invitation.state.in_(["live", "prepared"]))
    held = db.session.scalars(links).all()
    assert len(held) == len(set(held)) == INVITED


def test_a_mail_server_that_is_down_stops_the_run_until_it_is_up(invited, workers: Workers) -> None:
    workers.smtp.stop()
    begin(invited, RunKind.INVITE)
    workers.start()
    wait_for(lambda: the_run().paused_by == "server", within=60)
    assert the_run().pause_reason == "unreachable"
    workers.smtp.start()
    wait_for(is_over, within=120)
    assert the_run().done == INVITED
    reconciled(workers)
    whole(invited)
