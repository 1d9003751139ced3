"""Patient information, and opting out (product 2.5, 2.6, 3.1, 12.3)."""

from __future__ import annotations

from datetime import date

from portal.extensions import db
from portal.people.models import Patient
from tests.factories import make_house, make_patient
from tests.integration.staff.clerk import audited, markup, status_region, text


def test_the_chart_says_who_it_is(clerk, jenny) -> None:
    page = clerk.get(f"/staff/patients/{jenny.public_id}")
    words = text(page)
    assert "Jenny (Jen) Harris" in words
    for told in (
        "February 11, 1980",
        "Age 46",
        "XXX-XX-4399",
        "jenny@example.com",
        "Phone number (Mobile) (443) 555-0155",
        "Dr. Who",
        "Address Not recorded",
        "Portal status: Not enabled",
    ):
        assert told in words, told
    assert "536904" not in markup(page)
    assert "536-90" not in markup(page)
    assert "Harris" not in markup(page).split("</title>")[0]


def test_the_navigation_marks_where_one_is(clerk, jenny) -> None:
    page = markup(clerk.get(f"/staff/patients/{jenny.public_id}"))
    assert f'href="/staff/patients/{jenny.public_id}" aria-current="page"' in page
    assert f'href="/staff/patients/{jenny.public_id}/portal-access"' in page


def test_viewing_is_an_event(clerk, jenny, house) -> None:
    clerk.get(f"/staff/patients/{jenny.public_id}")
    clerk.access(jenny)
    clerk.get(f"/staff/patients/{jenny.public_id}/edit")
    events = audited("chart.viewed")
    assert [event.data["page"] for event in events] == ["information", "portal_access", "edit"]
    assert {event.actor_name for event in events} == {"James Smith"}
    assert {event.subject_id for event in events} == {jenny.id}


def test_another_practice_s_chart_is_not_there_and_the_trail_says_who_tried(clerk, house) -> None:
    stranger = make_patient(make_house("Other Clinic"))
    for path in ("", "/edit", "/portal-access", "/identifiers"):
        answer = clerk.get(f"/staff/patients/{stranger.public_id}{path}")
        assert answer.status_code == 404
        assert "Harris" not in text(answer)
    told = audited("access.refused")
    assert [event.practice_id for event in told] == [house.practice.id] * 4
    assert told[0].data == {"route": "staff.chart", "reason": "other_practice_patient"}


def test_an_id_that_nobody_has_is_not_worth_a_line(clerk) -> None:
    assert clerk.get("/staff/patients/nobody").status_code == 404
    assert audited("access.refused") == []


def test_end_date_and_death_are_told(clerk, house) -> None:
    ended = make_patient(house, end_date=date(2026, 11, 21))
    assert "End-dated Nov 21, 2026" in text(clerk.get(f"/staff/patients/{ended.public_id}"))
    ends = make_patient(house, end_date=date(2026, 11, 22))
    assert "Ends Nov 22, 2026" in text(clerk.get(f"/staff/patients/{ends.public_id}"))
    died = make_patient(house, deceased=True, deceased_on=date(2026, 5, 3))
    assert "Deceased May 3, 2026" in text(clerk.get(f"/staff/patients/{died.public_id}"))


def opted_out(patient: Patient) -> bool:
    db.session.rollback()
    return db.session.get_one(Patient, patient.id).opted_out_at is not None


def test_opting_out_and_undoing_it_with_a_reason(clerk, jenny) -> None:
    url = f"/staff/patients/{jenny.public_id}/opt-out"
    answer = clerk.post(url, htmx=True, opted_out="yes")
    assert status_region(answer) == "Jenny H. is opted out. No invitations are sent."
    assert "Opted out Nov 21, 2026" in text(answer)
    assert opted_out(jenny)
    clerk.post(url, htmx=True, opted_out="yes")
    assert len(audited("patient.opted_out")) == 1

    refused = clerk.post(url, htmx=True, opted_out="no", reason="  ")
    assert refused.status_code == 422
    assert "Say why invitations may be sent again." in text(refused)
    assert opted_out(jenny)

    answer = clerk.post(url, htmx=True, opted_out="no", reason="She asked for it at the desk")
    assert status_region(answer) == "Jenny H. may be invited again."
    assert not opted_out(jenny)
    assert audited("patient.opted_in")[0].data == {"reason": "She asked for it at the desk"}


def test_opting_out_without_javascript(clerk, jenny) -> None:
    url = f"/staff/patients/{jenny.public_id}/opt-out"
    page = clerk.follow(clerk.post(url, opted_out="yes"))
    assert "Jenny H. is opted out. No invitations are sent." in text(page)
    assert clerk.post(url, opted_out="no").status_code == 422
    assert clerk.post(url, opted_out="other").status_code == 422
    assert opted_out(jenny)
