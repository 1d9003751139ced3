"""Patient messaging (3.6): what is offered in each state, the preview, sending, and standing on another page."""

from __future__ import annotations

import html
import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.people import service as people
from tests.doors import sign_up
from tests.factories import make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, markup, status_region, text

VISIT = "/staff/schedule/visits/abc"
SEND, RESEND = "Send patient portal invite", "Re-send patient portal invite"


def path(patient: Any, act: str = "") -> str:
    return f"/staff/patients/{patient.public_id}/messaging{act}"


def hidden_fields(answer: Any) -> dict[str, str]:
    """Of the form that sends."""
    form = re.search(r'<form[^>]*action="[^"]*/messaging/send".*?</form>', markup(answer), re.S)
    assert form, "no form"
    inputs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    fields = {name: html.unescape(value) for name, value in inputs if name != "csrf_token"}
    return fields | {"template": "invitation"}


def mails() -> list[OutboxMessage]:
    db.session.rollback()
    return list(db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))


@pytest.mark.parametrize("htmx", [True, False])
def test_who_is_not_registered_is_enabled_and_invited_by_one_click(
    clerk: Any, jenny: Any, htmx: bool
) -> None:
    page = clerk.get(path(jenny))
    assert SEND in text(page)
    assert RESEND not in text(page)
    answer = clerk.post(path(jenny, "/send"), htmx=htmx, **hidden_fields(page))
    if htmx:
        assert status_region(answer) == "Invited Jenny H. Link expires Nov 28, 2026."
        assert answer.headers["HX-Retarget"] == "#messaging"
        assert 'id="chart-status"' in markup(answer)
    else:
        answer = clerk.follow(answer)
        assert "Invited Jenny H. Link expires Nov 28, 2026." in text(answer)
    assert RESEND in text(answer)
    assert [m.address for m in mails()] == ["jenny@example.com"]


def test_two_clicks_send_one_mail(clerk: Any, jenny: Any) -> None:
    fields = hidden_fields(clerk.get(path(jenny)))
    for _ in range(2):
        assert clerk.post(path(jenny, "/send"), htmx=True, **fields).status_code == 200
    assert len(mails()) == 1


@pytest.mark.parametrize("days", [0, 9])
def test_pending_or_expired_it_is_sent_again(
    app: Any, house: Any, jenny: Any, moment: Any, days: int
) -> None:
    make_invitation(house, jenny)
    moment.pass_(days=days, minutes=2)
    clerk = Clerk(app, house.front_desk)
    page = clerk.get(path(jenny))
    assert RESEND in text(page)
    assert ("The invitation has expired" in text(page)) is bool(days)
    fields = hidden_fields(page)
    told = clerk.post(path(jenny, "/send"), htmx=True, **fields)
    assert status_region(told).startswith("Sent a new invitation to Jenny H.")
    moment.pass_(seconds=1)
    again = clerk.post(path(jenny, "/send"), htmx=True, **fields)
    assert status_region(again).startswith("Nothing was sent: Jenny H. got a newer invitation")
    assert len(mails()) == 2


def test_who_was_enabled_and_not_invited_gets_the_invitation(clerk: Any, gray: Any) -> None:
    page = clerk.get(path(gray))
    assert "An invitation goes to jenny@example.com" in text(page)
    clerk.post(path(gray, "/send"), htmx=True, **hidden_fields(page))
    assert len(mails()) == 1


def test_who_is_registered_is_told_since_when_and_nothing_is_offered(
    app: Any, clerk: Any, house: Any, jenny: Any
) -> None:
    sign_up(app, make_invitation(house, jenny), username="jenny.h")
    page = clerk.get(path(jenny))
    assert "The patient is registered Registered since November 21, 2026." in text(page)
    assert "messaging/send" not in markup(page)
    assert not re.search(r">\s*(Re-send|Send) patient", markup(page))


