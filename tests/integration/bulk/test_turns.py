"""Whoever works on a run issues ahead of the sending, sends too, and lets others have their turn."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from portal import clock, queue
from portal.bulk import growing, jobs, rules, working
from portal.bulk.models import BulkRun
from portal.bulk.states import RunKind
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.transaction import atomic
from tests.factories import House, make_patient
from tests.integration.bulk.conftest import begin

PEOPLE = 11


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened, in order: batches of two, a mail server that takes three at a time, and bells."""
    told: list[str] = []
    monkeypatch.setattr(rules, "BATCH", 2)
    monkeypatch.setattr(working, "IN_FLIGHT", 6)
    monkeypatch.setattr(jobs, "SEND_EVERY", 60.0)
    work_batch = working.work_batch

    def watched(public_id, **more):
        worked = work_batch(public_id, **more)
        told.append(f"batch of {worked.people}" if worked else "no batch")
        return worked

    def send() -> bool:
        with atomic():
            numbers = db.session.scalars(
                select(OutboxMessage.id)
                .where(OutboxMessage.state == "queued")
                .order_by(OutboxMessage.id)
                .limit(3)
            ).all()
            db.session.execute(
                update(OutboxMessage)
                .where(OutboxMessage.id.in_(numbers))
                .values(state="accepted", settled_at=clock.now())
            )
        told.append(f"sent {len(numbers)}")
        return bool(numbers)

    monkeypatch.setattr(working, "work_batch", watched)
    monkeypatch.setattr(jobs, "_send", send)
    monkeypatch.setattr(queue, "ring", lambda *args: bool(told.append(f"rang {args[0]}")))
    return told


def the_run() -> BulkRun:
    db.session.rollback()
    return db.session.scalars(select(BulkRun).execution_options(populate_existing=True)).one()


def test_mails_are_ready_before_any_is_sent_and_never_run_out(
    house: House, moment, seen: list[str]
) -> None:
    for _ in range(PEOPLE):
        make_patient(house)
    run = begin(house, RunKind.INVITE)
    seen.clear()
    jobs.work_on(run.public_id, within=20.0)
    ahead = [what for what in seen if not what.startswith("rang")]
    assert ahead[:4] == ["batch of 2", "batch of 2", "batch of 2", "batch of 0"]
    assert ahead[4] == "sent 3", "as many as may be are on their way"
    assert ahead[5].startswith("batch of 2"), "there is room again, and three are still to be sent"
    assert seen[1] == "rang mail.deliver", "others send meanwhile"
    held = the_run()
    assert (held.state, held.done, held.mailing) == ("done", PEOPLE, 0)


def test_when_its_turn_is_over_it_stands_at_the_end_of_the_queue(
    house: House, moment, seen: list[str]
) -> None:
    for _ in range(PEOPLE):
        make_patient(house)
    run = begin(house, RunKind.INVITE)
    seen.clear()
    jobs.work_on(run.public_id, within=0.0)
    assert seen == ["batch of 2", "rang mail.deliver", "rang bulk.work"]
    assert the_run().state == "running"


def test_what_became_of_mails_need_not_be_asked_each_time(house: House, moment) -> None:
    make_patient(house)
    run = begin(house, RunKind.INVITE)
    working.work_batch(run.public_id, now=moment.now)
    with atomic():
        db.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.purpose == "invitation")
            .values(state="accepted", settled_at=moment.now)
        )
    working.work_batch(run.public_id, now=moment.now, settle=False)
    held = the_run()
    assert (held.state, held.done, held.mailing) == ("done", 1, 0), (
        "the end of a run is always whole"
    )


def test_a_run_that_has_grown_has_the_database_look(house: House, moment, monkeypatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(growing, "_FIRST", 2)
    monkeypatch.setattr(rules, "BATCH", 2)
    look = growing.look_anew
    monkeypatch.setattr(growing, "look_anew", lambda: (looks.append(1), look()))
    for _ in range(5):
        make_patient(house)
    run = begin(house, RunKind.INVITE)
    came_to = []
    for _ in range(3):
        moment.pass_(seconds=1)
        working.work_batch(run.public_id, now=moment.now)
        came_to.append(len(looks))
    assert came_to == [2, 2, 2], "before anybody, and at two people; the next time at eight"
