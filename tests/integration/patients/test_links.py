"""Links: looking uses nothing up, and each dead end has its own kind page (8.2, 8.6; faults.md 7, 10)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from portal.access import service as access
from portal.access.models import EndReason
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState
from portal.logons.models import Logon
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.tokens import link_token
from tests.factories import House, accept_mail, make_house, make_invitation, make_patient
from tests.integration.patients.visitor import (
    WRONG_SSN,
    Visitor,
    accounts,
    lines_of,
    link_of,
    text,
)

SCANNERS = ["Proofpoint URL Defense", "python-requests/2.32", "Mimecast", "", "SafeLinks"]


def end(invitation: Invitation, house: House, moment, reason: EndReason) -> None:
    grant = access.current_grant(invitation.patient_id)
    assert grant is not None
    access.end(grant=grant, reason=reason, by=house.hand, now=moment.now)


def mails_to(invitation: Invitation) -> list[OutboxMessage]:
    db.session.rollback()
    return list(
        db.session.scalars(select(OutboxMessage).where(OutboxMessage.purpose == "invitation"))
    )


def test_twenty_looks_by_scanners_use_nothing_up(app, moment) -> None:
    invitation = make_invitation(make_house())
    link = link_of(invitation)
    for n in range(20):
        scanner = Visitor(app, agent=SCANNERS[n % len(SCANNERS)])
        answer = scanner.head(link) if n % 4 == 3 else scanner.get(link)
        door = answer.headers["Location"]
        for page in ("", "/sign-up", "/log-in", "/identity", "/not-me", "/fresh-link/asked"):
            scanner.get(door + page)
        assert not scanner.at_home()
        moment.pass_(seconds=20)
    assert invitations.state_of_link(invitation, now=moment.now) is LinkState.OPEN
    assert (invitation.state, invitation.identity_failures) == ("live", 0)
    assert accounts() == []
    assert db.session.scalars(select(Logon)).all() == []
    opened = lines_of(invitation.id, "opened")
    assert len(opened) == 7, "one line for each minute"
    assert {line.data["by"] for line in opened} == {"scanner"}
    person = Visitor(app)
    moment.pass_(minutes=1)
    person.register(invitation)
    assert lines_of(invitation.id, "opened")[-1].data["by"] == "person"


def test_the_token_leaves_the_address_at_once(app, moment) -> None:
    invitation = make_invitation(make_house())
    link = link_of(invitation)
    visitor = Visitor(app)
    answer = visitor.get(link)
    door = answer.headers["Location"]
    assert answer.status_code == 303
    assert invitation.public_id not in door
    assert link.removeprefix("/i/") not in door
    assert link.removeprefix("/i/") not in answer.headers["Set-Cookie"]
    page = visitor.follow(answer)
    assert page.status_code == 200
    assert link.removeprefix("/i/") not in page.get_data(as_text=True)
    assert visitor.open(invitation) == door, "the same browser has one door for it"
    assert Visitor(app).open(invitation) != door


@pytest.mark.parametrize("place", ["", "/not-me"])
def test_a_link_that_is_none_of_ours(app, moment, place) -> None:
    good = link_of(make_invitation(make_house()))
    visitor = Visitor(app)
    bodies = set()
    for token in (
        "x",
        "A" * 43,
        "%00",
        "%0d%0aX: y",
        "<img onerror=1>",
        "ü" * 500,
        good[3:-1],
        "{{7*7}}",
    ):
        answer = visitor.get(f"/i/{token}{place}")
        assert answer.status_code == 404, token
        assert "vestibule-door-" not in answer.headers.get("Set-Cookie", "")
        body = answer.get_data(as_text=True)
        bodies.add(re.sub(r'"X-CSRFToken": "[^"]*"', "", body))  # it tells the second
    assert len(bodies) == 1, "one and the same page, and nothing of what was asked in it"


def test_opening_is_not_spoiled_by_a_locked_database(app, moment, monkeypatch) -> None:
    invitation = make_invitation(make_house())

    def locked(*_args: object, **_more: object) -> None:
        raise OperationalError("insert", {}, Exception("database is locked"))

    monkeypatch.setattr(timeline, "observe_opened", locked)
    assert Visitor(app).get(link_of(invitation)).status_code == 303


def test_a_door_needs_the_browser_that_opened_it(app, moment) -> None:
    invitation = make_invitation(make_house())
    door = Visitor(app).open(invitation)
    stranger = Visitor(app)
    for page in ("", "/sign-up", "/log-in", "/identity", "/not-me", "/fresh-link/asked"):
        answer = stranger.get(door + page)
        assert answer.status_code == 404
        assert "Open the link from your email again" in text(answer)
        assert "Jenny" not in text(answer)
    for page in ("/sign-up", "/log-in", "/identity", "/not-me", "/fresh-link", "/log-out"):
        assert stranger.post(door + page).status_code == 404
    assert invitations.state_of_link(invitation, now=moment.now) is LinkState.OPEN


DEAD = {
    "expired": ("This link has expired", True),
    "replaced": ("There is a newer link", True),
    "used": ("You have signed up already", False),
    "used_elsewhere": ("You have signed up already", False),
    "locked": ("This link is locked", False),
    "revoked": ("This invitation has ended", False),
    "end_dated": ("This invitation has ended", False),
    "not_me": ("This link is closed", False),
}


@pytest.mark.parametrize("how", DEAD)
def test_each_dead_link_says_which_in_kind_words(app, moment, how) -> None:
    house = make_house()
    invitation = make_invitation(house)
    visitor = Visitor(app)
    door = visitor.open(invitation)
    match how:
        case "expired":
            moment.pass_(days=9)
        case "replaced":
            resend(house, invitation, moment)
        case "used":
            Visitor(app).register(invitation)
        case "used_elsewhere":
            Visitor(app).register(resend(house, invitation, moment))
        case "locked":
            other = Visitor(app)
            elsewhere = other.open(invitation)
            other.sign_up(elsewhere)
            for _ in range(5):
                other.verify(elsewhere, WRONG_SSN)
        case "revoked":
            end(invitation, house, moment, EndReason.REVOKED)
        case "end_dated":
            today = moment.now.date()
            people.edit(
                patient=invitation.patient,
                values={"end_date": today},
                by=house.hand,
                now=moment.now,
            )
        case _:
            Visitor(app).post(f"{door}/not-me")
            other = Visitor(app)
            other.post(f"{other.open(invitation)}/not-me")
    said, fresh = DEAD[how]
    for page in ("", "/sign-up", "/log-in", "/identity"):
        answer = visitor.follow(visitor.get(door + page))
        assert answer.status_code == 410
        assert said in text(answer)
        assert "(617) 555-0100" in text(answer)
        assert "Jenny" not in text(answer), "a dead link names nobody"
        assert ("Send me a fresh link" in text(answer)) is fresh
    for page in ("/sign-up", "/log-in", "/identity"):
        assert visitor.follow(visitor.post(door + page, ssn="536904399")).status_code == 410
    assert not visitor.at_home()


def resend(house: House, invitation: Invitation, moment) -> Invitation:
    fresh = invitations.resend(
        patient=invitation.patient, replaces=invitation.public_id, by=house.hand, now=moment.now
    )
    accept_mail(fresh, now=moment.now)
    return fresh


def test_a_fresh_link_goes_to_the_address_on_file_twice_at_most(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    address = invitation.email
    visitor = Visitor(app)
    moment.pass_(days=8)
    door = visitor.open(invitation)
    answers = set()
    for n in range(4):
        answer = visitor.post(f"{door}/fresh-link", email="evil@example.net")
        assert answer.status_code == 303
        answers.add(text(visitor.follow(answer)))
        assert len(mails_to(invitation)) == 1 + min(n + 1, 2)
        moment.pass_(hours=2)
    assert len(answers) == 1, "the same answer for everyone"
    assert {mail.address for mail in mails_to(invitation)} == {address}


@pytest.mark.parametrize("how", ["revoked", "locked", "old", "moved"])
def test_no_fresh_link_where_none_is_due_and_nobody_can_tell(app, moment, how) -> None:
    house = make_house()
    invitation = make_invitation(house)
    visitor = Visitor(app)
    door = visitor.open(invitation)
    match how:
        case "revoked":
            end(invitation, house, moment, EndReason.REVOKED)
        case "locked":
            end(invitation, house, moment, EndReason.IDENTITY_LOCKED)
        case "old":
            moment.pass_(days=31)
        case _:
            moment.pass_(days=8)
            people.set_opted_out(
                patient=invitation.patient, opted_out=True, by=house.hand, now=moment.now
            )
    answer = visitor.post(f"{door}/fresh-link")
    assert answer.headers["Location"] == f"{door}/fresh-link/asked"
    assert "If a fresh link can be sent" in text(visitor.follow(answer))
    assert len(mails_to(invitation)) == 1


def test_the_page_comes_in_the_chart_s_language_until_the_browser_chooses(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house, make_patient(house, language="es"))
    visitor = Visitor(app)
    answer = visitor.get(link_of(invitation))
    assert any("vestibule-language=es" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert '<html lang="es"' in visitor.follow(answer).get_data(as_text=True)
    chooser = Visitor(app)
    chooser.get("/?lang=en")
    assert '<html lang="en"' in chooser.follow(chooser.get(link_of(invitation))).get_data(
        as_text=True
    )


def test_the_front_page_and_how_to_get_an_invitation(app, moment) -> None:
    visitor = Visitor(app)
    front = visitor.get("/")
    assert 'href="/login"' in front.get_data(as_text=True)
    assert 'href="/sign-up"' in front.get_data(as_text=True)
    assert "Activation code" not in text(visitor.get("/sign-up")), "letters come later"


def test_links_opened_at_the_same_moment_do_not_overwrite_each_other(app, moment) -> None:
    house = make_house()
    first, second = make_invitation(house), make_invitation(house)
    ahead, behind = app.test_client(), app.test_client()
    answers = [
        ahead.get(f"/i/{link_token(first.nonce)}"),
        behind.get(f"/i/{link_token(second.nonce)}"),
    ]
    # the browser gets both answers only after it has asked both questions
    browser = app.test_client()
    for answer in answers:
        name, value = answer.headers["Set-Cookie"].split(";")[0].split("=", 1)
        browser.set_cookie(name, value)
    for answer in answers:
        assert browser.get(answer.headers["Location"]).headers["Location"].endswith("/sign-up")


def test_a_dozen_doors_and_the_oldest_is_forgotten(app, moment) -> None:
    house = make_house()
    browser = app.test_client()
    for _ in range(14):
        browser.get(f"/i/{link_token(make_invitation(house).nonce)}")
    kept = [
        cookie for cookie in browser._cookies.values() if cookie.key.startswith("vestibule-door-")
    ]
    assert len(kept) == 12
