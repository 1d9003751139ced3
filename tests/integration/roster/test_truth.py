"""Rows and counters follow the facts, whatever happens and however many make it happen at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, update

from portal import clock
from portal.audit import service as audit
from portal.extensions import db
from portal.people import service as people
from portal.practices import service as practices
from portal.roster import service as roster
from portal.roster.models import RosterCount, RosterRow
from portal.roster.rules import Pill
from portal.roster.writing import FEW
from portal.transaction import WriteOutsideTransaction, atomic, touch_patient
from tests.conftest import KEY
from tests.factories import House, make_house, make_invitation, make_patient
from tests.integration.roster.walk import Walk, walk_at_once

STEPS = 150
PROCESSES, EACH = 8, 60


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


def differences(house: House) -> list[str]:
    db.session.rollback()
    return roster.check(house.practice.id, clock.now())


def counts(house: House) -> dict[Pill, int]:
    db.session.rollback()
    return roster.counts(practice_id=house.practice.id)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_random_walk(house, moment, seed: int) -> None:
    for _ in range(8):
        make_patient(house)
    walk = Walk(house.practice.id, seed=seed, now=clock.now)
    for number in range(STEPS):
        walk.step()
        if number % 10 == 9:
            assert differences(house) == [], f"after {number + 1} steps"
        if number % 25 == 24:
            moment.pass_(days=3)
            roster.catch_up(now=moment.now)
    assert len(walk.done) >= 12, walk.done
    held = counts(house)
    assert held[Pill.ALL] == sum(
        held[pill] for pill in (Pill.NOT_ENABLED, Pill.READY, Pill.INVITED, Pill.ACTIVE)
    )


def test_eight_processes_at_once(app, database) -> None:
    """The long one, of ten thousand acts, is ``python -m benchmarks truth``."""
    house = make_house()
    for _ in range(6):
        make_patient(house)
    practice_id = house.practice.id
    db.session.remove()
    done, complaints, hurry = walk_at_once(
        url=database.url,
        key=KEY,
        practice_id=practice_id,
        processes=PROCESSES,
        each=EACH,
        timeout=180,
    )
    assert complaints == []
    assert sum(done.values()) == PROCESSES * EACH
    assert len(done) >= 12, done
    now = hurry.now()
    roster.catch_up(now=now)
    assert roster.check(practice_id, now) == []
    assert audit.first_broken_link(practice_id) is None


def test_a_row_change_moves_two_pills(house, moment) -> None:
    make_patient(house)
    patient = make_patient(house, ssn=None, phones=None)
    before = counts(house)
    assert before[Pill.ALL] == 2
    assert before[Pill.NOT_ENABLED] == 2
    assert before[Pill.MISSING] == 1
    from portal.access import service as access

    access.enable(patient=patient, by=house.hand, now=moment.now)
    after = counts(house)
    assert {pill for pill in Pill if after[pill] != before[pill]} == {Pill.READY, Pill.NOT_ENABLED}
    assert after[Pill.READY] == 1


def test_what_is_rolled_back_moves_nothing(house, moment) -> None:
    patient = make_patient(house)
    before = counts(house)
    from portal.access import service as access

    with pytest.raises(RuntimeError), atomic():
        access.enable(patient=patient, by=house.hand, now=moment.now)
        raise RuntimeError
    assert counts(house) == before
    assert differences(house) == []


def test_touching_belongs_into_a_commit(app) -> None:
    with pytest.raises(WriteOutsideTransaction):
        touch_patient(1)


def test_the_clock_is_followed_by_the_sweep(house, moment) -> None:
    invitation = make_invitation(house)
    patient = make_patient(house)
    ends = clock.local_date(moment.now, house.practice.time_zone) + timedelta(days=2)
    make_invitation(house, patient)
    people.edit(patient=patient, values={"end_date": ends}, by=house.hand, now=moment.now)
    assert counts(house)[Pill.INVITED] == 2
    moment.pass_(days=2)  # still an hour of the morning after midnight in New York
    roster.catch_up(now=moment.now)
    held = counts(house)
    assert (held[Pill.INVITED], held[Pill.NOT_ENABLED], held[Pill.EXPIRED]) == (1, 1, 0)
    moment.now = invitation.expires_at - timedelta(seconds=1)
    roster.catch_up(now=moment.now)
    assert counts(house)[Pill.EXPIRED] == 0
    moment.pass_(seconds=1)
    assert roster.catch_up(now=moment.now) == 1
    assert counts(house)[Pill.EXPIRED] == 1
    assert roster.catch_up(now=moment.now) == 0
    assert differences(house) == []


def test_check_finds_what_is_wrong_and_rebuild_mends_it(house, moment) -> None:
    patient = make_patient(house)
    lost = make_patient(house)
    with atomic():
        db.session.execute(
            update(RosterRow).where(RosterRow.patient_id == patient.id).values(status=3)
        )
        db.session.execute(delete(RosterRow).where(RosterRow.patient_id == lost.id))
        db.session.execute(
            update(RosterCount)
            .where(RosterCount.pill == Pill.MISSING)
            .values(number=RosterCount.number + 7)
        )
    found = differences(house)
    assert f"patient {patient.public_id}: status is 3, true is 0" in found
    assert f"patient {lost.public_id}: no row" in found
    assert any(line.startswith("counter all: 2, but") for line in found)
    assert not any("Harris" in line or "harris" in line for line in found)
    roster.rebuild(house.practice.id, now=moment.now)
    assert differences(house) == []


def test_check_is_late_by_a_minute_and_not_more(house, moment) -> None:
    invitation = make_invitation(house)
    moment.now = invitation.expires_at + timedelta(seconds=59)
    assert differences(house) == []
    moment.pass_(seconds=1)
    assert any("expired is False, true is True" in line for line in differences(house))


def test_many_at_once_are_worked_out_by_the_database(house, moment) -> None:
    """Both ways of working a row out come to the same."""
    for _ in range(10):
        make_patient(house)
    walk = Walk(house.practice.id, seed=7, now=clock.now)
    for _ in range(80):
        walk.step()
    db.session.rollback()
    before = counts(house)
    ids = db.session.scalars(db.select(RosterRow.patient_id)).all()
    with atomic():
        roster.refresh([*ids, *range(10**6, 10**6 + FEW)], now=moment.now)
    assert counts(house) == before
    assert differences(house) == []
    assert roster.catch_up(now=moment.now) >= 0
    assert differences(house) == []


def test_the_command(house, app) -> None:
    patient = make_patient(house)
    runner = app.test_cli_runner()
    done = runner.invoke(args=["counters", "check"])
    assert (done.exit_code, done.output) == (0, "Family Practice: true\n")
    with atomic():
        db.session.execute(
            update(RosterRow).where(RosterRow.patient_id == patient.id).values(bounced=True)
        )
    done = runner.invoke(args=["counters", "check"])
    assert done.exit_code == 1
    assert f"patient {patient.public_id}: bounced is True, true is False" in done.output
    assert "counter bounced: 0, but there are 1" in done.output
    assert runner.invoke(args=["counters", "rebuild"]).exit_code == 0
    assert runner.invoke(args=["counters", "check"]).exit_code == 0


def test_each_practice_for_itself(house) -> None:
    other = make_house("Lakeside Clinic")
    make_patient(house)
    make_invitation(other)
    assert counts(house)[Pill.ALL] == 1
    assert counts(house)[Pill.INVITED] == 0
    assert practices.get_practice("Lakeside Clinic").id == other.practice.id
    assert differences(other) == []
