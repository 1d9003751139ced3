"""All that match, selected under a filter, three unticked: the act reaches exactly N - 3, and nobody else (5.6)."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK, Installation, Subject, Words
from tests.journeys.test_main_job import log_on

t = Words("en")
NUMBER = re.compile(r"[\d,]+")


def number_of(page: Page, pill: str) -> int:
    """What a pill counts."""
    words = page.get_by_role("navigation", name="Patients by portal status").get_by_role(
        "link", name=re.compile(rf"^[\d,]+ *{pill}$")
    )
    found = NUMBER.search(words.inner_text())
    assert found
    return int(found[0].replace(",", ""))


def search(page: Page, words: str) -> None:
    page.get_by_role("searchbox").fill(words)
    expect(page.get_by_text(f"for “{words}”")).to_be_visible()


def select_all(page: Page) -> int:
    """Everybody who matches; says how many that are."""
    page.get_by_label("Select everybody on this page").check()
    everybody = page.get_by_role("button", name=re.compile(r"^Select all [\d,]+ that match$"))
    bar = page.locator("#selection-bar")
    expect(bar).to_contain_text(re.compile(r"\d selected"))
    if everybody.is_visible():  # else the page is all there is
        everybody.click()
        expect(everybody).to_have_count(0)
    return selected(page)


def selected(page: Page) -> int:
    found = NUMBER.search(page.locator("#selection-bar").inner_text())
    assert found
    return int(found[0].replace(",", ""))


def act(page: Page, name: str, confirm: str, said: str) -> int:
    """Press a button of the bar, then the one of the dialog; the number that both of them say."""
    page.get_by_role("button", name=name, exact=True).click()
    button = page.get_by_role("dialog").get_by_role(
        "button", name=re.compile(rf"^{confirm} [\d,]+ patients?$")
    )
    expect(button).to_be_visible()
    number = int(NUMBER.search(button.inner_text())[0].replace(",", ""))  # type: ignore[index]
    button.click()
    ok = page.get_by_role("button", name="OK", exact=True)
    told = page.get_by_text(f"{said} {number} patients").first
    expect(ok.or_(told).first).to_be_visible()
    if ok.is_visible():
        ok.click()
    expect(told).to_be_visible()
    return number


def test_all_that_match_minus_three(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page: Page = contexts(viewport=DESK)
    log_on(page, installation, t)
    page.goto(f"{installation.url}/staff/onboarding")
    red = number_of(page, "Not enabled")
    search(page, "sc")
    select_all(page)
    enabled = act(page, "Enable access", "Enable", "Enabled")
    page.goto(f"{installation.url}/staff/onboarding?pill=ready")
    assert number_of(page, "Not enabled") == red - enabled
    gray = number_of(page, "Ready to invite")

    assert select_all(page) == gray
    boxes = page.locator("tbody").get_by_role("checkbox")
    left_out = [boxes.nth(place).get_attribute("value") for place in (0, 2, 5)]
    for public_id in left_out:
        page.locator(f"#tick-{public_id}").uncheck()
    expect(page.locator("#selection-bar")).to_contain_text(f"{gray - 3} selected")
    # the filter changes; whom it shows has nothing to do with who is selected
    page.get_by_role("navigation", name="Patients by portal status").get_by_role(
        "link", name="Not enabled"
    ).click()
    expect(page.locator("#selection-bar")).to_contain_text(f"{gray - 3} of them not on this page")
    page.get_by_role("button", name="Disable access", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Disable access", exact=True)).to_be_focused()

    assert act(page, "Disable access", "Disable access of", "Disabled access of") == gray - 3

    page.goto(f"{installation.url}/staff/onboarding?pill=ready")
    assert number_of(page, "Ready to invite") == 3
    assert number_of(page, "Not enabled") == red - enabled + gray - 3
    rows = page.locator("tbody tr")
    assert {rows.nth(n).get_attribute("id") for n in range(3)} == {f"row-{i}" for i in left_out}
    installation.flask("counters", "check")  # exit code 0: rows and counters are the truth
