"""The schedule: a day, a week, the check-in list; and that a day costs the same number of queries whatever its size."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import date, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from portal.access import service as access
from portal.extensions import db
from portal.people import service as people
from portal.practices import service as practices
from portal.schedule import booking, lists
from portal.transaction import atomic
from tests.factories import SETUP, make_appointment, make_house, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, markup, text

MONDAY = date(2026, 11, 23)
DAY = "/staff/schedule?day=2026-11-23"


def rows(answer: Any) -> list[str]:
    found = re.findall(r'<tr id="row-.*?</tr>', markup(answer), re.S)
    return [
        " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", row, flags=re.S).split()) for row in found
    ]


def test_a_day_in_the_order_of_its_hours(house, clerk, jenny) -> None:
    make_appointment(house, jenny, wall=time(14, 30), reason="Cough", video_visit=True)
    sam = make_patient(house, given_name="Sam", family_name="Lee", preferred_name="")
    room = lists.offices(house.practice.id)[0].rooms[0]
    make_appointment(house, sam, wall=time(8), exam_room_id=room.id)
    page = clerk.get(DAY)
    shown = rows(page)
    assert [re.match(r"[\d:]+ [ap]\.m\.", row)[0] for row in shown] == ["8:00 a.m.", "2:30 p.m."]  # type: ignore[index]
    assert "Lee, Sam" in shown[0]
    assert "Exam 1" in shown[0]
    assert "Main office" in shown[1]
    assert "Harris, Jenny (Jen)" in shown[1]
    assert "Cough" in shown[1]
    assert "Video visit" in shown[1]
    assert "Not enabled" in shown[1]
    assert "Monday, November 23, 2026" in text(page)
    assert "2 appointments · 2 patients are not yet on the portal" in text(page)


def test_a_day_without_appointments_says_so(clerk) -> None:
    assert "No appointments" in text(clerk.get(DAY))


def test_without_a_day_it_is_today_by_the_practices_calendar(app, house, moment) -> None:
    moment.pass_(
        hours=8
    )  # one o'clock in the morning of the 22nd in UTC, eight in the evening here
    clerk = Clerk(app, house.front_desk)
    assert "Saturday, November 21, 2026" in text(clerk.get("/staff/schedule"))
    assert "Saturday, November 21, 2026" in text(clerk.get("/staff/schedule?day=yesterday"))


def test_the_day_is_the_offices(house, clerk, jenny) -> None:
    with atomic():
        west = lists.office_named(house.practice.id, "West", "America/Los_Angeles").id
    make_appointment(house, jenny, office_id=west, wall=time(22))  # the 24th in New York
    assert "10:00 p.m. PST" in rows(clerk.get(DAY))[0]
    assert rows(clerk.get("/staff/schedule?day=2026-11-24")) == []


def test_narrowed_by_office_and_provider(house, clerk, jenny) -> None:
    other = practices.add_provider(
        practice=house.practice, name="Dr. What", shares_patients=True, staff=None, by=SETUP,
        now=jenny.created_at,
    )  # fmt: skip
    with atomic():
        north = lists.office_named(house.practice.id, "North", "America/New_York")
        north_id, north_public = north.id, north.public_id
    make_appointment(house, jenny, reason="One")
    make_appointment(house, jenny, reason="Two", provider_id=other.id)
    make_appointment(house, jenny, reason="Three", office_id=north_id)
    assert len(rows(clerk.get(DAY))) == 3
    (only,) = rows(clerk.get(f"{DAY}&provider={other.public_id}"))
    assert "Two" in only
    (only,) = rows(clerk.get(f"{DAY}&office={north_public}"))
    assert "Three" in only
    page = clerk.get(f"{DAY}&office={north_public}")
    assert f"office={north_public}" in markup(page).split('id="later"')[1].split(">")[0]


def test_another_practices_office_is_not_there(house, clerk) -> None:
    other = make_house("Lakeside Clinic")
    theirs = lists.offices(other.practice.id)[0].public_id
    assert clerk.get(f"{DAY}&office={theirs}").status_code == 404
    assert clerk.get(f"{DAY}&provider={other.provider.public_id}").status_code == 404


def test_another_practices_appointments_are_not_shown(house, clerk) -> None:
    make_appointment(make_house("Lakeside Clinic"))
    assert rows(clerk.get(DAY)) == []


def test_cancelled_ones_stay_but_are_not_counted(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    make_appointment(house, jenny, wall=time(10))
    booking.cancel(appointment=made, by=house.hand, now=moment.now)
    page = clerk.get(DAY)
    assert len(rows(page)) == 2
    assert "Cancelled" in rows(page)[0]
    assert "1 appointment · " in text(page)


def test_previous_next_and_the_week(clerk) -> None:
    page = markup(clerk.get(DAY))
    for name, day in (("earlier", "2026-11-22"), ("today", "2026-11-21"), ("later", "2026-11-24")):
        link = re.search(rf'<a[^>]*id="{name}"[^>]*>', page)
        assert link
        assert f"day={day}" in link[0]
    week = markup(clerk.get(f"{DAY}&view=week"))
    assert re.search(r'id="later" href="[^"]*day=2026-11-30', week)


def test_addresses_that_cannot_be_are_read_as_far_as_they_can(clerk) -> None:
    for odd in ("day=2026-13-45", "day=0001-01-01", "view=year", "only=everybody", "day=%00"):
        code = clerk.get(f"/staff/schedule?{odd}").status_code
        assert code == (400 if "%00" in odd else 200)
    last = markup(clerk.get("/staff/schedule?day=2200-01-01"))
    assert re.search(r'id="later" href="[^"]*day=2200-01-01', last)


def test_a_week_counts_every_day_and_shows_the_first(house, clerk, jenny) -> None:
    for n in range(14):
        make_appointment(house, jenny, wall=time(8 + n // 2, 30 * (n % 2)))
    make_appointment(house, jenny, day=date(2026, 11, 28))
    make_appointment(house, jenny, day=date(2026, 11, 29))  # Sunday begins the next one
    page = text(clerk.get(f"{DAY}&view=week"))
    assert "Nov 22, 2026 to Nov 28, 2026" in page
    assert "15 appointments" in page
    assert "14 appointments 8:00 a.m." in page.replace("Not enabled ", "")
    assert "2 more" in page
    assert "Sun, Nov 22 0 appointments" in page


def test_the_check_in_list_says_what_to_ask_for(house, clerk, jenny, moment) -> None:
    bare = make_patient(house, given_name="Bo", family_name="Bare", email=None, ssn=None, phones=[])
    make_appointment(house, bare)
    make_appointment(house, make_patient(house, given_name="Ray", family_name="Ready"))
    invited = make_invitation(house, make_patient(house, given_name="Ina", family_name="Vited"))
    make_appointment(house, invited.patient)
    green = make_invitation(house, make_patient(house, given_name="Gina", family_name="Green"))
    with atomic():
        grant = access.current_grant(green.patient_id)
        assert grant is not None
        access.record_activated(grant, now=moment.now)
    make_appointment(house, green.patient)
    gone = make_appointment(house, jenny)
    booking.cancel(appointment=gone, by=house.hand, now=moment.now)
    page = text(clerk.get(f"{DAY}&only=not-on-portal"))
    assert "Bare, Bo" in page
    assert "Missing: email; SSN or phone" in page
    assert "Nothing is missing: offer the invitation." in page
    assert "Did the invitation arrive?" in page
    assert "Green, Gina" not in page
    assert "Harris, Jenny" not in page
    assert "3 patients are not yet on the portal" in page
    assert "@example.com" not in page  # words only: it is printed


def test_who_left_is_not_asked(house, clerk, jenny, moment) -> None:
    people.edit(
        patient=jenny, values={"end_date": date(2026, 11, 1)}, by=house.hand, now=moment.now
    )
    make_appointment(house, jenny)
    assert "Nobody to ask" in text(clerk.get(f"{DAY}&only=not-on-portal"))


@contextmanager
def counted() -> Any:
    queries: list[str] = []

    def listen(*args: Any) -> None:
        queries.append(args[2])

    event.listen(db.engine, "before_cursor_execute", listen)
    yield queries
    event.remove(db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("address", [DAY, f"{DAY}&view=week", f"{DAY}&only=not-on-portal"])
def test_a_full_day_costs_as_many_queries_as_a_quiet_one(house, clerk, moment, address) -> None:
    room = lists.offices(house.practice.id)[0].rooms[0]

    def fill(number: int) -> None:
        for n in range(number):
            patient = make_patient(
                house, given_name=f"P{n}", email=None if n % 3 == 0 else f"p{n}{number}@example.com"
            )
            if n % 3 == 1:
                make_invitation(house, patient)
            make_appointment(
                house, patient, wall=time(8 + n % 10), exam_room_id=room.id,
                day=MONDAY + timedelta(days=n % 2),
            )  # fmt: skip

    fill(6)
    clerk.get(address)
    with counted() as few:
        clerk.get(address)
    fill(24)
    with counted() as many:
        assert "P1" in text(clerk.get(address))
    assert len(many) == len(few) <= 30
