"""The main job in Chromium: from a real patient file to a green badge (issue "The main job, end to end")."""

from __future__ import annotations

import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD
from tests.journeys.conftest import DESK, PHONE, STAFF, Installation, Subject, Words, link_in

SCANNER = "Mozilla/5.0 (compatible; Barracuda Sentinel)"


def log_on(page: Page, installation: Installation, t: Words, *, email: str = STAFF) -> None:
    page.goto(f"{installation.url}/staff/login?lang={t.language}")
    page.get_by_label(t("Email"), exact=True).fill(email)
    page.get_by_label(t("Password"), exact=True).fill(PASSWORD)
    page.get_by_role("button", name=t("Log in"), exact=True).click()
    page.wait_for_url("**/staff/")


def open_portal_access(page: Page, installation: Installation, subject: Subject, t: Words) -> None:
    page.goto(f"{installation.url}/staff/patients")
    page.get_by_role("searchbox").fill(subject.search)
    page.get_by_role("searchbox").press("Enter")
    page.get_by_role("link", name=re.compile(re.escape(subject.family))).first.click()
    page.get_by_role("link", name=t("Portal access"), exact=True).first.click()
    expect(page.get_by_role("heading", name=t("Portal not enabled for patient"))).to_be_visible()


def save_missing_email(page: Page, address: str, t: Words) -> None:
    page.get_by_role("link", name=t("Add missing information")).click()
    page.get_by_label(t("Email"), exact=True).fill("not an address")
    page.get_by_role("button", name=t("Save Identifiers")).click()
    expect(page.locator("#error-summary")).to_be_visible()
    page.get_by_label(t("Email"), exact=True).fill(address)
    page.get_by_role("button", name=t("Save Identifiers")).click()
    expect(page.get_by_text(address).first).to_be_visible()


def enable(page: Page, t: Words) -> None:
    page.get_by_role("button", name=t("Enable Patient Access")).click()
    acknowledge = page.get_by_role("button", name=t("OK"), exact=True)
    pending = page.get_by_text(t("Pending..."))
    expect(acknowledge.or_(pending).first).to_be_visible()
    if acknowledge.is_visible():
        acknowledge.click()
    expect(pending.first).to_be_visible()


def scan(link: str) -> None:
    """Open the link as mail scanners do: some keep cookies and follow, some do not."""
    for _ in range(20):
        scanner = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        scanner.addheaders = [("User-Agent", SCANNER)]
        with scanner.open(link, timeout=10) as answer:
            assert answer.status == 200


def sign_up(page: Page, *, username: str, email: str, given: str, t: Words) -> None:
    page.get_by_label(t("First name"), exact=True).fill(given)
    page.get_by_label(t("Email address"), exact=True).fill(email)
    page.get_by_label(t("Username"), exact=True).fill(username)
    page.get_by_label(t("Create password"), exact=True).fill(PASSWORD)
    page.get_by_role("button", name=t("Sign up"), exact=True).click()


def verify(page: Page, ssn: str, t: Words) -> None:
    page.get_by_label(t("Social security number"), exact=True).fill(ssn)
    page.get_by_role("button", name=t("Verify identity")).click()


@pytest.mark.parametrize("language", ["en", "es"])
def test_from_the_file_to_a_green_badge(
    language: str, installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    t = Words(language)
    subject = subjects[0 if language == "en" else 1]
    address = f"main.{language}@example.com"
    staff = contexts(viewport=DESK, locale=language)
    log_on(staff, installation, t)
    open_portal_access(staff, installation, subject, t)
    save_missing_email(staff, address, t)
    enable(staff, t)

    mail = installation.wait_for_mail(address, "Family Practice")
    assert mail["Subject"] == "Connect with Family Practice via the patient portal"
    link = link_in(mail)
    scan(link)

    patient = contexts(viewport=PHONE, locale=language, has_touch=True, is_mobile=True)
    patient.goto(link)
    assert link.rsplit("/", 1)[1] not in patient.url, "the token left the address"
    assert patient.evaluate("document.documentElement.scrollWidth") <= 360
    sign_up(patient, username=f"main.{language}", email=address, given="Alex", t=t)
    expect(patient.get_by_role("button", name=t("Verify identity"))).to_be_visible()
    for wrong in ("536-90-4398", "536-90-4397"):
        verify(patient, wrong, t)
        expect(patient.locator("#error-summary")).to_be_visible()
    verify(patient, subject.ssn, t)
    patient.wait_for_url("**/home")
    assert patient.evaluate("document.documentElement.scrollWidth") <= 360
    expect(patient.get_by_role("heading", name=t("Hello, %(name)s", name="Alex"))).to_be_visible()

    # the open page of the staff member learns it by itself
    chip = staff.locator(".chip-active", has_text=t("Active"))
    expect(chip.first).to_be_visible(timeout=40_000)
    expect(staff.get_by_text(t("Pending..."))).to_have_count(0)
    assert re.search(r"2026|20\d\d", staff.locator("#access-history").inner_text())
    assert installation.wait_for_mail(address, "", seconds=30)


def test_the_core_without_javascript(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    t = Words("en")
    subject, address = subjects[2], "plain@example.com"
    staff = contexts(viewport=DESK, locale="en", java_script_enabled=False)
    log_on(staff, installation, t)
    open_portal_access(staff, installation, subject, t)
    save_missing_email(staff, address, t)
    enable(staff, t)
    link = link_in(installation.wait_for_mail(address, "Family Practice"))

    patient = contexts(viewport=PHONE, locale="en", java_script_enabled=False)
    patient.goto(link)
    sign_up(patient, username="plain", email=address, given="Alex", t=t)
    verify(patient, "536-90-4398", t)
    expect(patient.locator("#error-summary")).to_be_visible()
    verify(patient, subject.ssn, t)
    patient.wait_for_url("**/home")

    staff.reload()
    expect(staff.locator(".chip-active").first).to_be_visible()


def test_two_links_in_two_tabs(
    installation: Installation, subjects: list[Subject], contexts: Any
) -> None:
    t = Words("en")
    staff = contexts(viewport=DESK, locale="en")
    log_on(staff, installation, t)
    people = {}
    for subject, name in zip(subjects[3:5], ("tab.one", "tab.two"), strict=True):
        open_portal_access(staff, installation, subject, t)
        save_missing_email(staff, f"{name}@example.com", t)
        enable(staff, t)
        people[name] = (
            subject,
            link_in(installation.wait_for_mail(f"{name}@example.com", "Family Practice")),
        )
    first = contexts(viewport=PHONE, locale="en")
    second = first.context.new_page()
    first.goto(people["tab.one"][1])
    second.goto(people["tab.two"][1])
    for page, name in ((second, "tab.two"), (first, "tab.one")):
        sign_up(page, username=name, email=f"{name}@example.com", given="Alex", t=t)
    for page, name in ((first, "tab.one"),):
        verify(page, people[name][0].ssn, t)
        page.wait_for_url("**/home")
        expect(page.get_by_text(people[name][0].family).first).to_be_visible()
    # this browser is logged on as the first by now; the second link is somebody else's and says so
    verify(second, people["tab.two"][0].ssn, t)
    expect(second.get_by_text("tab.one")).to_be_visible()
    second.get_by_role("main").get_by_role("button", name=t("Log out")).click()
    verify(second, people["tab.two"][0].ssn, t)
    second.wait_for_url("**/home")
    expect(second.get_by_text(people["tab.two"][0].family).first).to_be_visible()
    expect(second.get_by_text(people["tab.one"][0].family)).to_have_count(0)
