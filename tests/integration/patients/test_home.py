"""The home page, and confirming an email address by code (8.3, 8.10)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts import email_codes
from portal.accounts.models import EmailConfirmation
from portal.extensions import db
from portal.mail.models import OutboxMessage
from tests.factories import make_house, make_invitation
from tests.integration.patients.visitor import Visitor, accounts, text, title


@pytest.fixture
def visitor(app, moment) -> Visitor:
    """Jenny at home; she signed up with an address that is not the one on file."""
    visitor = Visitor(app)
    visitor.register(make_invitation(make_house()), email="private@example.org")
    return visitor


def codes() -> list[EmailConfirmation]:
    db.session.rollback()
    return list(db.session.scalars(select(EmailConfirmation).order_by(EmailConfirmation.id)))


def mails() -> list[OutboxMessage]:
    db.session.rollback()
    return list(
        db.session.scalars(
            select(OutboxMessage).where(OutboxMessage.purpose == email_codes.PURPOSE)
        )
    )


def test_home_shows_what_is_there_and_no_more(visitor) -> None:
    page = visitor.get("/home")
    said = text(page)
    for words in (
        "Hello, Jenny",
        "Jenny Harris",
        "Family Practice",
        "Dr. Who",
        "(617) 555-0100",
        "jenny.h",
    ):
        assert words in said
    assert "Jenny" not in title(page)
    for unbuilt in ("Appointments", "Messages", "Intake forms", "Caregivers"):
        assert unbuilt not in said
    assert page.headers["Cache-Control"] == "no-store"


def test_the_address_of_the_link_needs_no_code(app, moment) -> None:
    invitation = make_invitation(make_house())
    visitor = Visitor(app)
    visitor.register(invitation, email=invitation.email.upper())
    assert "Confirm your email address" not in text(visitor.get("/home"))
    assert mails() == []


def test_another_address_is_confirmed_by_the_code_that_went_there(visitor) -> None:
    assert "Confirm your email address" in text(visitor.get("/home"))
    assert [mail.address for mail in mails()] == ["private@example.org"]
    assert "eight digits" in text(visitor.post("/home/confirm-email", code="12"))
    code = email_codes.code_of(codes()[0])
    wrong = visitor.post("/home/confirm-email", code=f"{(int(code) + 1) % 10**8:08d}")
    assert wrong.status_code == 422
    assert title(wrong).startswith("Error: ")
    assert "not the code that we sent" in text(wrong)
    answer = visitor.post("/home/confirm-email", code=f"{code[:4]} {code[4:]}")
    assert answer.headers["Location"] == "/home"
    said = text(visitor.follow(answer))
    assert "Your email address is confirmed" in said
    assert "Confirm your email address" not in said
    assert accounts()[0].email_confirmed_at is not None


def test_five_wrong_codes_and_then_a_new_one(visitor) -> None:
    for _ in range(5):
        visitor.post("/home/confirm-email", code="00000000")
    right = email_codes.code_of(codes()[0])
    answer = visitor.post("/home/confirm-email", code=right)
    assert answer.status_code == 422
    assert "not good any more" in text(answer)
    visitor.post("/home/resend-code")
    fresh = email_codes.code_of(codes()[-1])
    assert visitor.post("/home/confirm-email", code=fresh).status_code == 303


def test_three_codes_an_hour_and_the_last_one_stays_good(visitor, moment) -> None:
    said = {text(visitor.follow(visitor.post("/home/resend-code"))) for _ in range(6)}
    assert len(said) == 1
    assert len(mails()) == 3
    assert len(codes()) == 3, "a code that is not mailed would kill the one that was"
    last = email_codes.code_of(codes()[-1])
    assert visitor.post("/home/confirm-email", code=last).status_code == 303


def test_home_needs_a_log_on(app, moment) -> None:
    stranger = Visitor(app)
    assert stranger.get("/home").headers["Location"] == "/login?next=/home"
    for path in ("/home/confirm-email", "/home/resend-code", "/logout"):
        assert stranger.post(path).headers["Location"] == "/login"
