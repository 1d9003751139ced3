"""Today: what needs a person (product 3.4, 8.4, 8.13)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy.exc import OperationalError

from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit.actor import system
from portal.extensions import db
from portal.invitations import wrong_person
from portal.invitations.models import Invitation
from portal.logons import service as logons
from portal.transaction import atomic
from tests.factories import House, make_house, make_invitation, make_patient
from tests.integration.staff.clerk import audited, markup, status_region, text


def raise_item(house: House, kind: AttentionKind, moment, **more) -> str:
    patient = make_patient(house, given_name="Nat", family_name="Noor", preferred_name="")
    with atomic():
        attention.raise_item(patient=patient, kind=kind, by=system(), now=moment.now, **more)
    return attention.open_items(practice_id=house.practice.id)[-1].public_id


def test_nothing_waits(clerk) -> None:
    assert "Nothing waits for you" in text(clerk.get("/staff/"))


def test_each_kind_is_told_with_its_time_and_the_way_to_the_chart(clerk, house, moment) -> None:
    raise_item(house, AttentionKind.MAIL_FAILED, moment, reason="no_such_mailbox")
    raise_item(house, AttentionKind.IDENTITY_LOCKED, moment)
    raise_item(house, AttentionKind.NOT_ME, moment)
    page = clerk.get("/staff/")
    words = text(page)
    assert "The invitation was not delivered: Noor, Nat" in words
    assert "The mail server says there is no such mailbox." in words
    assert "Identity check locked: Noor, Nat" in words
    assert "“This is not me”: Noor, Nat" in words
    assert "November 21, 2026, 12:00 p.m." in words
    ways = re.findall(r'href="(/staff/patients/[^"]*/portal-access)"', markup(page))
    assert len(ways) == 3
    assert clerk.get(ways[0]).status_code == 200


def test_what_happens_at_the_patients_door_shows_up(clerk, house, moment) -> None:
    invitation = make_invitation(house, make_patient(house, family_name="Noor"))
    wrong_person.not_me(db.session.get_one(Invitation, invitation.id), by=system(), now=moment.now)
    assert "“This is not me”: Noor, Jenny" in text(clerk.get("/staff/"))


def test_done_takes_the_row_off_the_list_and_says_so(clerk, house, moment) -> None:
    item = raise_item(house, AttentionKind.NOT_ME, moment)
    answer = clerk.post(f"/staff/attention/{item}/done", htmx=True)
    assert "Nothing waits for you" in text(answer)
    assert status_region(answer) == "Done: Nat N. is off the list."
    again = clerk.post(f"/staff/attention/{item}/done", htmx=True)
    assert again.status_code == 200
    assert len(audited("attention.resolved")) == 1


def test_done_without_javascript(clerk, house, moment) -> None:
    item = raise_item(house, AttentionKind.NOT_ME, moment)
    page = clerk.follow(clerk.post(f"/staff/attention/{item}/done"))
    assert "Done: Nat N. is off the list." in text(page)
    assert "Done: Nat N." not in text(clerk.get("/staff/"))


def test_another_practice_s_items_are_not_there(app, clerk, moment) -> None:
    other = make_house("Other Clinic")
    item = raise_item(other, AttentionKind.NOT_ME, moment)
    assert "Noor" not in text(clerk.get("/staff/"))
    assert clerk.post(f"/staff/attention/{item}/done").status_code == 404
    [told] = audited("access.refused")
    assert told.data == {
        "route": "staff.resolve_attention",
        "reason": "other_practice_attention_item",
    }


@pytest.mark.parametrize("htmx", [True, False])
def test_without_a_database_whoever_is_logged_on_is_told_so(clerk, monkeypatch, htmx) -> None:
    """Nothing on the page that says it may ask the database again (faults.md F6)."""

    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the server is gone"))

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(logons, "find", away)
        answer = clerk.get("/staff/", htmx=htmx)
    assert answer.status_code == 503
    assert "Not available right now" in text(answer)
    assert "Log out" not in text(answer)
    assert clerk.get("/staff/").status_code == 200, "nobody is logged off by it"
