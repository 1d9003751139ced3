"""Kills and outages between an invitation and its mail (faults.md F1-F5, F9), with real processes and servers."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import select

from portal import clock
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.mail.rules import Reason
from portal.mail.wording import explain
from tests.factories import House, make_house, make_patient, revoke
from tests.faults.conftest import Workers, all_accepted, empty_queue, states, wait_for
from tests.smtp import HANG, WAIT


@pytest.fixture
def house(app) -> House:
    return make_house()


def invite(house: House, number: int = 1) -> None:
    for _ in range(number):
        patient = make_patient(house)
        assert invitations.enable_and_invite(patient=patient, by=house.hand, now=clock.now())


def the_mail() -> OutboxMessage:
    db.session.rollback()
    return db.session.scalars(select(OutboxMessage).execution_options(populate_existing=True)).one()


def test_a_ring_is_answered_at_once(house, workers: Workers) -> None:
    workers.start(SWEEP_INTERVAL="60")
    wait_for(lambda: b"worker.started" in workers.log.read_bytes())
    time.sleep(1.5)  # the first sweep is over: what comes now comes by the bell
    invite(house)
    wait_for(all_accepted, within=10)
    assert len(workers.smtp.received) == 1


def test_the_queue_emptied_between_invite_and_send(house, workers: Workers) -> None:
    invite(house, 3)
    empty_queue(workers.valkey)
    workers.start()
    wait_for(all_accepted)
    empty_queue(workers.valkey)
    invite(house)
    empty_queue(workers.valkey)
    wait_for(all_accepted)
    assert len(workers.smtp.received) == 4


def test_a_living_worker_keeps_its_lease_however_long_the_server_thinks(
    house, workers: Workers
) -> None:
    workers.smtp.program("data", WAIT)
    workers.start(MAIL_LEASE="1")
    workers.start(MAIL_LEASE="1")
    invite(house)
    wait_for(lambda: workers.smtp.received)
    time.sleep(3)  # three leases
    assert states() == ["sending"]
    workers.smtp.go_on()
    wait_for(all_accepted)
    assert len(workers.smtp.received) == 1


def test_without_the_queue_server_people_work_on_and_mail_goes_out(house, workers: Workers) -> None:
    workers.start()
    invite(house)
    wait_for(all_accepted)
    workers.valkey.stop()
    began = time.monotonic()
    invite(house, 2)
    assert time.monotonic() - began < 2.0
    wait_for(all_accepted)
    assert len(workers.smtp.received) == 3


def test_a_queue_server_that_comes_back_empty_is_found_again(house, workers: Workers) -> None:
    port = workers.valkey.port
    worker = workers.start(SWEEP_INTERVAL="60")
    invite(house)
    wait_for(all_accepted)
    workers.valkey.stop()
    time.sleep(0.5)
    workers.valkey._desired_port = port
    workers.valkey.start()
    invite(house)
    wait_for(all_accepted, within=12)  # long before the next sweep: by the bell
    assert worker.poll() is None
    assert len(workers.smtp.received) == 2


def test_the_mail_server_down_is_told_in_words_and_up_again_sends_once(
    house, workers: Workers
) -> None:
    workers.smtp.stop()
    workers.start(MAIL_RETRY_SCALE="0.005")
    invite(house)
    wait_for(lambda: the_mail().reason == Reason.UNREACHABLE)
    assert "could not be reached" in explain(the_mail().reason)
    workers.smtp.start()
    wait_for(all_accepted)
    time.sleep(1)
    assert len(workers.smtp.received) == 1
    invitation = db.session.scalars(select(Invitation)).one()
    assert invitation.state == "live"


def test_sigterm_lets_the_mail_in_hand_finish_and_gives_the_rest_back(
    house, workers: Workers
) -> None:
    invite(house, 3)
    empty_queue(workers.valkey)
    workers.smtp.program("data", WAIT)
    worker = workers.start(SWEEP_INTERVAL="60")
    wait_for(lambda: workers.smtp.received)
    worker.terminate()
    time.sleep(0.3)
    workers.smtp.go_on()
    assert workers.end(worker, within=10) == 0
    assert states() == ["accepted", "queued", "queued"]
    assert len(workers.smtp.received) == 1
    workers.start()
    wait_for(all_accepted)
    assert len(workers.smtp.received) == 3


def test_sigterm_ends_an_idle_worker_at_once(app, workers: Workers) -> None:
    worker = workers.start()
    wait_for(lambda: b"worker.started" in workers.log.read_bytes())
    time.sleep(1)
    began = time.monotonic()
    assert workers.end(worker, within=10) == 0
    assert time.monotonic() - began < 5


def test_sigterm_ends_a_worker_that_hangs_within_its_grace(house, workers: Workers) -> None:
    workers.smtp.always("recipient", HANG)
    invite(house)
    worker = workers.start(
        script="from portal import worker; worker.GRACE = 0.5; from wsgi import app; worker.run_worker(app)",
        MAIL_TIMEOUT="60",
    )
    wait_for(lambda: workers.smtp.at_stage["recipient"] == 1)
    assert workers.end(worker, within=5) == 1
    workers.smtp.always("recipient", None)
    workers.start()
    wait_for(all_accepted)
    assert len(workers.smtp.received) == 1


def test_revoked_while_workers_send_nobody_gets_a_mail_that_was_taken_back(
    house, workers: Workers
) -> None:
    """Each mail was either handed over before, or never goes (F11); and nobody blocks anybody for good."""
    patients = [make_patient(house) for _ in range(40)]
    workers.start()
    workers.start()
    wait_for(lambda: workers.log.read_bytes().count(b"worker.started") == 2)
    for patient in patients:
        assert invitations.enable_and_invite(patient=patient, by=house.hand, now=clock.now())
    for patient in reversed(patients):
        revoke(patient, house, now=clock.now())
    wait_for(lambda: not {"queued", "sending"} & set(states()))
    time.sleep(1)
    db.session.rollback()
    rows = db.session.scalars(select(OutboxMessage)).all()
    sent = {mail.recipient for mail in workers.smtp.received}
    assert {row.address for row in rows if row.state == "accepted"} == sent
    assert {row.address for row in rows if row.state == "cancelled"}.isdisjoint(sent)
    assert len(sent) == len(workers.smtp.received)
    assert not db.session.scalars(
        select(Invitation).where(Invitation.state.in_(["prepared", "live"]))
    ).all()
    for trouble in (b"record_again", b"job_failed", b"room_failed", b"lease_lost"):
        assert trouble not in workers.log.read_bytes()
