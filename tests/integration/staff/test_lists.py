"""Portal settings → Lists: add, change, put in order, close; nothing is deleted (4.1)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.schedule import keeping, lists
from portal.schedule.keeping import Kind
from portal.schedule.models import Office
from portal.schedule.states import AppointmentState, ListKind
from tests.doors import log_on_staff
from tests.factories import House, make_house, make_patient
from tests.integration.patients.visitor import text, title
from tests.visits import in_days, make_visit

URL = "/staff/settings/lists"


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def admin(app, house):
    return log_on_staff(app, house.administrator)


def names(house: House, kind: Kind) -> list[str]:
    db.session.rollback()
    return [entry.name for entry in keeping.every(house.practice.id, kind)]


def number(house: House, kind: Kind, name: str) -> str:
    db.session.rollback()
    return next(e.public_id for e in keeping.every(house.practice.id, kind) if e.name == name)


def told() -> list[dict[str, str]]:
    db.session.rollback()
    query = select(AuditEvent.data).where(AuditEvent.event == "schedule.list_changed")
    return list(db.session.scalars(query.order_by(AuditEvent.id)))


def test_every_list_is_there(admin) -> None:
    said = text(admin.get(URL))
    for words in (
        "Offices", "Main office", "America/New York", "Exam rooms", "Exam 3", "Profiles",
        "New patient 45 minutes", "Statuses", "Arrived The patient is here", "Consent forms",
        "No Show Policy chosen on a new appointment", "Eligibility profiles",
    ):  # fmt: skip
        assert words in said
    assert "Lists" in text(admin.get("/staff/settings"))


def test_add_and_change_an_office(admin, house) -> None:
    answer = admin.post(
        f"{URL}/office/new", data={"name": "  North  ", "time_zone": "America/Denver"}
    )
    assert answer.status_code == 303
    assert "Added North." in text(admin.get(URL))
    path = f"{URL}/office/{number(house, Kind.OFFICE, 'North')}"
    assert 'value="North"' in admin.get(path).get_data(as_text=True)
    assert admin.post(path, data={"name": "West", "time_zone": "America/Denver"}).status_code == 303
    assert names(house, Kind.OFFICE) == ["Main office", "West"]
    same = admin.post(
        path, data={"name": "West", "time_zone": "America/Denver"}, follow_redirects=True
    )
    assert "Nothing was changed." in text(same)
    assert [(t["list"], t["what"]) for t in told()] == [("office", "added"), ("office", "name")]


def test_a_room_of_an_office(admin, house) -> None:
    office = number(house, Kind.OFFICE, "Main office")
    path = f"{URL}/room/new?office={office}"
    assert admin.post(path, data={"name": "Lab"}).status_code == 303
    assert [r.name for r in lists.offices(house.practice.id)[0].rooms][-1] == "Lab"
    assert admin.post(f"{URL}/room/new", data={"name": "Lost"}).status_code == 404


def test_a_profile_with_its_particulars(admin, house) -> None:
    typed = {"name": "Vaccination", "minutes": "10", "colour": "1F4E79", "preset": "y"}
    assert admin.post(f"{URL}/profile/new", data=typed).status_code == 303
    made = lists.entries(house.practice.id, ListKind.PROFILE)[-1]
    assert (made.name, made.minutes, made.colour, made.preset) == (
        "Vaccination",
        10,
        "#1f4e79",
        True,
    )
    path = f"{URL}/profile/{made.public_id}"
    assert (
        admin.post(path, data={"name": "Vaccination", "minutes": "", "colour": ""}).status_code
        == 303
    )
    db.session.expire_all()
    made = lists.entries(house.practice.id, ListKind.PROFILE)[-1]
    assert (made.minutes, made.colour, made.preset) == (None, None, False)


@pytest.mark.parametrize(
    ("kind", "typed", "words"),
    [
        ("office", {"name": " ", "time_zone": "America/Denver"}, "Enter a name."),
        ("office", {"name": "X", "time_zone": "Mars/Base"}, "Not a valid choice"),
        ("office", {"name": "Main office", "time_zone": "America/Denver"}, "of this name already"),
        ("profile", {"name": "X", "minutes": "0"}, "Enter minutes from 1 to 1440"),
        ("profile", {"name": "X", "minutes": "9999"}, "Enter minutes from 1 to 1440"),
        ("profile", {"name": "X", "colour": "red"}, "Enter a color such as"),
        ("status", {"name": "x" * 61, "meaning": "arrived"}, "This is too long"),
        ("status", {"name": "X", "meaning": "gone"}, "Not a valid choice"),
        ("consent", {"name": "a\x07b"}, "cannot be shown"),
    ],
)
def test_what_cannot_be(admin, house, kind, typed, words) -> None:
    before = {kind: names(house, kind) for kind in Kind}
    if kind == "consent":
        typed = {"name": "a\u2028b"}
    answer = admin.post(f"{URL}/{kind}/new", data=typed)
    assert answer.status_code == 422
    assert title(answer).startswith("Error: ")
    assert words in text(answer)
    assert {kind: names(house, kind) for kind in Kind} == before


def test_up_and_down(admin, house) -> None:
    usual = names(house, Kind.CONSENT)
    path = f"{URL}/consent/{number(house, Kind.CONSENT, usual[2])}/place"
    for _ in range(2):  # a place, not a step: twice is the same
        answer = admin.post(path, data={"position": 1})
        assert answer.headers["Location"].startswith(f"{URL}#entry-")
        assert names(house, Kind.CONSENT) == [usual[0], usual[2], usual[1]]
    admin.post(path, data={"position": 99})
    assert names(house, Kind.CONSENT) == usual
    for bad in ("", "-1", "up"):
        admin.post(path, data={"position": bad})
    assert names(house, Kind.CONSENT) == usual
    assert [t["what"] for t in told()] == ["position", "position"]


def test_what_is_closed_is_offered_no_more_and_stays_where_it_is(admin, house) -> None:
    admin.post(f"{URL}/office/new", data={"name": "North", "time_zone": "America/Denver"})
    visit = make_visit(make_patient(house), in_days(1))
    office = db.session.get_one(Office, visit.office_id)
    path = f"{URL}/office/{office.public_id}"
    for _ in range(2):
        assert admin.post(f"{path}/close").status_code == 303
    assert [o.name for o in lists.offices(house.practice.id)] == ["North"]
    assert "Main office (closed)" in text(admin.get(URL))
    db.session.refresh(visit)
    assert visit.office.name == "Main office"
    assert admin.post(f"{path}/open").status_code == 303
    assert [o.name for o in lists.offices(house.practice.id)] == ["Main office", "North"]


@pytest.mark.parametrize(("kind", "name"), [(Kind.OFFICE, "Main office"), (Kind.STATUS, "Arrived")])
def test_the_last_one_stays_open(admin, house, kind, name) -> None:
    answer = admin.post(f"{URL}/{kind.value}/{number(house, kind, name)}/close")
    assert answer.status_code == 409
    assert f"{name} is the last one" in text(answer)
    assert told() == []


def test_a_status_of_the_practice_s_own(admin, house) -> None:
    typed = {"name": "Checked in", "meaning": "arrived"}
    assert admin.post(f"{URL}/status/new", data=typed).status_code == 303
    path = f"{URL}/status/{number(house, Kind.STATUS, 'Arrived')}"
    assert admin.post(f"{path}/close").status_code == 303
    found = lists.status_for(house.practice.id, AppointmentState.ARRIVED)
    assert found.name == "Checked in"
    admin.post(path, data={"name": "Here", "meaning": "cancelled"})
    db.session.expire_all()
    changed = keeping.get(house.practice.id, Kind.STATUS, path.rpartition("/")[2])
    assert (changed.name, changed.meaning) == ("Here", "arrived")


def test_another_practice_s_are_not_there(app, house) -> None:
    other = log_on_staff(app, make_house("Other Clinic").administrator)
    for kind, name in (
        (Kind.OFFICE, "Main office"),
        (Kind.ROOM, "Exam 1"),
        (Kind.CONSENT, "No Show Policy"),
    ):
        path = f"{URL}/{kind.value}/{number(house, kind, name)}"
        assert other.get(path).status_code == 404
        for act in ("", "/close", "/open", "/place"):
            assert (
                other.post(f"{path}{act}", data={"name": "Mine", "position": 0}).status_code == 404
            )
    office = number(house, Kind.OFFICE, "Main office")
    assert other.post(f"{URL}/room/new?office={office}", data={"name": "Mine"}).status_code == 404
    assert "Mine" not in names(house, Kind.ROOM)
    assert told() == []
