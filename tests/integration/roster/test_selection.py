"""A selection is a snapshot kept by the server: what was ticked, and nobody else (5.6)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.extensions import db
from portal.logons import service as logons
from portal.logons.models import Logon
from portal.logons.side import Side
from portal.people.models import Patient
from portal.roster import selection
from portal.roster.rows import RosterFilter
from portal.roster.rules import Pill
from portal.roster.selection_models import Selection, SelectionItem
from portal.transaction import atomic
from tests.conftest import Moment
from tests.factories import House, make_house, make_patient


@pytest.fixture
def house(app: Flask, moment: Moment) -> House:
    return make_house()


@pytest.fixture
def patients(house: House) -> list[Patient]:
    return [make_patient(house, family_name=f"Person{letter}") for letter in "ABCDEF"]


@pytest.fixture
def logon_id(house: House) -> int:
    return log_on(house)


def log_on(house: House) -> int:
    with atomic():
        logons.start(side=Side.STAFF, subject_id=house.front_desk.id, client=None, now=clock.now())
    return db.session.scalars(select(func.max(Logon.id))).one()


def mark(house: House, logon_id: int, shown: list[Patient], ticked: list[Patient]) -> int:
    return selection.mark(
        practice_id=house.practice.id,
        logon_id=logon_id,
        shown=[patient.public_id for patient in shown],
        ticks=[patient.public_id for patient in ticked],
        now=clock.now(),
    )


def chosen(logon_id: int) -> set[int]:
    found = selection.find(logon_id=logon_id)
    return set(db.session.scalars(selection.patient_ids(found))) if found else set()


def test_ticks_of_one_page_leave_the_other_pages_alone(
    house: House, patients: list[Patient], logon_id: int
) -> None:
    first, second = patients[:3], patients[3:]

    assert mark(house, logon_id, first, first[:2]) == 2
    assert mark(house, logon_id, second, second[2:]) == 3
    assert mark(house, logon_id, first, first[1:2]) == 2

    assert chosen(logon_id) == {patients[1].id, patients[5].id}


def test_the_same_ticks_again_change_nothing(
    house: House, patients: list[Patient], logon_id: int
) -> None:
    assert mark(house, logon_id, patients, patients[:4]) == 4
    assert mark(house, logon_id, patients, patients[:4]) == 4


def test_nobody_of_another_practice_is_ever_in_it(
    app: Flask, house: House, patients: list[Patient], logon_id: int
) -> None:
    stranger = make_patient(make_house("Elsewhere"))

    assert mark(house, logon_id, [stranger], [stranger]) == 0
    everybody = selection.select_all(
        practice_id=house.practice.id, logon_id=logon_id, filter=RosterFilter(), now=clock.now()
    )

    assert everybody == len(patients)
    assert chosen(logon_id) == {patient.id for patient in patients}


def test_all_that_match_is_a_snapshot_minus_what_is_unticked(
    house: House, patients: list[Patient], logon_id: int
) -> None:
    mark(house, logon_id, patients, patients[:1])

    number = selection.select_all(
        practice_id=house.practice.id,
        logon_id=logon_id,
        filter=RosterFilter(pill=Pill.NOT_ENABLED),
        now=clock.now(),
    )
    later = make_patient(house, family_name="Late")

    assert number == 6
    assert mark(house, logon_id, patients[:3], patients[1:3]) == 5
    assert chosen(logon_id) == {patient.id for patient in patients[1:]}
    assert later.id not in chosen(logon_id)


def test_it_belongs_to_one_log_on(house: House, patients: list[Patient], logon_id: int) -> None:
    mark(house, logon_id, patients, patients)

    assert chosen(log_on(house)) == set()


def test_what_was_cleared_or_outlived_its_log_on_is_swept(
    house: House, patients: list[Patient], logon_id: int, moment: Moment
) -> None:
    mark(house, logon_id, patients, patients)
    selection.clear(logon_id=logon_id)
    assert selection.find(logon_id=logon_id) is None
    mark(house, logon_id, patients, patients[:2])

    assert selection.forget_old(now=clock.now()) == 6
    assert chosen(logon_id) == {patient.id for patient in patients[:2]}

    moment.now += timedelta(hours=13)
    assert selection.forget_old(now=clock.now()) == 2
    assert db.session.scalar(select(func.count()).select_from(SelectionItem)) == 0
    assert db.session.scalar(select(func.count()).select_from(Selection)) == 0
