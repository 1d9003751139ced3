"""The schedule in Chromium: a real export comes in, its patients are invited from the day, the window and the note."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import (
    DESK,
    PHONE,
    PRACTICE,
    SHIFTED_TO,
    Installation,
    Words,
    link_in,
)
from tests.journeys.test_main_job import log_on


@dataclass(frozen=True)
class Visit:
    """One line of a day, as the page names it."""

    day: str
    name: str
    """As in the list: "Mosciski958, Maynard46"."""


@pytest.fixture
def t() -> Words:
    return Words("en")


@pytest.fixture
def desk(contexts: Any, installation: Installation, export: None, t: Words) -> Page:
    page = contexts(viewport=DESK, locale="en")
    log_on(page, installation, t)
    return page


def somebody_without_email(page: Page, installation: Installation) -> Visit:
    """A day with somebody who is not enabled and lacks an email; weeks are looked through from the shift on back."""
    for weeks in range(200):
        week = (
            f"{installation.url}/staff/schedule?day={SHIFTED_TO - timedelta(weeks=weeks)}&view=week"
        )
        days = re.findall(r'<h3><a href="([^"]*)"', page.request.get(week).text())
        for address in days if 'class="at"' in page.request.get(week).text() else ():
            html = page.request.get(installation.url + address).text()
            for row in re.findall(r'<tr id="row-[^"]*">.*?</tr>', html, re.S):
                if "Missing: email" in row:
                    name = re.search(r"</span>([^<]+)</a></td>", row)
                    assert name
                    return Visit(address, name[1].strip())
    raise AssertionError("everybody has an email")


def read_notice(page: Page, t: Words) -> None:
    """Whoever invites for the first time reads it."""
    agree = page.get_by_role("button", name=t("OK"), exact=True)
    done = page.locator("#status p", has_text="Invited")
    expect(agree.or_(done).first).to_be_visible()
    if agree.is_visible():
        agree.click()


def test_from_an_export_to_an_orange_badge_in_place(
    desk: Page, installation: Installation, t: Words
) -> None:
    visit = somebody_without_email(desk, installation)
    desk.goto(installation.url + visit.day)
    row = desk.locator("#schedule tbody tr", has_text=visit.name).first
    row_id = row.get_attribute("id") or ""
    row.locator(".lead a").click()
    window = desk.get_by_role("dialog")
    expect(window.get_by_role("heading", name=t("Schedule Appointment"))).to_be_visible()
    expect(window.get_by_label(t("HIPAA Data Use Agreement"))).to_be_visible()
    expect(window.get_by_text("A scheduled appointment cannot be converted")).to_be_visible()
    # it says what is missing, and takes it above the window, which keeps what was typed in it
    window.get_by_label(t("Notes")).fill("Bring the old x-rays")
    expect(window.get_by_text("Missing: email")).to_be_visible()
    window.get_by_role("link", name="Add what is missing to invite").click()
    expect(desk.get_by_role("dialog")).to_have_count(2)
    above = desk.get_by_role("dialog").last
    above.get_by_label(t("Email"), exact=True).fill("arrow@example.com")
    above.get_by_role("button", name=t("Save Identifiers")).click()
    expect(desk.get_by_role("dialog")).to_have_count(1)
    expect(window.get_by_label(t("Notes"))).to_have_value("Bring the old x-rays")
    arrow = window.get_by_role("button", name="Send portal invitation to")
    expect(arrow).to_be_focused()
    arrow.click()
    read_notice(desk, t)
    expect(window.get_by_role("button", name="Resend portal invitation to")).to_be_visible()
    expect(window.locator(".chip-invited")).to_be_visible()
    expect(desk.locator(f"#{row_id} .chip-invited")).to_have_count(1)  # behind the window, too
    expect(desk.locator("#status")).to_contain_text("Invited")
    # and the window still saves
    window.get_by_role("button", name="Save", exact=True).click()
    expect(desk.get_by_role("dialog")).to_have_count(0)
    expect(desk.locator("#status")).to_contain_text("Saved the appointment of")
    expect(desk.locator(f"#{row_id} .chip-invited")).to_be_visible()
    link = link_in(installation.wait_for_mail("arrow@example.com", PRACTICE))
    assert "/i/" in link


def test_the_arrow_of_a_row_and_the_way_by_keyboard(
    desk: Page, installation: Installation, t: Words
) -> None:
    visit = somebody_without_email(desk, installation)
    desk.goto(installation.url + visit.day)
    row = desk.locator("#schedule tbody tr", has_text=visit.name).first
    row_id = row.get_attribute("id") or ""
    row.get_by_role("link", name="Add what is missing to invite").focus()
    desk.keyboard.press("Enter")
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label(t("Email"), exact=True).fill("row@example.com")
    desk.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    arrow = desk.locator(f"#{row_id}").get_by_role("button", name="Send portal invitation to")
    expect(arrow).to_be_focused()
    desk.keyboard.press("Enter")
    read_notice(desk, t)
    expect(desk.locator(f"#{row_id} .chip-invited")).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(
        desk.locator(f"#{row_id}").get_by_role("button", name="Resend portal invitation to")
    ).to_be_focused()
    # the window opens from the keyboard and gives the focus back
    opener = desk.locator(f"#{row_id} .lead a")
    opener.focus()
    desk.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    desk.keyboard.press("Escape")
    expect(opener).to_be_focused()


def test_the_same_from_the_charting_window_with_preview(
    desk: Page, installation: Installation, t: Words
) -> None:
    visit = somebody_without_email(desk, installation)
    desk.goto(installation.url + visit.day)
    desk.locator("#schedule tbody tr", has_text=visit.name).first.locator(".lead a").click()
    desk.get_by_role("dialog").get_by_role("link", name=t("View Clinical Note")).click()
    desk.get_by_label(t("Visit note")).fill("Lungs clear.")
    desk.get_by_role("button", name=t("Save note")).click()
    expect(desk.locator("#status")).to_contain_text("Saved the visit note of")
    desk.get_by_role("link", name=t("Add missing information")).click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_label(t("Email"), exact=True).fill("note@example.com")
    dialog.get_by_role("button", name=t("Save Identifiers")).click()
    desk.get_by_role("button", name=t("Preview")).click()
    frame = desk.frame_locator("iframe")
    expect(frame.get_by_role("link", name="Sign Up Now")).to_be_visible()
    desk.get_by_role("button", name=t("Send patient portal invite"), exact=True).click()
    read_notice(desk, t)
    expect(desk.get_by_role("button", name=t("Re-send patient portal invite"))).to_be_visible()
    expect(desk.get_by_label(t("Visit note"))).to_have_value("Lungs clear.")
    mail = installation.wait_for_mail("note@example.com", PRACTICE)
    assert link_in(mail)


def test_booked_moved_and_cancelled_in_place_on_a_phone(
    contexts: Any, installation: Installation, export: None, t: Words
) -> None:
    page = contexts(viewport=PHONE, locale="en", has_touch=True, is_mobile=True)
    log_on(page, installation, t)
    page.goto(f"{installation.url}/staff/schedule?day=2029-03-10")
    page.locator("#new-appointment").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("searchbox", name=t("Patient")).fill("maynard")
    dialog.locator("#patient-choices a").first.click()
    dialog.get_by_label(t("Time")).fill("09:00")
    dialog.get_by_role("button", name=t("Book appointment")).click()
    expect(dialog).to_have_count(0)
    expect(page.locator("#status")).to_contain_text("Booked")
    row = page.locator("#schedule tbody tr").first
    expect(row).to_contain_text("9:00 a.m.")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    row.locator(".lead a").click()
    dialog.get_by_label(t("Time")).fill("10:30")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#status")).to_contain_text("Moved the appointment of")
    expect(row).to_contain_text("10:30 a.m.")
    row.locator(".lead a").click()
    dialog.get_by_role("button", name=t("Cancel appointment")).click()
    expect(page.locator("#status")).to_contain_text("Cancelled the appointment of")
    page.get_by_role("button", name=t("Undo")).click()
    expect(page.locator("#status")).to_contain_text("Reopened the appointment of")
    # a day on which the clocks skip the hour
    page.goto(f"{installation.url}/staff/schedule?day=2029-03-11")
    page.locator("#new-here").click()
    dialog.get_by_role("searchbox", name=t("Patient")).fill("maynard")
    dialog.locator("#patient-choices a").first.click()
    dialog.get_by_label(t("Time")).fill("02:30")
    dialog.get_by_role("button", name=t("Book appointment")).click()
    expect(dialog.locator("#error-summary")).to_contain_text("The next time there is: 3:00 a.m.")


def test_two_who_edit_at_once_see_both(
    contexts: Any, desk: Page, installation: Installation, t: Words
) -> None:
    desk.goto(f"{installation.url}/staff/schedule?day=2029-04-02")
    desk.locator("#new-appointment").click()
    dialog = desk.get_by_role("dialog")
    dialog.get_by_role("searchbox", name=t("Patient")).fill("maynard")
    dialog.locator("#patient-choices a").first.click()
    dialog.get_by_label(t("Time")).fill("11:00")
    dialog.get_by_role("button", name=t("Book appointment")).click()
    expect(dialog).to_have_count(0)
    other = contexts(viewport=DESK, locale="en")
    log_on(other, installation, t)
    for page in (desk, other):
        page.goto(f"{installation.url}/staff/schedule?day=2029-04-02")
        page.locator("#schedule .lead a").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
    other.get_by_role("dialog").get_by_label(t("Reason")).fill("Fever")
    other.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    expect(other.locator("#status")).to_contain_text("Saved the appointment of")
    dialog.get_by_label(t("Reason")).fill("Headache")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog.locator("#conflict")).to_contain_text("Somebody else changed this appointment")
    expect(dialog.locator("#appointment-remarks")).to_be_focused()
    line = dialog.locator(".versions tbody tr", has_text="Reason")
    expect(line).to_contain_text("Headache")
    expect(line).to_contain_text("Fever")
    expect(dialog.get_by_label(t("Reason"))).to_have_value("Headache")
    dialog.get_by_role("button", name="Save", exact=True).click()
    expect(dialog).to_have_count(0)
    expect(desk.locator("#schedule tbody tr").first).to_contain_text("Headache")


def test_the_check_in_list_is_printed(desk: Page, installation: Installation, t: Words) -> None:
    visit = somebody_without_email(desk, installation)
    desk.goto(f"{installation.url}{visit.day}&only=not-on-portal")
    expect(desk.get_by_role("button", name=t("Print"))).to_be_visible()
    expect(desk.locator("#schedule tbody")).to_contain_text("Missing: email")
    desk.emulate_media(media="print")
    expect(desk.locator(".topbar")).to_be_hidden()
    expect(desk.locator(".schedule-bar")).to_be_hidden()
    expect(desk.locator("#schedule tbody tr").first).to_be_visible()
