"""The identity check as a visitor meets it (8.4)."""

from __future__ import annotations

import pytest

from portal.access import service as access
from portal.access.rules import Status
from portal.attention import service as attention
from portal.invitations import service as invitations
from portal.invitations.rules import LinkState
from tests.factories import make_house, make_invitation, make_patient
from tests.integration.patients.visitor import (
    RIGHT_SSN,
    WRONG_SSN,
    Visitor,
    accounts,
    lines_of,
    text,
    title,
    value_of,
)

BIRTH = {"month": "2", "day": "11", "year": "1980", "phone": "443 555 0155"}


def begun(app, invitation, **fields: str) -> tuple[Visitor, str]:
    visitor = Visitor(app)
    door = visitor.open(invitation)
    assert visitor.sign_up(door, **fields).headers["Location"] == f"{door}/identity"
    return visitor, door


def test_both_ways_are_always_offered_and_nothing_tells_what_is_on_file(app, moment) -> None:
    house = make_house()
    pages = []
    for values in ({"ssn": None}, {"birth_date": None, "phones": None}):
        visitor, door = begun(app, make_invitation(house, make_patient(house, **values)))
        pages.append(text(visitor.get(f"{door}/identity")))
        assert f'href="{door}/identity?by=birth"' in visitor.get(f"{door}/identity").get_data(
            as_text=True
        )
        other = visitor.get(f"{door}/identity?by=birth")
        assert f'href="{door}/identity"' in other.get_data(as_text=True)
        assert "Use Social Security number instead" in text(other)
    assert pages[0] == pages[1]
    assert "Use birth date and phone instead" in pages[0]
    assert "Is it you, Jenny H.?" in pages[0]


def test_wrong_twice_then_right(app, moment) -> None:
    invitation = make_invitation(make_house())
    visitor, door = begun(app, invitation)
    answers = [
        visitor.verify(door, WRONG_SSN),
        visitor.post(f"{door}/identity?by=birth", **BIRTH | {"day": "12"}),
    ]
    for answer, left in zip(answers, ("4 tries", "3 tries"), strict=True):
        assert answer.status_code == 422
        assert title(answer).startswith("Error: ")
        assert "does not match the records of Family Practice" in text(answer)
        assert left in text(answer)
        assert accounts() == []
        assert not visitor.at_home()
    assert value_of(answers[0], "ssn") == WRONG_SSN, "nothing typed is lost"
    assert value_of(answers[1], "phone") == BIRTH["phone"]
    assert visitor.verify(door, " 536 90 4399 ").headers["Location"] == "/home"
    assert visitor.at_home()
    assert len(lines_of(invitation.id, "identity_failed")) == 2
    grant = access.current_grant(invitation.patient_id)
    assert grant is not None
    assert access.status_of(invitation.patient, grant, now=moment.now) is Status.ACTIVE


def test_by_birth_date_and_any_phone_on_file(app, moment) -> None:
    house = make_house()
    phones = [
        {"kind": "home", "e164": "+12025550123", "extension": None},
        {"kind": "mobile", "e164": "+14435550155", "extension": None},
    ]
    visitor, door = begun(app, make_invitation(house, make_patient(house, phones=phones)))
    assert visitor.post(f"{door}/identity?by=birth", **BIRTH).headers["Location"] == "/home"


@pytest.mark.parametrize(
    ("query", "fields", "said"),
    [
        ("", {"ssn": ""}, "Enter your Social Security number"),
        ("", {"ssn": "53690439"}, "all nine digits"),
        ("", {"ssn": "000-12-3456"}, "No Social Security number looks like this"),
        ("", {"ssn": "4399"}, "all nine digits"),
        ("?by=birth", BIRTH | {"month": ""}, "Choose the month"),
        ("?by=birth", BIRTH | {"day": "0"}, "Enter the day"),
        ("?by=birth", BIRTH | {"day": "9" * 5000}, "Enter the day"),
        ("?by=birth", BIRTH | {"year": "80"}, "four digits"),
        ("?by=birth", BIRTH | {"day": "31"}, "There is no such day"),
        ("?by=birth", BIRTH | {"year": "2030"}, "in the future"),
        ("?by=birth", BIRTH | {"year": "1880"}, "too long ago"),
        ("?by=birth", BIRTH | {"phone": "12"}, "too few or too many digits"),
        ("?by=birth", BIRTH | {"phone": ""}, "Enter your phone number"),
    ],
)
def test_what_cannot_be_read_is_a_slip_and_does_not_count(app, moment, query, fields, said) -> None:
    invitation = make_invitation(make_house())
    visitor, door = begun(app, invitation)
    for _ in range(6):
        answer = visitor.post(f"{door}/identity{query}", **fields)
    assert answer.status_code == 422
    assert said in text(answer)
    assert lines_of(invitation.id, "identity_failed") == []
    assert visitor.verify(door).headers["Location"] == "/home"


