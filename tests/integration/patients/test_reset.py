"""The way through a reset link: nothing used up by looking, nobody logged on by it (3.5; faults.md 8, 10, 14, 27)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts.recovery_models import AccountEvent
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from tests.doors import sign_up
from tests.factories import PASSWORD, make_house, make_invitation, make_patient
from tests.integration.patients.visitor import (
    RIGHT_SSN,
    WRONG_SSN,
    Visitor,
    link_of,
    text,
    title,
)
from tests.resets import NEW, account_of, make_active, path_of, send_reset


@pytest.fixture
def house(app, moment):
    return make_house()


@pytest.fixture
def jenny(app, house) -> Patient:
    return make_active(app, house, email="jenny@example.com")


@pytest.fixture
def link(house, jenny) -> str:
    return path_of(send_reset(house, jenny))


@pytest.fixture
def visitor(app) -> Visitor:
    return Visitor(app)


def open_reset(visitor: Visitor, link: str) -> str:
    """The path of the reset's door."""
    answer = visitor.get(link)
    assert answer.status_code == 303
    place: str = answer.headers["Location"]
    assert link.rsplit("/", 1)[1] not in place, "the token leaves the address"
    return place


def to_identity(visitor: Visitor, link: str, password: str = NEW) -> str:
    door = open_reset(visitor, link)
    answer = visitor.post(door, password=password)
    assert answer.status_code == 303, text(answer)
    return str(answer.headers["Location"])


def test_from_the_link_to_the_log_on(visitor, link, jenny) -> None:
    door = open_reset(visitor, link)
    page = visitor.get(door)
    assert "Jenny H." in text(page)
    assert "Harris" not in text(page)
    assert 'autocomplete="new-password"' in page.get_data(as_text=True)
    identity = visitor.post(door, password=NEW).headers["Location"]
    assert "Is it you, Jenny H.?" in text(visitor.get(identity))
    answer = visitor.post(identity, ssn=RIGHT_SSN)
    assert answer.headers["Location"] == "/login"
    page = visitor.get("/login")
    assert "Your password is changed. Log in with it." in text(page)
    assert not visitor.at_home(), "the link logs nobody on"
    assert visitor.log_on("jenny.h").status_code == 422
    assert visitor.log_on("jenny.h", NEW).headers["Location"] == "/home"
    assert visitor.at_home()


def test_by_birth_date_and_phone(visitor, link) -> None:
    identity = to_identity(visitor, link)
    assert "Year" in text(visitor.get(identity + "?by=birth"))
    answer = visitor.post(
        identity + "?by=birth", month="2", day="11", year="1980", phone="(443) 555-0155"
    )
    assert answer.headers["Location"] == "/login"


def test_looking_uses_nothing_up(visitor, link) -> None:
    for _ in range(20):
        assert visitor.get(link).status_code == 303
        assert visitor.head(link).status_code == 303
    assert visitor.get(to_identity(visitor, link)).status_code == 200
    seen = db.session.scalars(select(AccountEvent).filter_by(kind="reset_opened")).all()
    assert len(seen) == 1, "one line per link and minute"


def test_log_ons_of_before_are_over(app, house, link, visitor) -> None:
    other = Visitor(app)
    assert other.log_on("jenny.h").headers["Location"] == "/home"
    assert other.at_home()
    assert visitor.post(to_identity(visitor, link), ssn=RIGHT_SSN).status_code == 303
    assert not other.at_home(), "a copied cookie is dead after it"


def test_the_check_is_not_to_be_skipped(visitor, link, jenny) -> None:
    before = account_of(jenny).password_hash
    door = open_reset(visitor, link)
    answer = visitor.post(f"{door}/identity", ssn=RIGHT_SSN)
    assert answer.headers["Location"].endswith(door)
    assert "Please type your new password" in text(visitor.get(door))
    assert account_of(jenny).password_hash == before


def test_wrong_answers_are_counted_down_and_lock(visitor, link, jenny) -> None:
    identity = to_identity(visitor, link)
    answer = visitor.post(identity, ssn=WRONG_SSN)
    assert answer.status_code == 422
    assert "You have 4 tries left with this link." in text(answer)
    for _ in range(3):
        visitor.post(identity, ssn=WRONG_SSN)
    locked = visitor.follow(visitor.post(identity, ssn=WRONG_SSN))
    assert locked.status_code == 410
    assert "This link is locked" in text(locked)
    assert "(617) 555-0100" in text(locked)
    assert visitor.log_on("jenny.h").headers["Location"] == "/home", "the account is as before"


def test_both_answers_are_the_same_words(visitor, link) -> None:
    identity = to_identity(visitor, link)
    by_ssn = text(visitor.post(identity, ssn=WRONG_SSN))
    by_birth = text(
        visitor.post(f"{identity}?by=birth", month="2", day="12", year="1980", phone="4435550155")
    )
    sentence = "What you entered does not match the records of Family Practice."
    assert sentence in by_ssn
    assert sentence in by_birth


