"""Staff see on Patient messaging what went out by itself, what will, and why something did not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from portal.outreach import sending
from portal.people import service as people
from tests.factories import make_patient
from tests.integration.outreach import diary
from tests.integration.staff.clerk import Clerk, text


def test_what_went_out_by_itself_is_listed(app: Any, house: Any, moment: Any) -> None:
    patient = make_patient(house)
    diary.book(house, patient, moment.now + timedelta(days=3))
    sending.send_due(within=60)
    clerk, path = Clerk(app, house.front_desk), f"/staff/patients/{patient.public_id}/messaging"
    page = text(clerk.get(path))
    day = "November 24, 2026, 12:00 p.m."
    assert f"Confirmation {day} Sent November 21, 2026, 12:00 p.m., with an invitation" in page
    assert f"Reminder {day} Goes out November 23, 2026, 12:00 p.m." in page

    diary.switch(house.practice, reminder_mails=False)
    assert "Goes out" not in text(clerk.get(path))

    diary.switch(house.practice, reminder_mails=True)
    people.set_opted_out(patient=patient, opted_out=True, by=house.hand, now=moment.now)
    moment.pass_(days=2)
    sending.send_due(within=60)
    clerk = Clerk(app, house.front_desk)
    assert f"Reminder {day} Not sent: Opted out" in text(clerk.get(path))


def test_nothing_is_said_where_nothing_was_planned_or_all_is_off(
    app: Any, house: Any, moment: Any
) -> None:
    diary.switch(house.practice, **dict.fromkeys(diary.ALL_ON, False))
    patient = make_patient(house)
    clerk, path = Clerk(app, house.front_desk), f"/staff/patients/{patient.public_id}/messaging"
    assert "Automatic emails" not in text(clerk.get(path))
    diary.book(house, patient, moment.now + timedelta(days=3))
    sending.send_due(within=60)
    assert "Automatic emails" not in text(clerk.get(path))
