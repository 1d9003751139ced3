"""Every page of the schedule, in both languages, themes and widths: axe finds nothing, nothing overflows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.conftest import SHIFTED_TO, Installation, Words
from tests.journeys.test_every_page import COMBINATIONS, Inspector
from tests.journeys.test_main_job import log_on


def a_busy_day(page: Page, installation: Installation) -> str:
    """The address of a day on which somebody comes who could be invited."""
    for weeks in range(200):
        day = SHIFTED_TO - timedelta(weeks=weeks)
        html = page.request.get(f"{installation.url}/staff/schedule?day={day}&view=week").text()
        for part in html.split("<h3>")[1:]:
            found = re.search(r'href="([^"]*)"', part)
            if found and 'class="sign sign-off"' in part:
                return found[1]
    raise AssertionError("nobody comes")


@pytest.mark.parametrize(("language", "theme", "size"), COMBINATIONS)
def test_every_page_of_the_schedule(
    language: str, theme: Any, size: Any, installation: Installation, export: None, contexts: Any
) -> None:
    t = Words(language)
    page = contexts(viewport=size, locale=language, color_scheme=theme)
    inspector = Inspector(page)
    log_on(page, installation, t)
    day = installation.url + a_busy_day(page, installation)
    page.goto(day)
    inspector.look("a day")
    page.goto(f"{day}&view=week")
    inspector.look("a week")
    page.goto(f"{day}&only=not-on-portal")
    inspector.look("the check-in list")
    page.goto(f"{installation.url}/staff/schedule?day=2035-01-01")
    inspector.look("an empty day")
    page.locator("#new-appointment").click()
    dialog = page.get_by_role("dialog")
    dialog.locator("#find-q").fill("m")
    dialog.locator("#patient-choices a").first.wait_for()
    inspector.look("whom it is for")
    dialog.locator("#patient-choices a").first.click()
    dialog.locator("#appointment-save").click()
    dialog.locator("#error-summary").wait_for()
    inspector.look("a new appointment, with errors")
    page.goto(day)
    page.locator("#schedule tbody tr:has(.chip-off) .lead a").first.click()
    dialog.locator("#appointment-form").wait_for()
    inspector.look("the appointment window")
    dialog.locator("#window-arrow").click()
    expect(dialog).to_have_count(2)
    inspector.look("what is missing, above the window")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(1)
    note = dialog.locator(".window-links a").first.get_attribute("href") or ""
    page.goto(installation.url + note)
    inspector.look("the charting window")
    page.locator(".side a[aria-current]").click()
    page.wait_for_load_state()
    inspector.look("a chart's appointments")
    assert inspector.problems == []
