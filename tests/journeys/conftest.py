"""A whole installation as ``make run`` starts it, and a real Chromium."""

from __future__ import annotations

import csv
import email
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import ROOT, free_port, scratch
from tests.factories import PASSWORD

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PRACTICE = "Family Practice"
STAFF = "front.desk@example.com"
expect.set_options(timeout=15_000)  # a busy machine is no failure
ADMINISTRATOR = "ada@example.com"
SHIFTED_TO = date(2027, 6, 14)
"""Where the export of visits is shifted to: far from the days that other journeys look at."""
DESK, PHONE = {"width": 1366, "height": 900}, {"width": 360, "height": 740}


@dataclass
class Installation:
    """A running Vestibule with an empty database of its own."""

    url: str
    folder: Path
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"PORTAL_DATA_DIR": str(self.folder), "APP_ENV": "development"}

    def flask(self, *arguments: str, typed: str = "") -> str:
        """Run a command as an operator would."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_staff(self, address: str, practice: str, role: str, name: str) -> None:
        """Somebody who logs on with the password of the tests."""
        self.flask(
            "staff", "add", address, "--practice", practice, "--role", role, "--name", name,
            "--password-stdin", typed=PASSWORD + "\n",
        )  # fmt: skip

    def mails_to(self, address: str) -> list[EmailMessage]:
        """What the mail server received for this address, oldest first."""
        found = []
        for path in sorted(
            (self.folder / "mailbox" / "new").glob("*"), key=lambda p: p.stat().st_mtime
        ):
            message: Any = email.message_from_bytes(path.read_bytes(), policy=default)
            if address in message["To"]:
                found.append(message)
        return found

    def wait_for_mail(self, address: str, subject: str, *, seconds: float = 30) -> EmailMessage:
        """The newest mail to this address whose subject contains these words."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for message in reversed(self.mails_to(address)):
                if subject in message["Subject"]:
                    return message
            time.sleep(0.2)
        raise AssertionError(f"no mail to {address} about {subject!r}")


def link_in(message: EmailMessage) -> str:
    """The sign-up link of an invitation's text part."""
    body = message.get_body(("plain",))
    assert body is not None
    links = re.findall(r"http\S+/i/[\w-]+(?=\s)", body.get_content())
    assert links, body.get_content()
    return str(links[0])


@contextmanager
def running(**values: str) -> Iterator[Installation]:
    """``make run`` with these variables, in memory where there is room; its end stops all of it."""
    folder, port = scratch("installation"), free_port()
    ours = {"PORTAL_DATA_DIR": str(folder), "PORT": str(port), "PORTAL_DEMO": "0"}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "portal.dev"],
            cwd=ROOT,
            env=os.environ | ours | values,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            made = Installation(f"http://127.0.0.1:{port}", folder, process)
            _wait_until_it_answers(made)
            yield made
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=40)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """Started once, with a practice and its front desk."""
    with running() as made:
        made.flask("practice", "add", PRACTICE, "--phone", "(617) 555-0100")
        made.add_staff(STAFF, PRACTICE, "front-desk", "James Smith")
        yield made


@pytest.fixture(scope="session")
def administrator(installation: Installation) -> str:
    """The address under which an administrator logs on."""
    installation.add_staff(ADMINISTRATOR, PRACTICE, "administrator", "Ada Admin")
    return ADMINISTRATOR


def _wait_until_it_answers(made: Installation) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(made.url + "/readyz", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert made.process.poll() is None, (made.folder / "log.txt").read_text()
            time.sleep(0.2)
    raise AssertionError((made.folder / "log.txt").read_text())


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def contexts(browser: Browser) -> Iterator[Any]:
    """Makes browser contexts (one per person), and fails on whatever a page complains about."""
    made: list[BrowserContext] = []
    complaints: list[str] = []

    def make(**options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(15_000)
        made.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(said.text) if said.type == "error" else None
        )
        return page

    yield make
    for context in made:
        context.close()
    expected = re.compile(r"status of (401|404|409|410|422)|net::ERR_ABORTED|Failed to fetch")
    assert [text for text in complaints if not expected.search(text)] == []


class Words:
    """The labels of a language, as the translations have them."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.catalog = None
        if language != "en":
            path = ROOT / "portal" / "translations" / language / "LC_MESSAGES" / "messages.po"
            with path.open("rb") as file:
                self.catalog = read_po(file, locale=language)

    def __call__(self, text: str, **values: object) -> str:
        if self.catalog is not None:
            held = self.catalog.get(text)
            assert held is not None, f"{text!r} is no message"
            assert held.string, f"{text!r} is not translated"
            text = str(held.string)
        return text % values if values else text


@dataclass(frozen=True)
class Subject:
    """A patient of the imported file."""

    search: str
    given: str
    family: str
    ssn: str
    born: str


def grown_ups_without_mail(path: Path) -> list[Subject]:
    """Living adults of the file that have no email."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if not row["EMAIL"] and not row["DEATHDATE"] and "1950" < row["BIRTHDATE"] < "1999"
        ]
    return [
        Subject(
            search=f"{row['LAST']} {row['FIRST'][:3]}".lower(),
            given=row["FIRST"],
            family=row["LAST"],
            ssn=row["SSN"],
            born=row["BIRTHDATE"],
        )
        for row in rows
        if row["PHONE"].replace("-", "").isdigit()
    ]


@pytest.fixture(scope="session")
def subjects(installation: Installation, shared_data: Path) -> list[Subject]:
    """The real file, imported."""
    path = shared_data / "with_contacts" / "synthea_apr2020_1171.csv"
    told = installation.flask("patients", "import", str(path), "--practice", PRACTICE, "--json")
    assert '"created": 1171' in told
    return grown_ups_without_mail(path)


@pytest.fixture(scope="session")
def export(installation: Installation, shared_data: Path) -> None:
    """The folder, imported."""
    folder = shared_data / "csv" / "synthea_dbt27"
    installation.flask(
        "patients", "import", str(folder / "patients.csv"), "--practice", PRACTICE, "--json"
    )
    told = installation.flask(
        "schedule", "import", str(folder), "--practice", PRACTICE, "--shift-to", SHIFTED_TO.isoformat(), "--json"
    )  # fmt: skip
    assert json.loads(told)["created"] > 20
