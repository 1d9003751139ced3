"""In Chromium: credentials handed over at the desk to a green badge; a reset email to a new password (3.5)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.factories import PASSWORD
from tests.journeys.conftest import DESK, PHONE, PRACTICE, Installation, Subject, Words, link_in
from tests.journeys.test_every_page import Inspector
from tests.journeys.test_main_job import (
    enable,
    log_on,
    open_portal_access,
    save_missing_email,
    verify,
)
from tests.journeys.test_main_job import sign_up as fill_sign_up
from tests.journeys.test_onboarding import open_tool

t = Words("en")
ADMINISTRATOR = "desk.admin@example.com"
NEW = "seven wet umbrellas by the door"


@pytest.fixture
def administrator(installation: Installation, contexts: Any) -> Page:
    """Logged on, with the notice acknowledged."""
    role = ("--role", "administrator", "--name", "Ada Admin", "--password-stdin")
    known = ("staff", "add", ADMINISTRATOR, "--practice", PRACTICE, *role)
    installation.flask(*known, typed=PASSWORD)
    page: Page = contexts(viewport=DESK)
    page.goto(f"{installation.url}/staff/login?lang=en")
    page.get_by_label("Email", exact=True).fill(ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url("**/staff/")
    page.goto(f"{installation.url}/staff/notice")
    page.get_by_role("button", name="OK", exact=True).click()
    page.wait_for_url("**/staff/")
    return page


def open_portal_tab(page: Page, row: Locator) -> Locator:
    """The pop-out of a row, at its tab Patient Portal."""
    row.get_by_role("link", name="Edit Information for").click()
    dialog = page.get_by_role("dialog", name="Edit Information")
    expect(dialog.get_by_label("First name")).to_be_visible()
    dialog.get_by_role("link", name="Patient Portal").click()
    expect(dialog.get_by_role("heading", name="Access")).to_be_visible()
    return dialog


def patient_log_on(page: Page, installation: Installation, username: str, password: str) -> None:
    page.goto(f"{installation.url}/login")
    page.get_by_label("Email or username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()


def test_from_the_desk_to_a_green_badge(
    administrator: Page, installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page, subject = administrator, subjects[40]
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    row = open_tool(page, installation, subject)
    dialog = open_portal_tab(page, row)
    username = dialog.get_by_label("Username", exact=True)
    username.press_sequentially("x y")
    expect(dialog.get_by_text("Use 3 to 64 letters")).to_be_visible()
    username.fill("")
    username.press_sequentially("desk.journey", delay=20)
    expect(dialog.locator(".is-good")).to_have_text("Available")
    inspector = Inspector(page)
    inspector.look("edit information, administrator")
    dialog.get_by_label("Manually set patient's portal password").check()
    dialog.get_by_role("button", name="Suggest one").click()
    password = dialog.get_by_label("Password", exact=True)
    expect(password).to_have_value(re.compile(r"^([a-z]{4}-){4}[a-z]{4}$"))
    expect(username).to_have_value("desk.journey")
    dialog.get_by_role("button", name="Edit Patient").click()
    expect(dialog.locator("#error-summary")).to_contain_text("Check the person's identity first")
    dialog.get_by_role("button", name="Suggest one").click()
    expect(password).to_have_value(re.compile(r"^([a-z]{4}-){4}[a-z]{4}$"))
    secret = password.input_value()
    dialog.get_by_label("I have checked this person's identity").check()
    dialog.get_by_role("button", name="Edit Patient").click()
    card = page.get_by_role("dialog", name="Portal access for")
    for words in (PRACTICE, installation.url, "desk.journey", secret):
        expect(card).to_contain_text(words)
    inspector.look("card")
    page.emulate_media(media="print")
    expect(card.get_by_text(secret)).to_be_visible()
    expect(page.get_by_role("heading", name="Patient Portal Onboarding Tool")).to_be_hidden()
    page.emulate_media(media="screen")
    card.get_by_role("button", name="Close").click()
    expect(row).to_contain_text("Invited")
    expect(row).to_contain_text("Credentials handed over at the desk")

    patient = contexts(viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")
    patient_log_on(patient, installation, "desk.journey", secret)
    patient.wait_for_url("**/new-password")
    patient.goto(f"{installation.url}/home")
    patient.wait_for_url("**/new-password")
    assert patient.evaluate("document.documentElement.scrollWidth") <= 360
    inspector.page = patient
    inspector.look("a password of one's own")
    assert inspector.problems == []
    patient.get_by_label("New password").fill(NEW)
    patient.get_by_role("button", name="Save and go on").click()
    patient.wait_for_url("**/home")
    expect(patient.get_by_text(subject.family).first).to_be_visible()

    page.reload()
    expect(row).to_contain_text("Active")
    logs = (installation.folder / "log.txt").read_text()
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    for told in (logs, "\n".join(seen), stored, str(page.context.cookies())):
        assert secret not in told, "the password stood on the card, and nowhere else"


def reset_link(installation: Installation, address: str) -> str:
    body = installation.wait_for_mail(address, "A new password").get_body(("plain",))
    assert body is not None
    return re.findall(r"http\S+/r/[\w-]+(?=\s)", body.get_content())[0]


def test_a_reset_email_to_a_new_password(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    subject, address = subjects[41], "reset.journey@example.com"
    staff = contexts(viewport=DESK)
    log_on(staff, installation, t)
    open_portal_access(staff, installation, subject, t)
    save_missing_email(staff, address, t)
    enable(staff, t)
    patient = contexts(viewport=PHONE)
    patient.goto(link_in(installation.wait_for_mail(address, "Connect with")))
    fill_sign_up(patient, username="reset.journey", email=address, given="Alex", t=t)
    verify(patient, subject.ssn, t)
    patient.wait_for_url("**/home")

    row = open_tool(staff, installation, subject)
    expect(row).to_contain_text("Has an account: a reset email goes out")
    row.get_by_role("button", name=f"Send Invite to {address}").click()
    expect(staff.get_by_role("status")).to_contain_text("Sent a reset email to")
    link = reset_link(installation, address)

    other = contexts(viewport=PHONE)
    other.goto(link)
    assert link.rsplit("/", 1)[1] not in other.url, "the token left the address"
    other.get_by_label("New password").fill(NEW)
    other.get_by_role("button", name="Continue").click()
    verify(other, "536-90-4398", t)
    expect(other.locator("#error-summary")).to_contain_text("4 tries left")
    verify(other, subject.ssn, t)
    other.wait_for_url("**/login")
    expect(other.get_by_text("Your password is changed. Log in with it.").first).to_be_visible()
    patient.reload()
    patient.wait_for_url("**/login**")
    patient_log_on(other, installation, "reset.journey", NEW)
    other.wait_for_url("**/home")
    assert installation.wait_for_mail(address, "Your portal password was changed")
