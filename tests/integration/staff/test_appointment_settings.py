"""The tab Appointments of Portal settings (4.3, 6.1, 6.3)."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.errors import Refused
from portal.extensions import db
from portal.practices import settings as tabs_of
from portal.practices.models import Practice
from portal.practices.settings import Appointments
from portal.schedule.models import AppointmentNotice
from tests.factories import SETUP, make_patient
from tests.integration.outreach import diary
from tests.integration.staff.clerk import Clerk, audited, field, markup, text

PATH = "/staff/settings/appointments"
HOURS = "appointment_reminder_hours"


def typed(page: Any) -> dict[str, str]:
    """What the form would send back unchanged."""
    fields = {name: field(page, name) for name in ("was", HOURS, "quiet_from", "quiet_until")}
    ticked = re.findall(r'<input[^>]* checked\b[^>]* name="([^"]+)"', markup(page))
    return fields | dict.fromkeys(ticked, "y")


def practice() -> Practice:
    db.session.rollback()
    return db.session.scalars(select(Practice)).one()


def test_the_tabs_stand_in_their_order(admin: Clerk) -> None:
    tabs = re.findall(r'href="/staff/settings/(\w+)"', markup(admin.get(PATH)))
    assert tabs == ["doctor", "appointments", "communication", "style", "lists"]


def test_everything_is_off_but_what_patients_see(admin: Clerk) -> None:
    shown = typed(admin.get(PATH))
    assert {name for name in shown if name not in {"was"}} == {
        HOURS, "quiet_from", "quiet_until", "portal_appointments",
    }  # fmt: skip
    assert (shown[HOURS], shown["quiet_from"], shown["quiet_until"]) == ("24", "21:00", "08:00")


def test_it_is_saved_and_said(admin: Clerk) -> None:
    fields = typed(admin.get(PATH)) | {"reminder_mails": "y", HOURS: "48", "quiet_from": "20:30"}
    del fields["portal_appointments"]
    page = admin.follow(admin.post(PATH, **fields))
    held = practice()
    assert (held.reminder_mails, held.appointment_reminder_hours, held.quiet_from) == (
        True,
        48,
        1230,
    )
    assert not held.portal_appointments
    assert (
        "Saved: Remind of each appointment by email, Hours before the appointment, Quiet from"
        in text(page)
    )
    [event] = audited("practice.settings_changed")
    assert event.data["tab"] == "appointments"
    assert set(event.data["fields"]) == {
        "reminder_mails",
        HOURS,
        "quiet_from",
        "portal_appointments",
    }


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (HOURS, "0", "Enter a whole number from 1 to 168."),
        (HOURS, "169", "Enter a whole number from 1 to 168."),
        (HOURS, "", "Enter a number of hours."),
        ("quiet_from", "25:00", "Enter a time of day such as 21:00."),
        ("quiet_from", "9", "Enter a time of day such as 21:00."),
        ("quiet_until", "", "Enter a time of day."),
    ],
)
def test_what_cannot_be_is_refused_and_kept(
    admin: Clerk, name: str, value: str, sentence: str
) -> None:
    answer = admin.post(PATH, **(typed(admin.get(PATH)) | {name: value, "reminder_mails": "y"}))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert typed(answer)["reminder_mails"] == "y"
    assert not practice().reminder_mails


def test_somebody_else_saved_meanwhile(admin: Clerk, house: Any) -> None:
    fields = typed(admin.get(PATH))
    admin.post(PATH, **(fields | {"reminder_mails": "y"}))
    answer = admin.post(PATH, **(fields | {HOURS: "12"}))
    assert answer.status_code == 409
    assert "Remind of each appointment by email On" in text(answer)
    assert practice().appointment_reminder_hours == 24
    now = typed(answer)
    assert (now[HOURS], now["reminder_mails"]) == ("12", "y")
    assert admin.post(PATH, **now).status_code == 303
    assert (practice().appointment_reminder_hours, practice().reminder_mails) == (12, True)


def test_reminders_that_wait_go_by_the_new_hours(admin: Clerk, house: Any, moment: Any) -> None:
    soon = diary.book(house, make_patient(house), moment.now + timedelta(hours=30))
    later = diary.book(house, make_patient(house), moment.now + timedelta(days=5))
    starts = {soon.id: soon.starts_at, later.id: later.starts_at}
    assert "Reminders that wait for their time 2" in text(admin.get(PATH))
    admin.post(PATH, **(typed(admin.get(PATH)) | {HOURS: "48"}))
    due = dict(
        db.session.execute(
            select(AppointmentNotice.appointment_id, AppointmentNotice.due_at).where(
                AppointmentNotice.kind == "reminder"
            )
        ).all()
    )
    assert due[later.id] == starts[later.id] - timedelta(hours=48)
    # its new time has passed: a setting mails nobody at once
    assert due[soon.id] == starts[soon.id] - timedelta(hours=24)


def test_the_service_refuses_what_the_page_would(house: Any, moment: Any) -> None:
    held = Appointments.of(house.practice)
    for name, value, code in ((HOURS, 0, HOURS), ("quiet_from", 1440, "quiet_hours")):
        with pytest.raises(Refused) as refused:
            tabs_of.change_appointments(
                practice_id=house.practice.id,
                wanted=replace(held, **{name: value}),
                seen=held,
                by=SETUP,
                now=moment.now,
            )
        assert refused.value.code == code


def test_only_administrators_change_it(app: Any, house: Any) -> None:
    assert Clerk(app, house.front_desk).get(PATH).status_code == 403
