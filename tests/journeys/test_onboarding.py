"""The Onboarding Tool in Chromium: toggled by keyboard and mouse, by two staff, on one row (product 5)."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.journeys.conftest import DESK, Installation, Subject, Words
from tests.journeys.test_main_job import log_on

t = Words("en")


def open_tool(page: Page, installation: Installation, subject: Subject) -> Locator:
    """The list, searched while typing down to one patient; their row."""
    page.bring_to_front()  # the keys of a page behind another one may be lost while it loads
    page.goto(f"{installation.url}/staff/onboarding")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(f"{subject.family} {subject.given}")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=subject.family))
    expect(row).to_have_count(1)
    expect(page).to_have_url(re.compile(r"\?s=[\w-]{22}$"))
    return row


def read_notice(page: Page) -> None:
    """Acknowledge it, if it is asked for: once per person, whichever journey comes first."""
    ok = page.get_by_role("button", name="OK", exact=True)
    told = page.get_by_text(re.compile(r"^Enabled ")).first
    expect(ok.or_(told).first).to_be_visible()
    if ok.is_visible():
        ok.click()


def test_one_row_by_keyboard_mouse_and_two_staff(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    subject = subjects[30]
    page = contexts(viewport=DESK)
    log_on(page, installation, t)
    row = open_tool(page, installation, subject)
    chip = row.get_by_role("button", name="portal access of")

    chip.focus()
    page.keyboard.press("Enter")
    read_notice(page)
    expect(chip).to_contain_text("Ready to invite")
    expect(chip).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("Enabled")
    page.get_by_role("button", name="Undo").click()
    expect(chip).to_contain_text("Not enabled")
    chip.click()
    expect(chip).to_contain_text("Ready to invite")

    row.get_by_role("link", name="Add it").click()
    page.get_by_label("Email", exact=True).fill("first@example.com")
    page.get_by_role("button", name="Save Identifiers").click()
    send = row.get_by_role("button", name="Send Invite to first@example.com")
    expect(send).to_be_visible()
    expect(chip).to_be_focused()

    colleague = contexts(viewport=DESK)
    log_on(colleague, installation, t)
    stale = open_tool(colleague, installation, subject)
    expect(stale.get_by_role("button", name="Send Invite")).to_be_visible()
    send.dblclick()
    expect(chip).to_contain_text("Invited")
    installation.wait_for_mail("first@example.com", "Family Practice")

    stale.get_by_role("button", name="portal access of").click()
    expect(colleague.get_by_role("alert")).to_contain_text("Nothing was done.")
    expect(stale).to_contain_text("Invited")
    asks = stale.get_by_role("button", name="asks first")
    asks.click()
    expect(colleague.get_by_role("dialog")).to_contain_text("stops working for good")
    colleague.keyboard.press("Escape")
    expect(asks).to_be_focused()
    asks.click()
    colleague.get_by_role("button", name="OK", exact=True).click()
    expect(stale).to_contain_text("Not enabled")

    send.click()
    expect(page.get_by_role("alert")).to_contain_text("is not enabled any more")
    expect(chip).to_contain_text("Not enabled")
    assert len(installation.mails_to("first@example.com")) == 1