def test_the_address_sent_to_is_the_address_shown(
    clerk: Any, house: Any, jenny: Any, moment: Any
) -> None:
    fields = hidden_fields(clerk.get(path(jenny)))
    people.edit(
        patient=jenny,
        values={"email": "other@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )
    before = len(mails())
    answer = clerk.post(path(jenny, "/send"), htmx=True, **fields)
    assert answer.status_code == 409
    assert "changed since this page was drawn" in status_region(answer, "alert")
    assert hidden_fields(answer)["address"] == "other@example.com"
    assert len(mails()) == before
    assert access.current_grant(jenny.id) is None


def test_the_preview_sends_nothing_and_its_frame_can_do_nothing(clerk: Any, jenny: Any) -> None:
    page = clerk.get(path(jenny))
    shown = clerk.post(path(jenny, "/preview"), htmx=True, **hidden_fields(page))
    assert mails() == []
    frame = re.search(r'<iframe src="([^"]+)"[^>]* sandbox>', markup(shown))
    assert frame
    in_frame = clerk.get(html.unescape(frame[1]))
    csp = in_frame.headers["Content-Security-Policy"]
    assert "default-src 'none'" in csp
    assert "sandbox" in csp
    assert "script-src" not in csp
    assert "Sign Up Now" in markup(in_frame)


def test_an_unknown_template_is_not_there(clerk: Any, jenny: Any) -> None:
    fields = hidden_fields(clerk.get(path(jenny))) | {"template": "../secret"}
    assert clerk.post(path(jenny, "/preview"), **fields).status_code == 404
    assert clerk.post(path(jenny, "/send"), **fields).status_code == 404
    assert mails() == []


def test_it_leads_back_to_the_page_it_stands_on(clerk: Any, jenny: Any) -> None:
    fields = hidden_fields(clerk.get(path(jenny))) | {"to": VISIT}
    shown = clerk.post(path(jenny, "/preview"), htmx=True, **fields)
    assert hidden_fields(shown)["to"] == VISIT
    assert 'id="chart-status"' not in markup(shown)
    answer = clerk.post(path(jenny, "/send"), **fields)
    assert answer.headers["Location"] == VISIT


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/login", ""])
def test_it_leads_nowhere_else(clerk: Any, jenny: Any, elsewhere: str) -> None:
    fields = hidden_fields(clerk.get(path(jenny))) | {"to": elsewhere}
    answer = clerk.post(path(jenny, "/send"), **fields)
    assert answer.headers["Location"] == path(jenny)


def test_what_is_missing_is_asked_for_in_place(clerk: Any, house: Any) -> None:
    patient = make_patient(house, email=None)
    page = clerk.get(path(patient))
    found = re.search(r'href="([^"]+/messaging/identifiers[^"]*)"', markup(page))
    assert found
    address = html.unescape(found[1])
    assert "Missing Identifiers for Jenny (Jen) Harris" in text(clerk.get(address, htmx=True))
    answer = clerk.post(address, htmx=True, email="new@example.com", to=path(patient))
    assert status_region(answer) == "Saved identifiers of Jenny H."
    assert hidden_fields(answer)["address"] == "new@example.com"


def test_what_stands_in_the_way_is_said(clerk: Any, house: Any) -> None:
    patient = make_patient(house, end_date=date(2026, 1, 1))
    page = clerk.get(path(patient))
    assert "End-dated Jan 1, 2026" in text(page)
    assert "messaging/send" not in markup(page)
    assert clerk.post(path(patient, "/send"), address=patient.email).status_code == 409
    assert db.session.scalar(select(Invitation.id)) is None


def test_an_account_from_before_is_opened_elsewhere(
    app: Any, clerk: Any, house: Any, jenny: Any, moment: Any
) -> None:
    sign_up(app, make_invitation(house, jenny), username="jenny.h")
    grant = access.current_grant(jenny.id)
    assert grant is not None
    invitations.end_access(
        patient=jenny, grant_public_id=grant.public_id, expect=access.EndReason.DISABLED,
        by=house.hand, now=moment.now,
    )  # fmt: skip
    page = clerk.get(path(jenny))
    assert "There is an account from before." in text(page)
    assert "messaging/send" not in markup(page)


def test_the_notice_comes_first_and_leads_back(newcomer: Any, jenny: Any) -> None:
    fields = hidden_fields(newcomer.get(path(jenny)))
    asked = newcomer.post(path(jenny, "/send"), **fields)
    assert "keep patients’ records confidential" in text(asked)
    assert f'href="{path(jenny)}"' in markup(asked)
    assert mails() == []
    answer = newcomer.post(path(jenny, "/send"), notice_read="1", **fields)
    assert answer.status_code == 303
    assert len(mails()) == 1


def test_how_a_patient_registers_is_explained(clerk: Any, jenny: Any) -> None:
    assert 'href="/staff/how-a-patient-registers"' in markup(clerk.get(path(jenny)))
    assert "Connect with Family Practice" in text(clerk.get("/staff/how-a-patient-registers"))
