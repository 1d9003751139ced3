"""Logging on and off (8.9, 10.1; ASVS 7.4.1)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.accounts.models import PortalAccount
from portal.extensions import db
from portal.people import service as people
from portal.transaction import atomic
from tests.factories import PASSWORD, House, make_house, make_invitation
from tests.integration.patients.visitor import Visitor, text, title, value_of


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def registered(app, house):
    """Jenny, who signed up from her invitation with the address that it went to."""
    invitation = make_invitation(house)
    Visitor(app).register(invitation, username="jenny", email=invitation.email)
    return invitation


def test_by_username_and_by_confirmed_e_mail(app, registered) -> None:
    for identifier in ("jenny", " JENNY ", registered.email, registered.email.upper()):
        visitor = Visitor(app)
        assert visitor.log_on(identifier).headers["Location"] == "/home", identifier
        assert visitor.at_home()


def test_an_e_mail_that_two_accounts_confirmed_gets_the_usual_error(app, house, registered) -> None:
    other = make_invitation(house)
    Visitor(app).register(other, username="sam")
    with atomic():
        sam = db.session.scalar(select(PortalAccount).where(PortalAccount.username == "sam"))
        assert sam is not None
        sam.email, sam.email_key = registered.email, registered.email.lower()
        sam.email_confirmed_at = sam.created_at
    answer = Visitor(app).log_on(registered.email)
    unknown = Visitor(app).log_on("nobody@example.org")
    assert answer.status_code == unknown.status_code == 422
    assert "try your username" in text(answer)
    assert text(answer) == text(unknown)


def test_one_answer_for_an_unknown_name_and_a_wrong_password(app, registered) -> None:
    answers = [Visitor(app).log_on("jenny", "wrong"), Visitor(app).log_on("nobody.here", PASSWORD)]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert text(answers[0]) == text(answers[1])
    assert title(answers[0]).startswith("Error: ")
    assert value_of(answers[0], "identifier") == "jenny"
    assert value_of(answers[0], "password") == ""
    assert "Enter your password" in text(Visitor(app).log_on("jenny", ""))


def test_ten_wrong_then_waits_that_end(app, moment, registered) -> None:
    visitor = Visitor(app)
    for _ in range(10):
        assert visitor.log_on("jenny", "wrong").status_code == 422
    answer = visitor.log_on("jenny", PASSWORD)
    assert answer.status_code == 429, "the right one is refused in the window"
    assert "Please wait" in text(answer)
    assert Visitor(app, address="198.51.100.9").log_on("jenny").status_code == 429
    moment.pass_(seconds=31)
    assert visitor.log_on("jenny").status_code == 303


@pytest.mark.parametrize("how", ["end_date", "deceased", "disabled"])
def test_refused_kindly_once_the_access_has_ended(app, moment, house, registered, how) -> None:
    here = Visitor(app)
    here.log_on("jenny")
    patient = registered.patient
    if how == "disabled":
        grant = access.current_grant(patient.id)
        assert grant is not None
        access.end(grant=grant, reason=EndReason.DISABLED, by=house.hand, now=moment.now)
        assert here.get("/home").headers["Location"].startswith("/login")
    else:
        ended = {"end_date": {"end_date": moment.now.date()}, "deceased": {"deceased": True}}[how]
        people.edit(patient=patient, values=ended, by=house.hand, now=moment.now)
        answer = here.get("/home")
        assert answer.status_code == 403
        assert "No record is open to you now" in text(answer)
        assert "Harris" not in text(answer)
    elsewhere = Visitor(app)
    answer = elsewhere.log_on("jenny")
    assert answer.status_code == 403
    assert "No record is open to you now" in text(answer)
    assert "(617) 555-0100" in text(answer)
    assert not elsewhere.at_home()
    wrong = elsewhere.log_on("jenny", "wrong")
    assert "No record" not in text(wrong), "only after the right password"


def test_a_copied_cookie_is_dead_after_log_out(app, registered) -> None:
    visitor = Visitor(app)
    visitor.log_on("jenny")
    cookie = visitor.client.get_cookie("vestibule-portal")
    assert cookie is not None
    thief = Visitor(app)
    thief.client.set_cookie("vestibule-portal", cookie.value)
    assert thief.at_home()
    answer = visitor.post("/logout")
    assert answer.headers["Location"] == "/"
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert "You are logged out" in text(visitor.follow(answer))
    assert not thief.at_home()
    assert not visitor.at_home()


def test_a_log_on_gets_a_new_cookie_and_ends_the_one_before(app, house, registered) -> None:
    Visitor(app).register(make_invitation(house), username="sam", first_name="Sam")
    visitor = Visitor(app)
    visitor.get("/login")
    before = visitor.client.get_cookie("vestibule-portal")
    visitor.log_on("jenny")
    as_jenny = visitor.client.get_cookie("vestibule-portal")
    assert as_jenny is not None
    assert before is None or before.value != as_jenny.value
    visitor.log_on("sam")
    assert "Hello, Sam" in text(visitor.get("/home"))
    copy = Visitor(app)
    copy.client.set_cookie("vestibule-portal", as_jenny.value)
    assert not copy.at_home()


def test_twenty_idle_minutes_and_twelve_hours(app, moment, registered) -> None:
    visitor = Visitor(app)
    visitor.log_on("jenny")
    for _ in range(37):
        moment.pass_(minutes=19)
        assert visitor.at_home()
    moment.pass_(minutes=19)
    assert not visitor.at_home(), "12 hours are over"
    visitor.log_on("jenny")
    moment.pass_(minutes=20)
    assert not visitor.at_home()


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil",
        "javascript:1",
        "/%0d%0aX: y",
        "/home?x=//e",
    ],
)
def test_after_logging_on_nobody_is_sent_elsewhere(app, registered, place) -> None:
    visitor = Visitor(app)
    answer = visitor.client.post(
        "/login", query_string={"next": place}, data={"identifier": "jenny", "password": PASSWORD}
    )
    assert answer.headers["Location"] == "/home"


def test_who_is_logged_on_needs_no_log_on_page(app, registered) -> None:
    visitor = Visitor(app)
    asked = visitor.get("/home")
    assert asked.headers["Location"] == "/login?next=/home"
    assert visitor.log_on("jenny", path=asked.headers["Location"]).headers["Location"] == "/home"
    assert visitor.get("/login").headers["Location"] == "/home"
    assert visitor.get("/").headers["Location"] == "/home"
