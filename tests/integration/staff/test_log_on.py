"""Staff log on and off."""

from __future__ import annotations

import pytest

from tests.factories import PASSWORD
from tests.integration.staff.clerk import Clerk, field, text


def log_on(app, email: str, password: str = PASSWORD, **fields: str):
    return app.test_client().post(
        "/staff/login", data={"email": email, "password": password, **fields}
    )


def test_the_right_password_leads_to_today(app, house) -> None:
    answer = log_on(app, house.front_desk.email.upper())
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/staff/"


def test_a_page_that_was_asked_for_is_come_back_to(app, house) -> None:
    client = app.test_client()
    answer = client.get("/staff/patients/new")
    assert answer.headers["Location"] == "/staff/login?next=/staff/patients/new"
    page = client.get(answer.headers["Location"])
    assert field(page, "next") == "/staff/patients/new"
    done = log_on(app, house.front_desk.email, next=field(page, "next"))
    assert done.headers["Location"] == "/staff/patients/new"


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "/login", "/staff/../login"]
)
def test_no_link_leads_elsewhere(app, house, place) -> None:
    assert log_on(app, house.front_desk.email, next=place).headers["Location"] == "/staff/"


def test_one_answer_for_an_unknown_address_and_a_wrong_password(app, house) -> None:
    unknown = log_on(app, "nobody@example.com")
    wrong = log_on(app, house.front_desk.email, "not the password")
    assert unknown.status_code == wrong.status_code == 422
    assert "The email or the password is wrong." in text(wrong)
    assert text(unknown) == text(wrong)
    assert field(wrong, "email") == house.front_desk.email
    assert "not the password" not in wrong.get_data(as_text=True)


def test_too_many_wrong_tries_are_told_how_long_to_wait(app, house, moment) -> None:
    for _try in range(10):
        log_on(app, house.front_desk.email, "not the password")
    answer = log_on(app, house.front_desk.email)
    assert answer.status_code == 429
    assert "Wait 1 minute, then try again." in text(answer)
    assert int(answer.headers["Retry-After"]) <= 31
    moment.pass_(seconds=31)
    assert log_on(app, house.front_desk.email).status_code == 303


def test_who_is_logged_on_needs_no_log_on_page(clerk) -> None:
    assert clerk.get("/staff/login").headers["Location"] == "/staff/"


def test_logging_off_ends_the_log_on_on_the_server(app, house) -> None:
    clerk = Clerk(app, house.front_desk)
    cookie = clerk.client.get_cookie("vestibule-staff")
    answer = clerk.post("/staff/logout")
    assert answer.headers["Location"] == "/staff/login"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    clerk.client.set_cookie("vestibule-staff", cookie.value)
    assert clerk.get("/staff/").status_code == 303


def test_a_fragment_of_somebody_logged_off_sends_the_browser_to_the_log_on_page(
    clerk, jenny
) -> None:
    clerk.post("/staff/logout")
    answer = clerk.act(jenny, "enable")
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/staff/login"


def test_who_left_the_practice_is_out_at_once(clerk, house) -> None:
    from portal.extensions import db
    from portal.practices.models import StaffMember
    from portal.transaction import atomic

    number = house.front_desk.id
    with atomic():
        db.session.get_one(StaffMember, number).ended_at = house.practice.created_at
    assert clerk.get("/staff/").status_code == 303


def test_fifteen_idle_minutes_and_eight_hours(clerk, moment) -> None:
    for _ in range(3):
        moment.pass_(minutes=14)
        assert clerk.get("/staff/").status_code == 200
    moment.pass_(minutes=15)
    assert clerk.get("/staff/").status_code == 303


def test_eight_hours_end_it_however_busy(clerk, moment) -> None:
    for _ in range(8 * 6 - 1):
        moment.pass_(minutes=10)
        assert clerk.get("/staff/").status_code == 200
    moment.pass_(minutes=10)
    assert clerk.get("/staff/").status_code == 303


def test_polls_never_extend_a_log_on(clerk, jenny, moment) -> None:
    state = f"/staff/patients/{jenny.public_id}/portal-access/state"
    for _ in range(2):
        moment.pass_(minutes=7)
        assert clerk.get(state, htmx=True).status_code < 300
    moment.pass_(minutes=1)
    answer = clerk.get(state, htmx=True)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/staff/login")
