"""A run does exactly those it was made of, in batches that are whole or have not happened (7.4, 7.5)."""

from __future__ import annotations

from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from portal import clock
from portal.access import service as access
from portal.audit import service as audit
from portal.bulk import jobs, working
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import Preview, Scope
from portal.bulk.rules import AT_ONCE
from portal.bulk.states import RunKind, RunScope, SkipReason
from portal.errors import NotAllowed, Refused, Stale
from portal.extensions import db
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import StaffMember
from portal.roster import service as roster
from portal.transaction import atomic
from tests.factories import House, make_house, make_patient
from tests.integration.bulk.conftest import begin
from tests.integration.staff.clerk import audited


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Runs of a few people take several batches, and nothing is done at once."""
    monkeypatch.setattr(working, "BATCH", 2)
    monkeypatch.setattr(bulk, "AT_ONCE", 0)
    return 2


def numbers(run: BulkRun) -> tuple[int, int, int]:
    db.session.rollback()
    held = db.session.get_one(BulkRun, run.id)
    return held.done, held.skipped, held.remaining


def states(run: BulkRun) -> list[str]:
    db.session.rollback()
    query = select(BulkItem.state).where(BulkItem.run_id == run.id).order_by(BulkItem.patient_id)
    return list(db.session.scalars(query))


def enabled(patients: list[Patient]) -> int:
    db.session.rollback()
    return sum(access.current_grant(patient.id) is not None for patient in patients)


def test_a_run_enables_everybody_in_batches(house, small_batches, moment) -> None:
    patients = [make_patient(house) for _ in range(5)]
    access.enable(patient=patients[0], by=house.hand, now=moment.now)
    run = begin(house, RunKind.ENABLE)
    assert numbers(run) == (0, 1, 4)
    assert enabled(patients) == 1, "a request starts it, workers do it"
    jobs.work(run.public_id)
    assert run.state == "done"
    assert numbers(run) == (4, 1, 0)
    assert enabled(patients) == 5
    batches = audited("bulk.batch")
    assert [(event.data["done"], event.actor_name) for event in batches] == [
        (2, "Ada Admin"),
        (2, "Ada Admin"),
        (0, "Ada Admin"),
    ][: len(batches)]
    assert len({event.data["digest"] for event in batches}) == 2
    assert len(audited("access.enabled")) == 5, "each patient's own trail tells of it too"
    assert audit.first_broken_link(house.practice.id) is None
    assert roster.check(house.practice.id, clock.now()) == []


def test_up_to_a_hundred_are_done_in_the_commit_that_starts_it(house, patients) -> None:
    run = begin(house, RunKind.ENABLE)
    assert (run.state, run.done, run.remaining) == ("done", 3, 0)
    assert enabled(patients) == 3


def test_other_numbers_than_were_shown_do_nothing(house, patients, moment) -> None:
    scope = Scope(RunScope.PRACTICE, house.administrator)
    shown = previews.make(RunKind.ENABLE, scope, now=moment.now)
    people.edit(patient=patients[0], values={"deceased": True}, by=house.hand, now=moment.now)
    with pytest.raises(Stale):
        bulk.start(RunKind.ENABLE, scope, shown=shown, by=house.hand, now=moment.now)
    assert enabled(patients) == 0
    assert db.session.query(BulkRun).count() == 0
    assert db.session.query(BulkItem).count() == 0


def test_each_is_looked_at_again_when_their_turn_comes(house, small_batches, moment) -> None:
    patients = [make_patient(house) for _ in range(3)]
    run = begin(house, RunKind.ENABLE)
    people.edit(patient=patients[1], values={"deceased": True}, by=house.hand, now=moment.now)
    access.enable(patient=patients[2], by=house.hand, now=moment.now)
    jobs.work(run.public_id)
    items = db.session.scalars(select(BulkItem).order_by(BulkItem.patient_id)).all()
    assert [item.reason for item in items] == [
        None,
        SkipReason.DECEASED,
        SkipReason.ENABLED_ALREADY,
    ]
    assert numbers(run) == (1, 2, 0)


def test_disabling_ends_pending_and_active_access(house, patients, moment) -> None:
    for patient in patients[:2]:
        access.enable(patient=patient, by=house.hand, now=moment.now)
    run = begin(house, RunKind.DISABLE)
    assert (run.done, run.skipped) == (2, 1)
    assert enabled(patients) == 0
    assert [event.data["reason"] for event in audited("access.ended")] == ["revoked", "revoked"]


def test_a_second_one_is_refused_until_the_first_is_over(house, small_batches, moment) -> None:
    make_patient(house)
    run = begin(house, RunKind.ENABLE)
    with pytest.raises(Refused, match="run_open"):
        begin(house, RunKind.ENABLE)
    other = make_house("Other Clinic")
    make_patient(other)
    assert begin(other, RunKind.ENABLE).state == "running", "each practice has its own"
    jobs.work(run.public_id)
    make_patient(house)
    assert begin(house, RunKind.ENABLE).state == "running"


def test_paused_it_waits_for_who_resumes_it(house, small_batches, moment) -> None:
    patients = [make_patient(house) for _ in range(4)]
    run = begin(house, RunKind.ENABLE)
    assert working.work_batch(run.public_id, now=moment.now)
    assert bulk.pause(run, by=house.hand, now=moment.now)
    assert working.work_batch(run.public_id, now=moment.now) is None
    jobs.sweep_runs(moment.now)
    assert enabled(patients) == 2, "nobody goes on but who resumes it"
    assert not bulk.pause(run, by=house.hand, now=moment.now)
    assert bulk.resume(run, by=house.hand, now=moment.now)
    jobs.work(run.public_id)
    assert enabled(patients) == 4
    assert not bulk.cancel(run, by=house.hand, now=moment.now), "it is over"
    assert [event.data["state"] for event in audited("bulk.moved")] == ["paused", "running"]


def test_cancelled_the_rest_is_left_as_it_is(house, small_batches, moment) -> None:
    patients = [make_patient(house) for _ in range(4)]
    run = begin(house, RunKind.ENABLE)
    working.work_batch(run.public_id, now=moment.now)
    assert bulk.cancel(run, by=house.hand, now=moment.now)
    jobs.work(run.public_id)
    assert numbers(run) == (2, 0, 2)
    assert enabled(patients) == 2
    assert begin(house, RunKind.ENABLE).total == 4, "it keeps no other run waiting"


def test_a_batch_that_fails_has_not_happened(house, small_batches, moment, monkeypatch) -> None:
    patients = [make_patient(house) for _ in range(3)]
    run = begin(house, RunKind.ENABLE)
    tell = working._tell

    def dies(*args, **kwargs) -> None:
        raise SystemExit

    monkeypatch.setattr(working, "_tell", dies)
    with pytest.raises(SystemExit):
        jobs.work(run.public_id)
    assert enabled(patients) == 0
    assert states(run) == ["waiting"] * 3
    monkeypatch.setattr(working, "_tell", tell)
    jobs.sweep_runs(moment.now)
    assert enabled(patients) == 3, "the sweep finds what no ring tells of"


def test_who_may(house, patients, moment) -> None:
    for scope in RunScope.PRACTICE, RunScope.FAILED:
        with pytest.raises(NotAllowed):
            bulk.start(
                RunKind.ENABLE,
                Scope(scope, house.front_desk),
                shown=Preview(RunKind.ENABLE, 3, 3, {}),
                by=house.hand,
                now=moment.now,
            )
    theirs = make_patient(house, provider_id=None)
    run = begin(house, RunKind.ENABLE, house.provider_member)
    assert (run.total, run.done) == (3, 3)
    assert access.current_grant(theirs.id) is None


def test_nobody_to_act_upon_makes_no_run(house: House, moment) -> None:
    with pytest.raises(Stale):
        begin(house, RunKind.ENABLE)


def test_nothing_is_done_in_the_name_of_who_has_left(house, small_batches, moment) -> None:
    patients = [make_patient(house) for _ in range(3)]
    run = begin(house, RunKind.ENABLE)
    with atomic():
        db.session.get_one(StaffMember, house.administrator.id).ended_at = moment.now
    jobs.work(run.public_id)
    assert enabled(patients) == 0
    assert db.session.get_one(BulkRun, run.id).state == "cancelled"
    assert audited("bulk.moved")[-1].data["reason"] == "starter_left"


def test_two_who_press_at_once_start_one_run(app, house, small_batches, monkeypatch) -> None:
    """F10: a double click, a browser's retry, two staff at once."""
    monkeypatch.undo()
    for _ in range(AT_ONCE + 1):
        make_patient(house)
    staff_id, barrier = house.administrator.id, Barrier(4)
    told: list[str] = []

    def press() -> None:
        with app.app_context():
            staff = db.session.get_one(StaffMember, staff_id)
            scope = Scope(RunScope.PRACTICE, staff)
            shown = previews.make(RunKind.ENABLE, scope, now=clock.now())
            by = practices.actor(staff)
            db.session.rollback()
            barrier.wait()
            try:
                bulk.start(RunKind.ENABLE, scope, shown=shown, by=by, now=clock.now())
                told.append("started")
            except Refused as refused:
                told.append(refused.code)
            db.session.remove()

    presses = [Thread(target=press) for _ in range(4)]
    for each in presses:
        each.start()
    for each in presses:
        each.join(60)
    assert sorted(told) == ["run_open"] * 3 + ["started"]
    db.session.rollback()
    assert db.session.query(BulkRun).count() == 1
    assert db.session.query(BulkItem).count() == AT_ONCE + 1
