"""Offices and the practice's lists: what a practice starts with, and what may be chosen."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.errors import NotFound, Refused
from portal.extensions import db
from portal.schedule import lists
from portal.schedule.models import AppointmentStatus, ListEntry, Office
from portal.schedule.states import AppointmentState, ListKind
from portal.transaction import atomic
from tests.factories import make_house
from tests.integration.staff.clerk import audited


def test_a_practice_starts_with_an_office_and_every_list(app: Flask, moment: Any) -> None:
    house = make_house(time_zone="America/Denver")
    office = lists.offices(house.practice.id)[0]
    assert (office.name, office.time_zone) == ("Main office", "America/Denver")
    assert [room.name for room in office.rooms] == ["Exam 1", "Exam 2", "Exam 3"]
    meanings = [status.meaning for status in lists.statuses(house.practice.id)]
    assert meanings == [state.value for state in AppointmentState]
    consents = lists.entries(house.practice.id, ListKind.CONSENT)
    assert [form.name for form in consents if form.preset] == [
        "HIPAA Data Use Agreement",
        "No Show Policy",
        "Telehealth Consent",
    ]
    assert all(entry.minutes for entry in lists.entries(house.practice.id, ListKind.PROFILE))
    assert lists.entries(house.practice.id, ListKind.ELIGIBILITY)


def test_provided_twice_is_provided_once(app: Flask, moment: Any) -> None:
    house = make_house()
    before = _numbers()
    lists.provide(house.practice.id, moment.now)
    assert _numbers() == before
    assert len(audited("schedule.lists_made")) == 1


def test_a_practice_from_before_gets_its_lists_beside_the_office_it_has(
    app: Flask, moment: Any
) -> None:
    house = make_house()
    with atomic():
        for model in (AppointmentStatus, ListEntry):
            db.session.query(model).delete()
        office = lists.offices(house.practice.id)[0]
        office.name = "North"
    lists.provide(house.practice.id, moment.now)
    assert [office.name for office in lists.offices(house.practice.id)] == ["North"]
    assert lists.status_for(house.practice.id, AppointmentState.NO_SHOW).name == "No show"


def test_what_is_closed_is_offered_no_more(app: Flask, moment: Any) -> None:
    house = make_house()
    with atomic():
        lists.offices(house.practice.id)[0].closed_at = moment.now
        lists.status_for(house.practice.id, AppointmentState.ARRIVED).closed_at = moment.now
    assert lists.offices(house.practice.id) == []
    with pytest.raises(NotFound):
        lists.status_for(house.practice.id, AppointmentState.ARRIVED)


def test_an_office_is_found_by_name_or_made(app: Flask, moment: Any) -> None:
    house = make_house()
    with atomic():
        made = lists.office_named(house.practice.id, " North   Clinic ", "America/Chicago")
        again = lists.office_named(house.practice.id, "North Clinic", "America/Denver")
    assert made.id == again.id
    assert (made.name, made.time_zone, made.position) == ("North Clinic", "America/Chicago", 1)
    with pytest.raises(Refused, match="time_zone_unknown"), atomic():
        lists.office_named(house.practice.id, "South Clinic", "Mars/Olympus")


def test_lists_are_the_practices_own(app: Flask, moment: Any) -> None:
    house, other = make_house(), make_house("Lakeside Clinic")
    mine = {office.id for office in lists.offices(house.practice.id)}
    assert mine.isdisjoint(office.id for office in lists.offices(other.practice.id))


def _numbers() -> list[int]:
    return [
        db.session.scalar(select(func.count()).select_from(model)) or 0
        for model in (Office, AppointmentStatus, ListEntry)
    ]
