"""Every kind of page, in both languages, themes and widths: axe finds nothing, nothing overflows, nothing is heavy."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
from email.message import EmailMessage
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.conftest import ROOT
from tests.journeys.conftest import DESK, PHONE, PRACTICE, Installation, Subject, Words, link_in
from tests.journeys.test_main_job import (
    enable,
    log_on,
    open_portal_access,
    save_missing_email,
    sign_up,
    verify,
)

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],  # nobody reads of every element what all it passes
}
COMBINATIONS = [
    ("en", "light", DESK),
    ("es", "dark", PHONE),
    ("es", "light", DESK),
    ("en", "dark", PHONE),
]
A_PAGE = 12 * 1024
FIRST_LOAD = 65 * 1024
"""Bytes, gzipped, of everything the first page of a visit loads (interface.md)."""


class Inspector:
    """Looks at one page after the other and remembers what is wrong."""

    def __init__(self, page: Page) -> None:
        self.page, self.problems = page, []  # type: ignore[var-annotated]

    def look(self, name: str) -> None:
        """Axe, and whether it overflows."""
        for violation in Axe().run(self.page, options=RULES).response["violations"]:
            places = [node["target"] for node in violation["nodes"]][:3]
            self.problems.append(f"{name}: {violation['id']} at {places}")
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > self.page.viewport_size["width"]:  # type: ignore[index]
            self.problems.append(f"{name}: {width} px wide")


@pytest.mark.parametrize(("language", "theme", "size"), COMBINATIONS)
def test_every_page(
    language: str,
    theme: Any,
    size: Any,
    installation: Installation,
    subjects: list[Subject],
    contexts: Any,
) -> None:
    t = Words(language)
    number = 5 + COMBINATIONS.index((language, theme, size))
    subject, address = subjects[number], f"page.{number}@example.com"
    page = contexts(viewport=size, locale=language, color_scheme=theme)
    inspector = Inspector(page)

    page.goto(f"{installation.url}/staff/login?lang={language}")
    inspector.look("staff log-on")
    log_on(page, installation, t)
    inspector.look("today")
    page.goto(f"{installation.url}/staff/patients")
    inspector.look("patients")
    page.goto(f"{installation.url}/staff/onboarding?size=25")
    inspector.look("onboarding tool")
    page.goto(f"{installation.url}/staff/patients/new")
    page.get_by_role("main").locator("form button[type=submit]").last.click()
    page.locator("#error-summary").wait_for()
    inspector.look("add a patient, with errors")
    open_portal_access(page, installation, subject, t)
    inspector.look("portal access, not enabled")
    page.get_by_role("link", name=t("Add missing information")).click()
    page.get_by_role("button", name=t("Save Identifiers")).wait_for()
    inspector.look("missing identifiers")
    page.keyboard.press("Escape")
    save_missing_email(page, address, t)
    enable(page, t)
    inspector.look("portal access, pending")
    page.get_by_role("link", name=t("Patient messaging"), exact=True).first.click()
    page.get_by_role("button", name=t("Preview")).click()
    page.frame_locator("iframe").locator("a.button").wait_for()
    inspector.look("patient messaging, with a preview")
    page.get_by_role("link", name=t("How a patient registers")).click()
    page.wait_for_load_state()
    inspector.look("how a patient registers")
    page.go_back()
    page.get_by_role("link", name=t("Patient information"), exact=True).first.click()
    page.wait_for_load_state()
    inspector.look("chart")
    page.locator("#edit-information-link").click()
    page.get_by_role("dialog").locator("#edit-given_name").wait_for()
    inspector.look("edit information")
    page.get_by_role("dialog").get_by_role("link", name=t("Patient Portal")).click()
    page.locator("#edit-access").wait_for()
    inspector.look("edit information, patient portal")
    page.keyboard.press("Escape")

    mail = installation.wait_for_mail(address, "Family Practice")
    link = link_in(mail)
    door = contexts(viewport=size, locale=language, color_scheme=theme)
    inspector.page = door
    door.goto(f"{installation.url}/")
    inspector.look("front page")
    door.goto(f"{installation.url}/login")
    inspector.look("log-on")
    door.goto(link)
    door.get_by_role("button", name=t("Sign up"), exact=True).click()
    door.locator("#error-summary").wait_for()
    inspector.look("sign-up, with errors")
    sign_up(door, username=f"page.{number}", email=address, given="Alex", t=t)
    verify(door, "536-90-4398", t)
    door.locator("#error-summary").wait_for()
    inspector.look("identity check, with an error")
    door.get_by_role("link", name=t("Use birth date and phone instead")).click()
    door.get_by_label(t("Month")).wait_for()
    inspector.look("identity check by birth date")
    door.get_by_role("link", name=t("Use Social Security number instead")).click()
    verify(door, subject.ssn, t)
    door.wait_for_url("**/home")
    inspector.look("home")
    door.get_by_role("link", name=t("Ask for an appointment")).click()
    door.get_by_role("button", name=t("Send to the office")).click()
    door.locator("#error-summary").wait_for()
    inspector.look("ask for an appointment, with an error")
    door.locator("#wish").fill("Any morning")
    door.get_by_role("button", name=t("Send to the office")).click()
    door.get_by_role("button", name=t("Take it back")).wait_for()
    inspector.look("home, with a request")
    inspector.page = page
    page.goto(f"{installation.url}/staff/schedule/requests")
    inspector.look("requests from patients")
    used = contexts(viewport=size, locale=language, color_scheme=theme)
    inspector.page = used
    used.goto(link)
    inspector.look("used link")
    used.goto(link + "/not-me")
    inspector.look("this is not me")
    look_at_reset(inspector, page, used, installation, address, t)
    used.goto(unsubscribe_link(installation, mail))
    inspector.look("no more invitations")
    used.get_by_role("button", name=t("Stop invitations")).click()
    used.get_by_role("heading", name=t("You will get no more invitations")).wait_for()
    inspector.look("no more invitations, done")
    used.goto(f"{installation.url}/nothing-here")
    inspector.look("not found")
    assert inspector.problems == []


@pytest.mark.parametrize(("language", "theme", "size"), COMBINATIONS)
def test_every_tab_of_the_settings(
    language: str,
    theme: Any,
    size: Any,
    installation: Installation,
    administrator: str,
    contexts: Any,
) -> None:
    t = Words(language)
    page = contexts(viewport=size, locale=language, color_scheme=theme)
    inspector = Inspector(page)
    log_on(page, installation, t, email=administrator)
    page.goto(f"{installation.url}/staff/settings")
    inspector.look("doctor")
    save = page.get_by_role("button", name=t("Update settings"))
    for field, typed in (
        ("logo", None),
        ("appointment_reminder_hours", "x"),
        ("invitation_days", "x"),
        ("mail_colour", "#ffcc00"),
    ):
        if typed is None:
            svg = {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": b"<svg/>"}
            page.locator(f"#{field}").set_input_files(svg)
        else:
            page.locator(f"#{field}").fill(typed)
            inspector.look(field)
        save.click()
        page.locator("#error-summary").wait_for()
        inspector.look(f"{field}, with an error")
        following = page.locator(".page-tabs li:has([aria-current]) + li a")
        if following.count():
            following.click()
            page.wait_for_load_state()
    page.goto(f"{installation.url}/staff/settings/lists")
    inspector.look("lists")
    page.get_by_role("link", name=t("Add a profile"), exact=True).click()
    page.get_by_role("button", name=t("Save")).click()
    page.locator("#error-summary").wait_for()
    inspector.look("a new profile, with an error")
    assert inspector.problems == []


def unsubscribe_link(installation: Installation, mail: EmailMessage) -> str:
    """As a bulk mail of the same row would carry it."""
    public_id = str(mail["Message-ID"]).strip("<>").partition("@")[0]
    code = (
        "from wsgi import app\nfrom portal.mail import unsubscribe\n"
        f"with app.app_context(): print(unsubscribe.link({public_id!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=installation.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def look_at_reset(
    inspector: Inspector,
    staff: Page,
    door: Page,
    installation: Installation,
    address: str,
    t: Words,
) -> None:
    """Sent from the list; the page of the new password and the identity check behind it."""
    staff.goto(f"{installation.url}/staff/onboarding?pill=active&size=100")
    staff.get_by_role("button", name=t("Send Invite to %(address)s", address=address)).click()
    subject = t("A new password for the patient portal of %(practice)s", practice=PRACTICE)
    body = installation.wait_for_mail(address, subject).get_body(("plain",))
    assert body is not None
    door.goto(re.findall(r"http\S+/r/[\w-]+(?=\s)", body.get_content())[0])
    door.get_by_label(t("New password")).fill("short")
    door.get_by_role("button", name=t("Continue")).click()
    door.locator("#error-summary").wait_for()
    inspector.look("new password, with an error")
    door.get_by_label(t("New password")).fill("seven wet umbrellas by the door")
    door.get_by_role("button", name=t("Continue")).click()
    door.get_by_role("button", name=t("Verify identity")).wait_for()
    inspector.look("identity check for a reset")


def test_the_first_load_is_light(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    page = contexts(viewport=DESK)
    log_on(page, installation, Words("en"))

    def weight(path: str) -> tuple[bytes, int]:
        body = page.context.request.get(installation.url + path).body()
        return body, len(gzip.compress(body, 6))

    for path in ("/staff/login", "/login", "/staff/onboarding?size=50"):
        html, whole = weight(path)
        assert whole <= A_PAGE
        assets = set(re.findall(r'(?:src|href)="(/static/[^"#]+)', html.decode()))
        assert len(assets) >= 4
        assert whole + sum(weight(asset)[1] for asset in assets) <= FIRST_LOAD
