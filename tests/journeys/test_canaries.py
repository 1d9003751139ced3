"""Nothing personal leaves the database but by mail: canary values, looked for everywhere (ASVS 16.2.5)."""

from __future__ import annotations

import re
import threading
import urllib.error
import urllib.request
from contextlib import suppress
from typing import Any

import pytest
import redis
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD
from tests.journeys.conftest import DESK, PHONE, Installation, Words, link_in
from tests.journeys.test_main_job import enable, log_on, sign_up, verify

GIVEN, FAMILY, NICK = "Canariana", "Quetzalcoatlus", "Quetzi"
EMAIL, SSN, CALL = "canary-7f3a91@example.com", "987-21-4365", "(443) 555-0187"
NEW = "seven wet umbrellas by the door"
SECRET = [
    GIVEN,
    FAMILY,
    NICK,
    "canary-7f3a91",
    SSN,
    "987214365",
    "4435550187",
    "555-0187",
    "1971",
    PASSWORD,
]


class Monitor(threading.Thread):
    """Everything that is said to the queue server."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.client = redis.Redis.from_url(url, socket_timeout=None)  # silence is no failure
        self.heard: list[str] = []
        self.ready = threading.Event()

    def run(self) -> None:
        """Listen until the server ends."""
        with suppress(redis.RedisError, OSError, ValueError), self.client.monitor() as monitor:
            self.ready.set()
            for said in monitor.listen():
                self.heard.append(said["command"])


def add_patient(page: Page, installation: Installation, t: Words) -> None:
    page.goto(f"{installation.url}/staff/patients/new")
    for label, value in (
        ("First name", GIVEN),
        ("Last name", FAMILY),
        ("Preferred name", NICK),
        ("Date of birth", "2/11/1971"),
        ("Email", EMAIL),
        ("Social security number", SSN),
    ):
        page.get_by_label(re.compile(f"^{t(label)}")).first.fill(value)
    page.get_by_label(re.compile("Phone number")).first.fill(CALL)
    page.get_by_role("main").locator("form button[type=submit]").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(FAMILY)


def reset(staff: Page, patient: Page, installation: Installation) -> str:
    """A reset email, followed to its new password in the patient's browser; returns the link's token."""
    staff.goto(f"{installation.url}/staff/onboarding?pill=active&size=100")
    staff.get_by_role("button", name=f"Send Invite to {EMAIL}").click()
    body = installation.wait_for_mail(EMAIL, "A new password").get_body(("plain",))
    assert body is not None
    token = re.findall(r"http\S+/r/([\w-]+)(?=\s)", body.get_content())[0]
    patient.context.clear_cookies()
    door = patient.context.new_page()
    door.goto(f"{installation.url}/r/{token}")
    patient.goto(door.url)
    door.close()
    patient.get_by_label("New password").fill(NEW)
    patient.get_by_role("button", name="Continue").click()
    verify(patient, SSN, Words("en"))
    patient.wait_for_url("**/login")
    return str(token)


def test_canaries(installation: Installation, contexts: Any) -> None:
    t = Words("en")
    url = re.search(r"REDIS_URL=(\S+)", (installation.folder / "run.env").read_text())
    assert url is not None
    monitor = Monitor(url[1].strip("'\""))
    monitor.start()
    monitor.ready.wait(5)
    seen: list[str] = []

    def watch(page: Page) -> None:
        page.on("request", lambda request: seen.append(request.url))
        page.on("framenavigated", lambda frame: seen.append(page.title()))

    staff = contexts(viewport=DESK, locale="en")
    watch(staff)
    log_on(staff, installation, t)
    add_patient(staff, installation, t)
    staff.get_by_role("link", name=t("Portal access"), exact=True).first.click()
    enable(staff, t)
    staff.goto(f"{installation.url}/staff/patients")
    staff.get_by_role("searchbox").fill(f"{FAMILY} {GIVEN}")
    staff.get_by_role("searchbox").press("Enter")
    expect(staff.get_by_role("link", name=re.compile(FAMILY))).to_be_visible()

    link = link_in(installation.wait_for_mail(EMAIL, "Family Practice"))
    token = link.rsplit("/", 1)[1]
    patient = contexts(viewport=PHONE, locale="en")
    patient.goto(link)
    watch(patient)
    body = patient.content()
    assert FAMILY not in body, "only first name and initial before the second lock"
    sign_up(patient, username="canary", email=EMAIL, given=GIVEN, t=t)
    verify(patient, "536-90-4398", t)
    verify(patient, SSN, t)
    patient.wait_for_url("**/home")
    reset_token = reset(staff, patient, installation)
    scanner = urllib.request.build_opener()
    for broken in (token + "x", token[:-1], "%00", "a" * 3000):
        with pytest.raises(urllib.error.HTTPError) as refused:
            scanner.open(f"{installation.url}/i/{broken}")
        assert token[:-1] not in refused.value.read().decode()
        refused.value.close()

    for page in (staff, patient):
        stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert stored == "[{},{}]", "health records are not kept in the browser"
        seen += [str(cookie["value"]) for cookie in page.context.cookies()]
    logs = (installation.folder / "log.txt").read_text()
    queue = "\n".join(monitor.heard)
    assert "mail.deliver" in queue or "jobs" in queue, "the monitor heard the doorbell"
    assert "log" in logs.lower()
    for name, text in {
        "logs": logs,
        "queue": queue,
        "addresses, titles, cookies": "\n".join(seen),
    }.items():
        found = [
            value for value in (*SECRET, token, reset_token, NEW) if value.lower() in text.lower()
        ]
        assert found == [], f"{name} tell {found}"
