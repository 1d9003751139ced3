"""What staff see before it goes, and what goes out by itself, as a mail server receives it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from icalendar import Calendar
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail import delivery
from portal.outreach import sending
from tests.factories import make_house, make_patient
from tests.integration.outreach import diary
from tests.integration.staff.clerk import Clerk, markup

TOKEN = re.compile(r"/i/[\w…-]+")


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_preview_is_what_arrives_but_for_the_link(
    app: Any, moment: Any, smtp: Any, language: str
) -> None:
    house = make_house()
    patient = make_patient(house, language=language)
    clerk, at = Clerk(app, house.front_desk), f"/staff/patients/{patient.public_id}/messaging"
    fields = {"template": "invitation", "address": patient.email}
    shown = markup(clerk.post(f"{at}/preview", htmx=True, **fields))
    framed = markup(clerk.get(f"{at}/mail"))
    assert clerk.post(f"{at}/send", htmx=True, **fields).status_code == 200
    delivery.deliver()
    [received] = smtp.received
    plain = re.search(r"<pre[^>]*>(.*?)</pre>", shown, re.S)
    assert plain
    assert _same(html.unescape(plain[1]), received.body("plain"))
    assert _same(framed.replace('<base target="_blank">', ""), received.body("html"))
    mail = received.message
    for header in (mail["Subject"], mail["To"], mail["From"].addresses[0].addr_spec):
        assert html.escape(str(header)) in shown


def test_a_confirmation_arrives_with_its_file_and_its_invitation_goes_live(
    app: Any, moment: Any, smtp: Any
) -> None:
    house = make_house()
    diary.switch(house.practice, **diary.ALL_ON)
    appointment = diary.book(house, make_patient(house), moment.now + timedelta(days=3))
    public_id = appointment.public_id
    sending.send_due(within=60)
    delivery.deliver()
    [received] = smtp.received
    mail = received.message
    assert mail["Subject"] == "Your appointment with Family Practice"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [file] = list(mail.iter_attachments())
    assert (file.get_content_type(), file.get_filename()) == ("text/calendar", "appointment.ics")
    assert file["Content-Type"].params["method"] == "PUBLISH"
    [event] = Calendar.from_ical(file.get_payload(decode=True)).events
    assert event["UID"].startswith(public_id)
    assert "/i/" in received.body("plain")
    assert "Sign Up Now" in received.body("html")
    assert received.raw.isascii()
    db.session.rollback()
    assert db.session.scalars(select(Invitation.state)).all() == ["live"]


def test_a_refused_address_fails_the_invitation_and_stops_the_reminder(
    app: Any, moment: Any, smtp: Any
) -> None:
    house = make_house()
    diary.switch(house.practice, **diary.ALL_ON)
    diary.book(house, make_patient(house), moment.now + timedelta(days=3))
    sending.send_due(within=60)
    smtp.program("recipient", "550 5.1.1 No such user")
    delivery.deliver()
    db.session.rollback()
    assert db.session.scalars(select(Invitation.state)).all() == ["failed"]
    moment.pass_(days=2)
    sending.send_due(within=60)
    assert ("reminder", "skipped", "bounced") in diary.planned()


def test_what_staff_took_back_in_the_last_moment_is_told_without_the_link(
    app: Any, moment: Any, smtp: Any
) -> None:
    house = make_house()
    diary.switch(house.practice, **diary.ALL_ON)
    patient = make_patient(house)
    diary.book(house, patient, moment.now + timedelta(days=3))
    sending.send_due(within=60)
    grant = access.current_grant(patient.id)
    assert grant is not None
    invitations.end_access(
        patient=patient, grant_public_id=grant.public_id, expect=EndReason.REVOKED,
        by=house.hand, now=moment.now,
    )  # fmt: skip
    delivery.deliver()
    assert smtp.received == []
    delivery.deliver()
    [received] = smtp.received
    assert "/i/" not in received.body("plain")
    assert received.message["Subject"] == "Your appointment with Family Practice"


def _same(one: str, other: str) -> bool:
    one, other = (TOKEN.sub("/i/", text).replace("\r\n", "\n").strip() for text in (one, other))
    assert one == other
    return True
