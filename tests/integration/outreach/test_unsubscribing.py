"""No more automatic emails: the link in an appointment's mail, with or without an invitation (2.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal.extensions import db
from portal.mail import unsubscribe
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.registry import tell_returned
from portal.mail.rules import Reason
from portal.outreach import sending
from portal.people.models import Patient
from portal.transaction import atomic
from tests.factories import make_patient
from tests.integration.outreach import diary
from tests.integration.staff.clerk import audited


@pytest.fixture(params=[True, False], ids=["with a link", "without"])
def mailed(request: Any, house: Any, moment: Any) -> Any:
    """A patient, and the message that went to them."""
    diary.switch(house.practice, invite_in_confirmations=request.param)
    patient = make_patient(house)
    diary.book(house, patient, moment.now + timedelta(days=3))
    sending.send_due(within=60)
    [message] = diary.mails()
    return patient, message


def held(patient: Any) -> Patient:
    db.session.rollback()
    return db.session.get_one(Patient, patient.id, populate_existing=True)


def test_looking_changes_nothing_and_a_post_stops_everything(
    client: Any, mailed: Any, moment: Any
) -> None:
    patient, message = mailed
    path = f"/u/{unsubscribe.token(message.public_id)}"
    page = client.get(path)
    assert "for Jenny H." in page.text
    assert held(patient).opted_out_at is None
    for _ in range(2):
        assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert held(patient).opted_out_at == moment.now
    assert len(audited("patient.opted_out")) == 1
    moment.pass_(days=2)
    sending.send_due(within=60)
    assert len(diary.mails()) == 1
    assert ("reminder", "skipped", "opted_out") in diary.planned()


def test_a_link_of_another_mail_leads_nowhere(client: Any, mailed: Any) -> None:
    _, message = mailed
    token = unsubscribe.token(message.public_id)
    forged = token[:-1] + ("x" if token[-1] != "x" else "y")
    assert client.get(f"/u/{forged}").status_code == 404


@pytest.mark.parametrize("meaning", [Meaning.HARD, Meaning.ABUSE])
def test_what_came_back_counts(mailed: Any, moment: Any, meaning: Meaning) -> None:
    patient, message = mailed
    reason = Reason.NO_SUCH_MAILBOX if meaning is Meaning.HARD else None
    reading = Reading(meaning, reason=reason, final=True)
    for _ in range(2):
        with atomic():
            tell_returned(db.session.merge(message), reading, now=moment.now)
    if meaning is Meaning.HARD:
        assert held(patient).email_bounced_at == moment.now
    else:
        assert held(patient).opted_out_at == moment.now