def test_bad_passwords_are_refused_in_words(visitor, link) -> None:
    door = open_reset(visitor, link)
    for password, words in (
        ("", "Create a password of 15 characters or more."),
        ("short", "This password is too short."),
        ("jenny.h jenny.h", "made of your name"),
    ):
        answer = visitor.post(door, password=password)
        assert answer.status_code == 422
        assert words in text(answer)
        assert title(answer).startswith("Error: ")


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("expired", "This link has expired"),
        ("used", "Your password is changed already"),
        ("replaced", "There is a newer link"),
        ("revoked", "This link has ended"),
    ],
)
def test_dead_links_say_so_in_kind_words(
    app, house, jenny, link, visitor, moment, what: str, words: str
) -> None:
    door = open_reset(visitor, link)
    if what == "expired":
        moment.pass_(minutes=61)
        door = open_reset(visitor, link)
    elif what == "used":
        other = Visitor(app)
        other.post(to_identity(other, link), ssn=RIGHT_SSN)
    elif what == "replaced":
        moment.pass_(minutes=1)
        send_reset(house, db.session.get_one(Patient, jenny.id))
    else:
        people.edit(
            patient=db.session.get_one(Patient, jenny.id),
            values={"email": "new@example.com"},
            by=house.hand,
            now=moment.now,
            verified_how="in_person",
        )
    for answer in (visitor.get(door), visitor.post(door, password=NEW)):
        assert answer.status_code == 410
        assert words in text(answer)
        assert "(617) 555-0100" in text(answer)


def test_a_link_dies_in_the_middle_of_the_way(house, jenny, link, visitor, moment) -> None:
    identity = to_identity(visitor, link)
    moment.pass_(minutes=1)
    send_reset(house, db.session.get_one(Patient, jenny.id))
    answer = visitor.post(identity, ssn=RIGHT_SSN)
    assert answer.status_code == 410
    assert "There is a newer link" in text(answer)


def test_who_is_logged_on_stays_logged_on(app, house, link, visitor) -> None:
    sign_up(app, make_invitation(house, make_patient(house, given_name="Sam")), username="sam.v")
    visitor.log_on("sam.v")
    page = visitor.get(open_reset(visitor, link))
    assert "This browser is logged on as sam.v" in text(page)
    assert "Jenny" not in text(page)
    assert visitor.at_home()
    door = open_reset(visitor, link)
    answer = visitor.post(f"{door}/log-out")
    assert answer.headers["Location"].endswith(door)
    assert not visitor.at_home()
    assert "Choose a new password" in text(visitor.get(door))


def test_another_browser_s_handle_opens_nothing(app, link, visitor) -> None:
    door = open_reset(visitor, link)
    assert Visitor(app).get(door).status_code == 404


def test_an_invitation_s_door_is_no_reset_s(app, house, visitor) -> None:
    invitation = make_invitation(house, make_patient(house, given_name="Sam"))
    handle = visitor.open(invitation).rsplit("/", 1)[1]
    assert visitor.get(f"/reset/{handle}").status_code == 404


def test_a_reset_s_door_is_no_invitation_s(link, visitor) -> None:
    handle = open_reset(visitor, link).rsplit("/", 1)[1]
    assert visitor.get(f"/invitation/{handle}/sign-up").status_code == 404


def test_an_invitation_s_token_is_no_reset_s(house, visitor, link) -> None:
    invitation = make_invitation(house, make_patient(house, given_name="Sam"))
    assert visitor.get(link_of(invitation).replace("/i/", "/r/")).status_code == 404
    assert visitor.get(link.replace("/r/", "/i/")).status_code == 404


@pytest.mark.parametrize(
    "token", ["zq9", "a" * 3000, "qz%2eqz", "<script>", "' OR 1=1", "%F0%9F%92%A9"]
)
def test_tokens_that_are_none(visitor, token: str) -> None:
    answer = visitor.get(f"/r/{token}")
    assert answer.status_code == 404
    assert token not in answer.get_data(as_text=True)


def test_no_address_is_taken_from_the_request(visitor, link) -> None:
    door = open_reset(visitor, link)
    before = len(db.session.scalars(select(OutboxMessage)).all())
    visitor.post(door, password=NEW, email="thief@example.org")
    visitor.post(f"{door}/identity", ssn=RIGHT_SSN, email="thief@example.org")
    mails = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()[before:]
    assert [mail.address for mail in mails] == ["jenny@example.com"]
    assert visitor.post(door, password=[NEW, NEW]).status_code == 400


def test_spanish(app, house, link, visitor) -> None:
    door = open_reset(visitor, link)
    page = visitor.get(f"{door}?lang=es")
    assert 'lang="es"' in page.get_data(as_text=True)


def test_the_code_for_a_changed_address_is_entered_at_home(house, jenny, visitor, moment) -> None:
    from portal.accounts import email_codes

    visitor.log_on("jenny.h")
    assert "Confirm your email address" not in text(visitor.get("/home"))
    people.edit(
        patient=db.session.get_one(Patient, jenny.id),
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )
    page = text(visitor.get("/home"))
    assert "now has new@example.com on file for Jenny H." in page
    confirmation = email_codes.open_confirmation(
        account_of(jenny), now=moment.now, patient_id=jenny.id
    )
    code = email_codes.code_of(confirmation)
    wrong = visitor.post("/home/confirm-email", person=jenny.public_id, code="00000000")
    assert wrong.status_code == 422
    assert "This is not the code that we sent." in text(wrong)
    assert visitor.post("/home/confirm-email", person="nobody", code=code).status_code == 404
    assert visitor.post("/home/resend-code", person=jenny.public_id).status_code == 303
    newer = email_codes.code_of(
        email_codes.open_confirmation(account_of(jenny), now=moment.now, patient_id=jenny.id)
    )
    assert newer != code
    answer = visitor.post("/home/confirm-email", person=jenny.public_id, code=newer)
    page = text(visitor.follow(answer))
    assert "Your email address is confirmed." in page
    assert "Confirm your email address" not in page
    assert "new@example.com" in page


def test_the_password_is_nowhere_in_clear(link, visitor) -> None:
    visitor.post(to_identity(visitor, link), ssn=RIGHT_SSN)
    for table in db.metadata.sorted_tables:
        told = repr(db.session.execute(select(table)).all())
        assert NEW not in told, table.name
        assert PASSWORD not in told, table.name
        assert link.rsplit("/", 1)[1] not in told, table.name
