"""Portal settings, the tab Style, and what the service and the database refuse whoever asks (6.1)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from portal.errors import Refused
from portal.practices import settings as tabs_of
from portal.transaction import atomic
from tests.factories import SETUP
from tests.integration.staff.clerk import Clerk, audited, field, markup, text
from tests.integration.staff.setting_up import (
    STYLE,
    practice,
    typed_from,
)


def style(clerk: Clerk) -> dict[str, str]:
    return typed_from(clerk.get(STYLE), "mail_colour", "picked")


def test_a_colour_is_saved_and_the_usual_one_is_no_choice(admin) -> None:
    page = admin.follow(admin.post(STYLE, **style(admin) | {"mail_colour": "7A1F4E"}))
    assert practice().mail_colour == "#7a1f4e"
    assert field(page, "picked") == "#7a1f4e"
    assert 'fill="#7a1f4e"' in markup(page)
    admin.follow(admin.post(STYLE, **style(admin) | {"mail_colour": "#1f4e79"}))
    assert practice().mail_colour is None
    assert [event.data["fields"] for event in audited("practice.settings_changed")] == [
        ["mail_colour"]
    ] * 2


def test_without_a_script_the_box_that_was_touched_counts(admin) -> None:
    admin.follow(admin.post(STYLE, **style(admin) | {"picked": "#0b6623"}))
    assert practice().mail_colour == "#0b6623"


def test_a_pale_colour_is_refused_and_the_nearest_that_works_is_one_press_away(admin) -> None:
    answer = admin.post(STYLE, **style(admin) | {"mail_colour": "#ffcc00"})
    assert answer.status_code == 422
    offered = re.search(r'name="offered" value="(#[0-9a-f]{6})"', markup(answer))
    assert offered
    assert "White words on #ffcc00 would be hard to read." in text(answer)
    again = {"was": field(answer, "was"), "mail_colour": "#ffcc00", "picked": "#ffcc00"}
    admin.follow(admin.post(STYLE, **again, offered=offered[1]))
    assert practice().mail_colour == offered[1]


@pytest.mark.parametrize("typed", ["red", "#12", "#1234567", "#12345g", "", "url(x)", "#000;}"])
def test_what_is_no_colour_is_refused(admin, typed) -> None:
    full = style(admin) | {"mail_colour": typed}
    if not typed:
        full["picked"] = ""
    answer = admin.post(STYLE, **full)
    assert answer.status_code == 422
    assert practice().mail_colour is None


def test_two_at_once_on_the_style_tab(admin) -> None:
    mine = style(admin)
    admin.follow(admin.post(STYLE, **style(admin) | {"mail_colour": "#0b6623"}))
    answer = admin.post(STYLE, **mine | {"mail_colour": "#7a1f4e"})
    assert answer.status_code == 409
    assert "Color of emails #0b6623" in text(answer)
    assert field(answer, "mail_colour") == "#7a1f4e"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"invitation_days": 0}, "invitation_days"),
        ({"invitation_days": 31}, "invitation_days"),
        ({"reminder_days": -1}, "reminder_days"),
        ({"reminder_days": 7}, "reminder_days"),
        ({"sender_name": "Clinic\x85Bcc: evil@example.com"}, "not_one_line"),
        ({"reply_to_email": "a@example.com\r\nBcc: b@example.com"}, "not_one_line"),
        ({"no_reply_email": "a@example.com\u2028"}, "not_one_line"),
    ],
)
def test_the_service_refuses_too(house, moment, values, code) -> None:
    held = tabs_of.Communication.of(house.practice)
    with pytest.raises(Refused) as caught:
        tabs_of.change_communication(
            practice_id=house.practice.id, wanted=replace(held, **values), seen=held, by=SETUP, now=moment.now
        )  # fmt: skip
    assert caught.value.code == code
    assert audited("practice.settings_changed") == []


def test_the_service_refuses_a_pale_colour(house, moment) -> None:
    with pytest.raises(Refused):
        tabs_of.change_style(
            practice_id=house.practice.id,
            wanted=tabs_of.Style("#ffffff"),
            seen=tabs_of.Style(None),
            by=SETUP,
            now=moment.now,
        )


def test_the_database_refuses_a_reminder_after_the_end(house) -> None:
    with pytest.raises(IntegrityError), atomic():
        house.practice.reminder_days = 7
