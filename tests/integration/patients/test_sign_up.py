"""The sign-up page, and linking to an account one has (8.3)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from portal.accounts.models import PendingSignUp
from portal.extensions import db
from portal.limits.rules import SIGN_UP_PER_CLIENT
from tests.factories import PASSWORD, make_house, make_invitation, make_patient
from tests.integration.patients.visitor import (
    RIGHT_SSN,
    WRONG_SSN,
    Visitor,
    accounts,
    text,
    title,
    value_of,
)


def pending() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(PendingSignUp)) or 0


def test_fields_start_empty_and_name_nobody_but_by_first_name_and_initial(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    visitor = Visitor(app)
    page = visitor.get(visitor.open(invitation) + "/sign-up")
    for field in ("first_name", "email", "username", "password"):
        assert value_of(page, field) == ""
    body = page.get_data(as_text=True)
    assert "Jenny H." in body
    for secret in (
        "Harris",
        invitation.email,
        "1980",
        "555-0155",
        "4399",
        invitation.patient.record_number,
    ):
        assert secret not in body
    assert "Jenny" not in title(page)
    for token in ("given-name", "email", "username", "new-password"):
        assert f'autocomplete="{token}"' in body


def test_what_is_wrong_is_said_on_top_and_nothing_typed_is_lost(app, moment) -> None:
    visitor = Visitor(app)
    door = visitor.open(make_invitation(make_house()))
    answer = visitor.sign_up(
        door, first_name="Jén", email="jen@", username="no spaces", password="short"
    )
    assert answer.status_code == 422
    assert title(answer).startswith("Error: ")
    body = answer.get_data(as_text=True)
    for field in ("email", "username", "password"):
        assert f'href="#{field}"' in body
        assert f'id="{field}-error"' in body
    typed = {"first_name": "Jén", "email": "jen@", "username": "no spaces", "password": ""}
    assert {name: value_of(answer, name) for name in typed} == typed
    assert "15 characters or more" in text(answer)
    assert "never sent back" in text(answer)
    assert pending() == 0


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("x" * 14, "too short"),
        ("x" * 300, "too long"),
        ("abcabcabcabcabcabc", "repeats"),
        ("123456789012345678", "repeats"),
        ("jenny.h jenny.h family", "made of your name"),
        ("password12345678", "Many people"),
        ("", "Create a password"),
    ],
)
def test_a_bad_password_is_refused_with_its_reason(app, moment, password, said) -> None:
    visitor = Visitor(app)
    door = visitor.open(make_invitation(make_house()))
    assert said in text(visitor.sign_up(door, password=password)), password


def test_a_long_password_of_any_letters_is_taken_exactly_as_typed(app, moment) -> None:
    house = make_house()
    phrase = " größe 🌳 日本 " + "orchard lantern " * 8
    visitor = Visitor(app)
    visitor.register(make_invitation(house), password=phrase)
    other = Visitor(app)
    assert other.log_on("jenny.h", phrase.strip()).status_code == 422, "white space counts too"
    assert other.log_on("jenny.h", phrase).status_code == 303


def test_a_taken_username_comes_with_free_ones(app, moment) -> None:
    house = make_house()
    Visitor(app).register(make_invitation(house), username="jenny")
    visitor = Visitor(app)
    door = visitor.open(make_invitation(house))
    answer = visitor.sign_up(door, username="JENNY", email="jharris@example.org")
    assert answer.status_code == 422
    offered = re.search(r"These are free: ([a-z0-9., ]+)", text(answer))
    assert offered
    assert offered[1].split()[0] == "jharris,"
    assert "jenny," not in offered[1].split()
    assert visitor.sign_up(door, username="jharris").status_code == 303


def test_somebody_else_took_the_username_meanwhile(app, moment) -> None:
    house = make_house()
    slow, quick = Visitor(app), Visitor(app)
    door = slow.open(make_invitation(house))
    slow.sign_up(door, username="jenny", email="slow@example.org")
    quick.register(make_invitation(house), username="jenny")
    answer = slow.verify(door)
    assert answer.status_code == 422
    assert "Somebody has this username already" in text(answer)
    assert value_of(answer, "email") == "slow@example.org"
    assert value_of(answer, "password") == ""
    assert slow.sign_up(door, username="jenny.2").status_code == 303
    assert slow.verify(door).headers["Location"] == "/home"


def test_the_page_s_language_becomes_the_account_s(app, moment) -> None:
    visitor = Visitor(app)
    invitation = make_invitation(make_house())
    door = visitor.open(invitation)
    visitor.get(f"{door}/sign-up?lang=es")
    visitor.sign_up(door)
    visitor.verify(door)
    assert accounts()[0].language == "es"
    elsewhere = Visitor(app)
    assert '<html lang="es"' in elsewhere.follow(elsewhere.log_on("jenny.h")).get_data(as_text=True)


def test_forty_tries_an_hour_from_one_client(app, moment) -> None:
    visitor = Visitor(app)
    door = visitor.open(make_invitation(make_house()))
    for _ in range(SIGN_UP_PER_CLIENT.most):
        assert visitor.sign_up(door, username="?").status_code == 422
    answer = visitor.sign_up(door)
    assert answer.status_code == 429
    assert "wait an hour" in text(answer)
    assert value_of(answer, "username") == "jenny.h"
    assert pending() == 0
    moment.pass_(hours=1)
    assert visitor.sign_up(door).status_code == 303


def test_two_tabs_end_each_at_its_own_person(app, moment) -> None:
    house = make_house()
    jenny = make_invitation(house)
    sam = make_invitation(house, make_patient(house, given_name="Sam", ssn="536904410"))
    browser = Visitor(app)
    door_of_jenny, door_of_sam = browser.open(jenny), browser.open(sam)
    assert "Jenny H." in text(browser.get(f"{door_of_jenny}/sign-up"))
    assert "Sam H." in text(browser.get(f"{door_of_sam}/sign-up"))
    browser.sign_up(door_of_jenny, username="jenny")
    browser.sign_up(door_of_sam, username="sam", first_name="Sam")
    assert browser.verify(door_of_jenny, "536904410").status_code == 422, (
        "Sam's number is not Jenny's"
    )
    assert browser.verify(door_of_sam, "536904410").status_code == 303
    assert "Sam Harris" in text(browser.get("/home"))
    answer = browser.follow(browser.verify(door_of_jenny))
    assert "You are logged on already" in text(answer), "a link changes no log-on"
    browser.post(f"{door_of_jenny}/log-out")
    assert browser.verify(door_of_jenny).status_code == 303
    assert "Jenny Harris" in text(browser.get("/home"))
    assert {a.username: a.people[0].patient_id for a in accounts()} == {
        "jenny": jenny.patient_id,
        "sam": sam.patient_id,
    }


def test_a_link_opened_while_somebody_else_is_logged_on(app, moment) -> None:
    house = make_house()
    browser = Visitor(app)
    browser.register(make_invitation(house), username="first")
    door = browser.open(make_invitation(house, make_patient(house, given_name="Sam")))
    for page in ("", "/sign-up", "/log-in", "/identity"):
        said = text(browser.follow(browser.get(door + page)))
        assert "logged on as first" in said
        assert "Sam H." in said
    assert browser.follow(browser.sign_up(door, username="second")).status_code == 200
    assert [account.username for account in accounts()] == ["first"]
    assert browser.at_home(), "the link has not changed the log-on"
    answer = browser.post(f"{door}/log-out")
    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert not browser.at_home()
    assert "Sign up" in text(browser.follow(answer))


def test_linking_to_an_account_one_has(app, moment) -> None:
    here, there = make_house(), make_house("Other Clinic")
    Visitor(app).register(make_invitation(here), username="jenny")
    browser = Visitor(app)
    door = browser.open(make_invitation(there))
    assert browser.log_on("jenny", "not the password", path=f"{door}/log-in").status_code == 422
    answer = browser.log_on("jenny", path=f"{door}/log-in")
    assert answer.headers["Location"] == f"{door}/identity"
    assert not browser.at_home(), "no log-on before the identity check is passed"
    assert browser.verify(door, WRONG_SSN).status_code == 422
    assert not browser.at_home()
    assert browser.verify(door, RIGHT_SSN).headers["Location"] == "/home"
    home = text(browser.get("/home"))
    assert "Family Practice" in home
    assert "Other Clinic" in home
    assert len(accounts()) == 1


def test_an_account_holds_one_own_chart_of_a_practice(app, moment) -> None:
    house = make_house()
    Visitor(app).register(make_invitation(house), username="jenny")
    browser = Visitor(app)
    door = browser.open(make_invitation(house, make_patient(house, given_name="Sam")))
    answer = browser.log_on("jenny", path=f"{door}/log-in")
    assert answer.status_code == 422
    assert "belongs to somebody else at this practice" in text(answer)


def test_a_second_value_for_a_field_is_refused(app, moment) -> None:
    visitor = Visitor(app)
    door = visitor.open(make_invitation(make_house()))
    assert visitor.sign_up(door, email=["a@example.org", "evil@example.net"]).status_code == 400
    for address in ("a@example.org,evil@example.net", "a@example.org\r\nCc: evil@example.net"):
        assert visitor.sign_up(door, email=address).status_code == 422
    assert pending() == 0


@pytest.mark.parametrize(
    "typed", ["\0", "a\0b", "\u202e", "x" * 5000, "{{7*7}}", "<img src=x onerror=1>"]
)
def test_whatever_is_typed_there_is_an_answer(app, moment, typed) -> None:
    visitor = Visitor(app)
    door = visitor.open(make_invitation(make_house()))
    fields = dict.fromkeys(("first_name", "email", "username", "password"), typed)
    assert visitor.sign_up(door, **fields).status_code == 422
    assert visitor.post(f"{door}/log-in", identifier=typed, password=typed).status_code == 422
    assert visitor.log_on(typed, typed).status_code == 422
    assert visitor.log_on("jenny", PASSWORD).status_code == 422