def test_five_wrong_lock_tell_staff_and_end_the_access(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    visitor, door = begun(app, invitation)
    answers = [visitor.verify(door, WRONG_SSN) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422] * 4 + [303]
    assert "You have one try left" in text(answers[3])
    locked = visitor.follow(answers[4])
    assert "This link is locked" in text(locked)
    assert "(617) 555-0100" in text(locked)
    again = visitor.follow(visitor.verify(door, RIGHT_SSN))
    assert "This link is locked" in text(again), "the right one comes too late"
    assert accounts() == []
    items = attention.open_items(practice_id=house.practice.id)
    assert [(item.kind, item.patient_id) for item in items] == [
        ("identity_locked", invitation.patient_id)
    ]
    assert access.current_grant(invitation.patient_id) is None
    assert access.status_of(invitation.patient, None, now=moment.now) is Status.NOT_ENABLED


def test_twenty_wrong_from_one_client_then_neutral_words_for_everybody_there(app, moment) -> None:
    house = make_house()
    for n in range(5):
        visitor, door = begun(app, make_invitation(house), username=f"jenny{n}")
        for tries in range(4):
            birth = BIRTH | {"year": str(1950 + tries)}
            assert visitor.post(f"{door}/identity?by=birth", **birth).status_code == 422
    visitor, door = begun(app, make_invitation(house), username="last")
    answer = visitor.verify(door, RIGHT_SSN)
    assert answer.status_code == 429
    assert "wait an hour" in text(answer)
    assert accounts() == [], "nothing was compared"
    moment.pass_(minutes=61)
    assert visitor.sign_up(door).status_code == 303
    assert visitor.verify(door).headers["Location"] == "/home"


def test_half_an_hour_later_it_begins_anew(app, moment) -> None:
    invitation = make_invitation(make_house())
    visitor, door = begun(app, invitation)
    moment.pass_(minutes=31)
    answer = visitor.verify(door)
    assert answer.headers["Location"] == f"{door}/sign-up"
    assert "kept for 30 minutes" in text(visitor.follow(answer))
    assert accounts() == []
    assert visitor.sign_up(door).status_code == 303
    assert visitor.verify(door).headers["Location"] == "/home"


def test_the_check_cannot_be_reached_by_its_address(app, moment) -> None:
    visitor = Visitor(app)
    door = visitor.open(make_invitation(make_house()))
    for answer in (visitor.get(f"{door}/identity"), visitor.verify(door)):
        assert answer.headers["Location"] == f"{door}/sign-up"
    assert accounts() == []


def test_what_was_typed_in_one_browser_is_not_another_s(app, moment) -> None:
    invitation = make_invitation(make_house())
    begun(app, invitation)
    thief = Visitor(app)
    door = thief.open(invitation)
    assert thief.verify(door).headers["Location"] == f"{door}/sign-up"


def test_two_browsers_at_one_link_give_one_account(app, moment) -> None:
    invitation = make_invitation(make_house())
    one, door_one = begun(app, invitation, username="one")
    two, door_two = begun(app, invitation, username="two")
    assert one.verify(door_one).headers["Location"] == "/home"
    assert "signed up already" in text(two.follow(two.verify(door_two)))
    assert [account.username for account in accounts()] == ["one"]
    assert invitations.state_of_link(invitation, now=moment.now) is LinkState.USED
