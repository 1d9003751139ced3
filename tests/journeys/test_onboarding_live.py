"""The Onboarding Tool while the world changes: colleagues, the back button, log-outs, outages, no JavaScript."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.factories import PASSWORD
from tests.journeys.conftest import DESK, PHONE, STAFF, Installation, Subject, Words
from tests.journeys.test_main_job import log_on
from tests.journeys.test_onboarding import open_tool, read_notice

t = Words("en")
HIDE = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_an_open_list_learns_what_a_colleague_did(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page, colleague = contexts(viewport=DESK), contexts(viewport=DESK)
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "/news" in sent.url else None)
    for one in (page, colleague):
        log_on(one, installation, t)
    row, other = (open_tool(one, installation, subjects[31]) for one in (page, colleague))
    tick = row.get_by_role("checkbox")
    tick.focus()

    other.get_by_role("button", name="portal access of").click()
    read_notice(colleague)

    expect(row).to_contain_text("Ready to invite")
    expect(page.get_by_role("status")).to_contain_text("Ready to invite")
    expect(tick).to_be_focused()
    expect(page.locator("[data-poll]")).to_have_count(1)
    # nobody looks at it: it asks no more
    page.evaluate(HIDE, True)
    page.wait_for_timeout(500)
    asked.clear()
    page.wait_for_timeout(9_000)
    assert asked == []
    page.evaluate(HIDE, False)
    expect(row).to_contain_text("Ready to invite")
    page.wait_for_timeout(500)
    assert len(asked) == 1, "who comes back is answered at once"


def test_back_shows_the_current_truth(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page = contexts(viewport=DESK)
    log_on(page, installation, t)
    row = open_tool(page, installation, subjects[32])
    row.get_by_role("link", name=subjects[32].family).click()
    expect(page.get_by_role("heading", name="Access History")).to_be_visible()

    colleague = contexts(viewport=DESK)
    log_on(colleague, installation, t)
    open_tool(colleague, installation, subjects[32]).get_by_role(
        "button", name="portal access of"
    ).click()
    read_notice(colleague)
    expect(colleague.get_by_role("status")).to_contain_text("Enabled")

    page.go_back()
    expect(row).to_contain_text("Ready to invite", timeout=2_000)


def test_logged_out_meanwhile_a_banner_and_the_table_stays(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page = contexts(viewport=DESK)
    log_on(page, installation, t)
    row = open_tool(page, installation, subjects[33])
    page.context.clear_cookies()

    row.get_by_role("button", name="portal access of").click()

    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("You have been logged out. Nothing was changed.")
    expect(row).to_contain_text("Not enabled")
    expect(page.get_by_label("Password")).to_have_count(0)
    alert.get_by_role("link", name="Log in again").click()
    expect(page).to_have_url(re.compile(r"next="))
    page.get_by_label("Email").fill(STAFF)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(row).to_contain_text("Not enabled")


def test_server_down_a_banner_and_the_table_stays(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page = contexts(viewport=DESK)
    log_on(page, installation, t)
    row = open_tool(page, installation, subjects[34])
    chip = row.get_by_role("button", name="portal access of")

    def refuse(route: Route) -> None:
        route.abort("aborted")

    page.route("**/enable", refuse)
    chip.click()
    expect(page.get_by_role("alert")).to_contain_text(
        "The connection is lost. Nothing was changed."
    )
    expect(row).to_contain_text("Not enabled")
    expect(chip).to_be_enabled()

    page.unroute("**/enable", refuse)
    chip.click()
    read_notice(page)
    expect(row).to_contain_text("Ready to invite")
    expect(page.get_by_role("alert")).to_be_empty()


def test_everything_without_javascript(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page: Page = contexts(viewport=PHONE, java_script_enabled=False)
    log_on(page, installation, t)
    subject = subjects[35]
    page.goto(f"{installation.url}/staff/onboarding")
    page.get_by_role("searchbox").fill(f"{subject.family} {subject.given}")
    page.get_by_role("button", name="Search").click()
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name=subject.family))
    expect(row).to_have_count(1)

    row.get_by_role("button", name="portal access of").click()
    read_notice(page)
    expect(row).to_contain_text("Ready to invite")
    row.get_by_role("link", name="Add it").click()
    page.get_by_label("Email", exact=True).fill("nojs@example.com")
    page.get_by_role("button", name="Save Identifiers").click()
    row.get_by_role("button", name="Send Invite to nojs@example.com").click()
    expect(row).to_contain_text("Invited")
    row.get_by_role("button", name="asks first").click()
    page.get_by_role("button", name="OK", exact=True).click()
    expect(row).to_contain_text("Not enabled")

    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Update selection").click()
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("button", name="Clear selection").click()
    expect(row.get_by_role("checkbox")).not_to_be_checked()


def test_a_changed_address_gets_nothing(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page, colleague = contexts(viewport=DESK), contexts(viewport=DESK)
    for one in (page, colleague):
        log_on(one, installation, t)
    row = open_tool(page, installation, subjects[36])
    row.get_by_role("button", name="portal access of").click()
    read_notice(page)
    row.get_by_role("link", name="Add it").click()
    page.get_by_label("Email", exact=True).fill("before@example.com")
    page.get_by_role("button", name="Save Identifiers").click()
    send = row.get_by_role("button", name="Send Invite to before@example.com")
    expect(send).to_be_visible()
    page.evaluate(HIDE, True)  # it learns nothing by itself

    other = open_tool(colleague, installation, subjects[36])
    other.get_by_role("link", name="Edit Information for").click()
    dialog = colleague.get_by_role("dialog")
    dialog.get_by_label("Email", exact=True).fill("after@example.com")
    dialog.get_by_role("button", name="Edit Patient").click()
    dialog.get_by_label("In person, with an ID").check()
    dialog.get_by_role("button", name="Edit Patient").click()
    expect(other.get_by_role("button", name="Send Invite to after@example.com")).to_be_visible()

    send.click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was done.")
    expect(row.get_by_role("button", name="Send Invite to after@example.com")).to_be_visible()
    expect(row).to_contain_text("Ready to invite")
    invited = [mail["Subject"] for mail in installation.mails_to("before@example.com")]
    assert not [subject for subject in invited if subject.startswith("Connect with")]
