"""The appointment window: its fields and warnings, what it saves, and that two who edit at once lose nothing."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.people import service as people
from portal.practices import service as practices
from portal.schedule import booking, consents, lists
from portal.schedule.models import Appointment, AppointmentStatus
from portal.schedule.states import AppointmentState, ListKind
from portal.transaction import atomic
from tests.factories import SETUP, House, make_appointment, make_house, make_patient
from tests.integration.staff.clerk import (
    Clerk,
    audited,
    field,
    markup,
    status_region,
    text,
)

S = AppointmentState
DAY = "/staff/schedule?day=2026-11-23"
NINE = datetime(2026, 11, 23, 14, tzinfo=UTC)


def url(made: Appointment) -> str:
    return f"/staff/appointments/{made.public_id}"


def fields_of(answer: TestResponse) -> dict[str, Any]:
    """Every field of the window as a browser would send it, without a button."""
    page = markup(answer).split('id="appointment-form"')[1].split("</form>")[0]
    found: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", page):
        told = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        ticked = told.get("type") != "checkbox" or " checked" in tag
        if told.get("name") and ticked:
            value = _plain(told.get("value", "y"))
            held = found.get(told["name"])
            found[told["name"]] = value if held is None else [*_listed(held), value]
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option selected value="([^"]*)"', inner)
        first = re.search(r'<option value="([^"]*)"', inner)
        match = chosen or first
        assert match
        found[name] = match[1]
    for name, inner in re.findall(
        r'<textarea[^>]*name="([^"]*)"[^>]*>(.*?)</textarea>', page, re.S
    ):
        found[name] = _plain(inner).strip()
    return found


def _plain(value: str) -> str:
    for code, sign in (("&#34;", '"'), ("&#39;", "'"), ("&gt;", ">"), ("&amp;", "&")):
        value = value.replace(code, sign)
    return value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def new_fields(clerk: Clerk, patient: Any, **more: Any) -> dict[str, Any]:
    address = f"/staff/appointments/new?patient={patient.public_id}&day=2026-11-23&time=9:00"
    return fields_of(clerk.get(address)) | more


def the_only() -> Appointment:
    db.session.rollback()
    return db.session.scalars(select(Appointment)).one()


def test_the_window_names_every_field(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny, video_visit=True, reason="Cough")
    page = clerk.get(url(made))
    words = text(page)
    for label in (
        "Schedule Appointment", "Video visit", "Walk-in", "Transition of care", "Referral", "Provider",
        "Supervising provider", "Patient Jenny (Jen) Harris", "Office", "Reason", "Profile", "Eligibility profile",
        "Date", "Time Eastern Time", "Duration", "Exam room", "Notes", "Color", "Consent forms", "Status",
        "HIPAA Data Use Agreement", "View Clinical Note", "View All Appointments", "Patient chart",
        "A scheduled appointment cannot be converted to a recurring series.",
    ):  # fmt: skip
        assert label in words, label
    held = fields_of(page)
    assert (held["day"], held["at"], held["minutes"]) == ("2026-11-23", "09:00", "30")
    assert held["reason"] == "Cough"
    assert "video_visit" in held
    assert "walk_in" not in held
    assert len(held["consents"]) == 3
    assert "repeat_weeks" not in held


def test_it_is_a_dialog_for_htmx_and_looking_is_told(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    answer = clerk.get(url(made), htmx=True)
    assert markup(answer).lstrip().startswith("<dialog")
    assert answer.headers["HX-Retarget"] == "#dialogs"
    assert audited("chart.viewed")[-1].data == {"page": "appointment"}


def test_the_warnings(house, clerk, jenny, moment) -> None:
    with atomic():
        jenny.balance_cents = 15000
    for day in (2, 3, 4):
        make_appointment(house, jenny, day=date(2026, 11, day))
    gone = make_appointment(house, jenny, day=date(2026, 11, 5))
    booking.cancel(appointment=gone, by=house.hand, now=moment.now)
    words = text(clerk.get(url(make_appointment(house, jenny))))
    assert "Missing patient address" in words
    assert "Patient statement balance: $150.00" in words
    assert "3 past appointments" in words
    with atomic():
        jenny.street, jenny.city, jenny.balance_cents = "1 Elm St", "Boston", 0
    words = text(clerk.get(url(make_appointment(house, jenny, wall=time(10)))))
    assert "Missing patient address" not in words
    assert "balance" not in words


def test_who_left_is_told(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    people.edit(
        patient=jenny, values={"end_date": date(2026, 11, 1)}, by=house.hand, now=moment.now
    )
    assert "End-dated Nov 1, 2026 Missing patient address" in text(clerk.get(url(made)))
    people.edit(patient=jenny, values={"deceased": True}, by=house.hand, now=moment.now)
    assert "Recorded as deceased" in text(clerk.get(url(made)))


def test_of_many_who_are_meant_the_first_are_shown(house, clerk) -> None:
    for number in range(11):
        make_patient(house, given_name=f"Jo{number}", family_name="Many")
    answer = clerk.post("/staff/appointments/new/patients", htmx=True, q="many")
    assert markup(answer).count("<li>") == 10
    assert "There are more." in text(answer)


def test_an_hour_that_comes_twice_is_told(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny, day=date(2026, 11, 1), wall=time(1, 30))
    assert "The clocks show this time twice on that day" in text(clerk.get(url(made)))


def test_booking_without_javascript(house, clerk, jenny) -> None:
    forms = lists.entries(house.practice.id, ListKind.CONSENT)
    sent = new_fields(clerk, jenny, to=DAY, reason="Cough", consents=[forms[0].public_id])
    assert sent["at"] == "09:00"
    answer = clerk.post("/staff/appointments/new", **sent)
    assert answer.headers["Location"] == DAY
    assert "Booked Jenny H. for Nov 23, 2026." in text(clerk.follow(answer))
    made = the_only()
    assert (made.starts_at, made.reason, made.minutes) == (NINE, "Cough", 30)
    assert made.provider_id == jenny.provider_id
    assert consents.of(made) == {forms[0].id}


def test_booking_in_place_shows_the_day(house, clerk, jenny) -> None:
    answer = clerk.post("/staff/appointments/new", htmx=True, **new_fields(clerk, jenny, to=DAY))
    assert answer.headers["HX-Retarget"] == "#schedule"
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert "Harris, Jenny" in text(answer)
    assert status_region(answer) == "Booked Jenny H. for Nov 23, 2026."


def test_a_double_click_books_once(house, clerk, jenny) -> None:
    sent = new_fields(clerk, jenny)
    for _ in range(2):
        assert clerk.post("/staff/appointments/new", **sent).status_code == 303
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 1


def test_a_series(house, clerk, jenny) -> None:
    sent = new_fields(clerk, jenny, repeat_weeks="2", repeat_times="3")
    clerk.post("/staff/appointments/new", **sent)
    found = db.session.scalars(select(Appointment).order_by(Appointment.starts_at)).all()
    assert [made.day for made in found] == [
        date(2026, 11, 23),
        date(2026, 12, 7),
        date(2026, 12, 21),
    ]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"day": "someday"}, "Enter a date"),
        ({"at": "late"}, "Enter a time"),
        ({"minutes": "0"}, "Enter minutes, from 1 to 1440."),
        ({"minutes": "soon"}, "Enter minutes"),
        ({"repeat_weeks": "1", "repeat_times": "99"}, "Enter a number from 2 to 52."),
        ({"reason": "x" * 301}, "This is too long."),
        ({"office": "nowhere"}, "Not a valid choice"),
        ({"day": "2027-03-14", "at": "2:30"},
         "The clocks skip 2:30 a.m. on Mar 14, 2027. The next time there is: 3:00 a.m."),
    ],
)  # fmt: skip
@pytest.mark.parametrize("htmx", [True, False])
def test_what_cannot_be_is_said_and_nothing_is_lost(
    clerk, jenny, wrong: dict[str, str], sentence: str, htmx: bool
) -> None:
    sent = new_fields(clerk, jenny, notes="Keep me") | wrong
    answer = clerk.post("/staff/appointments/new", htmx=htmx, **sent)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert fields_of(answer)["notes"] == "Keep me"
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 0


def test_a_room_of_another_office(house, clerk, jenny) -> None:
    with atomic():
        north = lists.office_named(house.practice.id, "North", "America/Chicago")
        room = north.rooms[0].public_id
    sent = new_fields(clerk, jenny, exam_room=room)
    answer = clerk.post("/staff/appointments/new", **sent)
    assert "This room is in another office." in text(answer)
    assert "Main office: Eastern Time, North: Central Time" in text(answer)
    sent["office"] = lists.offices(house.practice.id)[1].public_id
    assert clerk.post("/staff/appointments/new", **sent).status_code == 303
    assert the_only().starts_at == NINE.replace(hour=15)


def test_a_taken_time_is_a_warning(house, clerk, jenny) -> None:
    make_appointment(house, make_patient(house, given_name="Sam"))
    sent = new_fields(clerk, jenny)
    answer = clerk.post("/staff/appointments/new", htmx=True, **sent)
    assert answer.status_code == 422
    assert "Nov 23, 2026, 9:00 a.m.: the provider has another appointment" in text(answer)
    assert "Book anyway" in text(answer)
    # Enter presses the first button of a form: that is not the one which overbooks
    assert markup(answer).index('id="appointment-save"') < markup(answer).index('id="book-anyway"')
    assert clerk.post("/staff/appointments/new", anyway="yes", **sent).status_code == 303
    made = db.session.scalars(select(Appointment).where(Appointment.patient_id == jenny.id)).one()
    # whoever booked it anyway is not asked again when a note is added
    held = fields_of(clerk.get(url(made))) | {"notes": "Squeezed in"}
    assert clerk.post(url(made), **held).status_code == 303


def test_moving_in_place(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    sent = fields_of(clerk.get(f"{url(made)}?to={DAY}")) | {"at": "10:15", "to": DAY}
    answer = clerk.post(url(made), htmx=True, act="save", **sent)
    assert status_region(answer) == "Moved the appointment of Jenny H. to Nov 23, 2026."
    assert "10:15 a.m." in text(answer)
    assert the_only().version == 2


def test_saving_what_stands_says_so(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    answer = clerk.post(url(made), **fields_of(clerk.get(url(made))))
    assert "Nothing was changed in the appointment" in text(clerk.follow(answer))
    assert the_only().version == 1


def test_a_file_s_seconds_stay_while_nobody_moves_it(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    with atomic():
        made.starts_at = NINE.replace(second=47)
    sent = fields_of(clerk.get(url(made))) | {"notes": "x"}
    clerk.post(url(made), **sent)
    assert the_only().starts_at == NINE.replace(second=47)
    assert audited("appointment.moved") == []


def test_cancel_with_undo(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    sent = fields_of(clerk.get(f"{url(made)}?to={DAY}")) | {"to": DAY, "notes": "Called in sick"}
    answer = clerk.post(url(made), htmx=True, act="cancel", **sent)
    assert status_region(answer).startswith("Cancelled the appointment of Jenny H.")
    assert (the_only().state, the_only().notes) == ("cancelled", "Called in sick")
    version = re.search(r'name="version" value="(\d+)"', markup(answer))
    assert version
    undone = clerk.post(f"{url(made)}/reopen", htmx=True, to=DAY, version=version[1])
    assert status_region(undone) == "Reopened the appointment of Jenny H."
    assert the_only().state == "scheduled"
    # what somebody else did meanwhile is not undone
    booking.cancel(appointment=the_only(), by=house.hand, now=made.created_at)
    stale = clerk.post(f"{url(made)}/reopen", htmx=True, to=DAY, version=version[1])
    assert stale.status_code == 409
    assert "was changed meanwhile" in status_region(stale, "alert")
    assert the_only().state == "cancelled"


def test_complete_reopen_and_what_is_not_offered(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    clerk.post(url(made), act="complete", **fields_of(clerk.get(url(made))))
    assert the_only().state == "completed"
    page = text(clerk.get(url(made)))
    assert "Mark complete" not in page
    assert "Cancel appointment" not in page
    sent = fields_of(clerk.get(url(made)))
    moved = clerk.post(url(made), **(sent | {"at": "11:00"}))
    assert moved.status_code == 422
    assert "This appointment is closed. Reopen it before you move it." in text(moved)
    scheduled = lists.status_for(house.practice.id, S.SCHEDULED).public_id
    other = clerk.post(url(made), **(sent | {"status": scheduled}))
    assert "This status does not follow on the one it has." in text(other)
    again = clerk.post(url(made), act="reopen", **(sent | {"at": "11:00"}))
    assert again.status_code == 303
    assert (the_only().state, the_only().starts_at.hour) == ("arrived", 16)


def test_two_who_edit_at_once(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny, reason="Cough", notes="first")
    mine = fields_of(clerk.get(url(made)))
    theirs = Clerk_of(house, clerk)
    theirs.post(
        url(made), **(fields_of(theirs.get(url(made))) | {"reason": "Fever", "at": "10:00"})
    )
    mine |= {"reason": "Headache", "notes": "second"}
    for htmx in (True, False):
        answer = clerk.post(url(made), htmx=htmx, **mine)
        assert answer.status_code == 409
        assert (the_only().reason, the_only().notes) == ("Fever", "first")
        page = text(answer)
        assert "Somebody else changed this appointment meanwhile" in page
        assert "On file now, by Ada Admin, November 21, 2026, 12:00 p.m." in page
        assert "Reason Headache Fever" in page
        assert "Time 09:00 10:00" in page
        held = fields_of(answer)
        assert (held["reason"], held["notes"]) == ("Headache", "second")
        assert held["at"] == "10:00"  # what I had left alone is theirs
        assert held["version"] == "2"
    assert clerk.post(url(made), **held).status_code == 303
    assert (the_only().reason, the_only().notes, the_only().version) == ("Headache", "second", 3)
    assert the_only().starts_at == NINE.replace(hour=15)


def Clerk_of(house: House, clerk: Clerk) -> Clerk:  # noqa: N802
    return Clerk(clerk.client.application, house.administrator)


def test_a_window_without_its_version_saves_nothing(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    for broken in ({"version": ""}, {"version": "x"}, {"version": "1", "was": "{"}):
        sent = fields_of(clerk.get(url(made))) | {"reason": "Cough"} | broken
        code = clerk.post(url(made), **sent).status_code
        assert code == (303 if broken["version"] == "1" else 409)


def test_what_is_offered_no_more_stays_with_who_has_it(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    with atomic():
        office = lists.offices(house.practice.id)[0]
        office.closed_at = moment.now
        lists.office_named(house.practice.id, "North", "America/New_York")
        db.session.add(
            AppointmentStatus(
                practice_id=house.practice.id, name="> 24h", meaning="scheduled", position=9
            )
        )
    sent = fields_of(clerk.get(url(made))) | {"reason": "Cough"}
    assert clerk.post(url(made), **sent).status_code == 303
    assert the_only().office.name == "Main office"
    assert "Main office" not in text(
        clerk.get(f"/staff/appointments/new?patient={jenny.public_id}")
    )


def test_the_patient_is_found_in_the_window(house, clerk, jenny) -> None:
    first = clerk.get(f"/staff/appointments/new?day=2026-11-23&to={DAY}", htmx=True)
    assert "Whom is it for?" in text(first)
    assert field(first, "day") == "2026-11-23"
    sent = {"q": "harr jen", "day": "2026-11-23", "to": DAY}
    for htmx in (True, False):
        found = clerk.post("/staff/appointments/new/patients", htmx=htmx, **sent)
        assert "Harris, Jenny (Jen)" in text(found)
        link = re.search(r'<a href="([^"]*patient=[^"]*)"', markup(found))
        assert link
        address = link[1].replace("&amp;", "&")
        assert "harr" not in address
        window = clerk.get(address)
        assert fields_of(window)["day"] == "2026-11-23"
        assert fields_of(window)["to"] == DAY
    assert "Nobody matches" in text(clerk.post("/staff/appointments/new/patients", q="zzzz"))
    assert audited("patients.searched")[0].data["kind"] == "name"


def test_another_practices_appointment_is_not_there(house, clerk) -> None:
    theirs = make_appointment(make_house("Lakeside Clinic"))
    for path in ("", "/note", "/identifiers"):
        assert clerk.get(url(theirs) + path).status_code == 404
    for path in ("", "/note", "/identifiers", "/invite", "/reopen"):
        assert clerk.post(url(theirs) + path).status_code == 404
    assert audited("access.refused")[0].data["reason"] == "other_practice_appointment"


def test_a_patient_of_another_practice_is_not_booked(house, clerk, jenny) -> None:
    other = make_house("Lakeside Clinic")
    sent = new_fields(clerk, jenny) | {"patient": make_patient(other).public_id}
    assert clerk.post("/staff/appointments/new", **sent).status_code == 404


def test_a_place_elsewhere_is_not_gone_to(house, clerk, jenny) -> None:
    for to in ("https://evil.example/", "//evil.example/staff/", "/login"):
        answer = clerk.post(
            "/staff/appointments/new", **new_fields(clerk, jenny, to=to, anyway="1")
        )
        assert answer.headers["Location"] == DAY


def test_a_color_that_a_file_brought_stays(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny, colour="#123456")
    sent = fields_of(clerk.get(url(made)))
    assert sent["colour"] == "#123456"
    assert clerk.post(url(made), **(sent | {"reason": "x"})).status_code == 303
    assert the_only().colour == "#123456"
    assert 'fill="#123456"' in markup(clerk.get(DAY))


def test_the_window_remembers_what_it_showed(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    was = json.loads(fields_of(clerk.get(url(made)))["was"])
    assert was["at"] == "09:00"
    assert len(was["consents"]) == 3


def test_a_practice_s_other_providers_may_supervise(house, clerk, jenny) -> None:
    other = practices.add_provider(
        practice=house.practice, name="Dr. What", shares_patients=True, staff=None, by=SETUP,
        now=jenny.created_at,
    )  # fmt: skip
    sent = new_fields(clerk, jenny, supervising_provider=other.public_id)
    clerk.post("/staff/appointments/new", **sent)
    assert the_only().supervising_provider_id == other.id
