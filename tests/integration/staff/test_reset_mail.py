"""**Send Invite to ADDRESS** for who has an account: a reset email, to the address that was shown (5.2, 5.4, 3.7)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts import resets
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from tests.integration.staff.clerk import Clerk, field, markup, status_region, text
from tests.resets import make_active

SENDS = "Send Invite to jenny@example.com"


@pytest.fixture
def jenny(app, house) -> Patient:
    return make_active(app, house, email="jenny@example.com")


def send(clerk: Clerk, patient: Patient, *, htmx: bool = True, **fields: str):
    typed = {"address": "jenny@example.com", "reset": ""}
    return clerk.post(f"/staff/onboarding/{patient.public_id}/send", htmx=htmx, **(typed | fields))


def mails() -> list[str]:
    query = select(OutboxMessage.address).where(OutboxMessage.purpose == resets.PURPOSE)
    return list(db.session.scalars(query))


def test_the_list_offers_it_with_the_usual_label(clerk, jenny) -> None:
    page = clerk.get("/staff/onboarding")
    assert SENDS in text(page)
    assert "Has an account: a reset email goes out" in text(page)
    assert field(page, "reset") == ""


def test_it_sends_and_says_so_and_the_chart_tells_of_it(clerk, jenny) -> None:
    answer = send(clerk, jenny)
    assert status_region(answer) == "Sent a reset email to Jenny H. Its link works for one hour."
    assert mails() == ["jenny@example.com"]
    assert SENDS in text(answer)
    page = text(clerk.access(jenny))
    assert "Reset email queued By: James Smith" in page


def test_a_double_click_sends_one(clerk, jenny, moment) -> None:
    send(clerk, jenny)
    moment.pass_(seconds=1)
    answer = send(clerk, jenny)
    assert "got a newer reset email already" in status_region(answer)
    assert len(mails()) == 1
    newest = resets.newest_of([jenny.id])[jenny.id].public_id
    assert f'value="{newest}"' in markup(answer)


def test_without_javascript(clerk, jenny) -> None:
    answer = send(clerk, jenny, htmx=False, back="pill=active")
    assert "pill=active" in answer.headers["Location"]
    assert "Sent a reset email to Jenny H." in text(clerk.follow(answer))


def test_another_address_than_the_one_shown_gets_nothing(clerk, jenny) -> None:
    answer = send(clerk, jenny, address="old@example.com")
    assert answer.status_code == 409
    assert "Nothing was done." in status_region(answer, "alert")
    assert mails() == []


def test_who_opted_out_gets_none(clerk, house, jenny, moment) -> None:
    people.set_opted_out(patient=jenny, opted_out=True, by=house.hand, now=moment.now)
    assert send(clerk, jenny).status_code == 409
    assert mails() == []
    assert SENDS not in text(clerk.get("/staff/onboarding"))


def test_after_an_email_change_the_row_says_what_it_waits_for(clerk, house, jenny, moment) -> None:
    people.edit(
        patient=jenny,
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )
    page = text(clerk.get("/staff/onboarding"))
    assert "The email on file changed: resets wait until November 22, 2026, 12:00 p.m." in page
    answer = send(clerk, jenny, address="new@example.com")
    assert answer.status_code == 409
    assert "wait for 24 hours" in status_region(answer, "alert")
    moment.pass_(hours=24)
    clerk = Clerk(clerk.client.application, house.front_desk)
    assert "New email not confirmed yet" in text(clerk.get("/staff/onboarding"))
    answer = send(clerk, jenny, address="new@example.com")
    assert "has not confirmed the new email yet" in status_region(answer, "alert")
    assert "Code sent to the new email" in text(clerk.access(jenny))
    assert mails() == []


def test_the_notice_comes_first(newcomer, jenny) -> None:
    answer = send(newcomer, jenny)
    assert "Before you invite" in text(answer)
    assert mails() == []
    send(newcomer, jenny, notice_read="1")
    assert len(mails()) == 1
