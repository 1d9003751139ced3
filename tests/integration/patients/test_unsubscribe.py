"""List-Unsubscribe: looking changes nothing, one POST opts the chart out (2.6, RFC 8058)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.invitations import reminders
from portal.mail import unsubscribe
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from tests.doors import log_on_staff
from tests.factories import make_house, make_invitation
from tests.integration.mail.test_bounces import everything, lines

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def reminded(app, moment):
    """A patient who got a reminder, and the path of its link."""
    house = make_house()
    invitation = make_invitation(house)
    moment.now = invitation.expires_at - timedelta(days=2)
    reminders.remind_due(moment.now)
    message = db.session.scalars(
        select(OutboxMessage).where(OutboxMessage.purpose == "invitation_reminder")
    ).one()
    reminded.house = house
    return invitation, unsubscribe.link(message.public_id).removeprefix("http://127.0.0.1:8000")


def opted_out(invitation) -> bool:
    db.session.rollback()
    return db.session.get_one(Patient, invitation.patient_id).opted_out_at is not None


def test_looking_changes_nothing_and_names_nobody(client, reminded) -> None:
    invitation, path = reminded
    before = everything()
    for method in ("GET", "HEAD"):
        answer = client.open(path, method=method)
        assert answer.status_code == 200
    page = client.get(path).text
    assert everything() == before
    assert "Jenny H." in page
    assert "Harris" not in page
    assert invitation.email not in page
    assert "Stop invitations" in page


@pytest.mark.parametrize("data", [ONE_CLICK, {}])
def test_a_post_opts_out_once(client, reminded, moment, data) -> None:
    invitation, path = reminded
    for _ in range(2):
        answer = client.post(path, data=data)
        assert answer.status_code == 200
        assert "You will get no more invitations" in answer.text
        moment.pass_(minutes=1)
    assert opted_out(invitation)
    events = db.session.scalars(
        select(AuditEvent).where(AuditEvent.event == "patient.opted_out")
    ).all()
    assert [(row.actor_kind, row.data, row.client) for row in events] == [
        ("link", {"reason": "unsubscribed"}, "127.0.0.1")
    ]
    assert lines(invitation)[-1] == "unsubscribed"


def test_a_mail_program_has_no_page_of_ours(app, reminded, monkeypatch) -> None:
    invitation, path = reminded
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    assert app.test_client().post(path, data=ONE_CLICK).status_code == 200
    assert opted_out(invitation)


def test_a_forged_link_does_nothing(client, reminded) -> None:
    invitation, path = reminded
    flipped = path[:-1] + ("A" if path[-1] != "A" else "B")
    for wrong in (flipped, path[:-1], path + "A", path[:25], "/u/x", "/u/%00", "/u/" + "ü" * 46):
        assert client.get(wrong).status_code == 404
        assert client.post(wrong, data=ONE_CLICK).status_code == 404
    assert not opted_out(invitation)


def test_staff_see_it_and_undo_it_with_a_reason(app, client, reminded) -> None:
    invitation, path = reminded
    client.post(path, data=ONE_CLICK)
    desk = log_on_staff(app, reminded_house(invitation))
    patient = db.session.get_one(Patient, invitation.patient_id)
    page = desk.get(f"/staff/patients/{patient.public_id}/portal-access").text
    assert "Opted out by the link in the mail" in page
    assert "Opted out" in desk.get(f"/staff/patients/{patient.public_id}").text


def reminded_house(_invitation):
    return reminded.house.front_desk


def test_in_spanish(client, reminded) -> None:
    _, path = reminded
    page = client.get(f"{path}?lang=es").text
    assert "Stop invitations" not in page
    assert 'lang="es"' in page
