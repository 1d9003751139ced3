"""Invite everybody, in Chromium: preview, the number on the button, progress by itself, the report (7)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD
from tests.journeys.conftest import DESK, PHONE, Installation, Words
from tests.journeys.test_every_page import Inspector

CLINIC, ADMIN = "Bulk Clinic", "bulk.admin@example.com"
GOOD, WITHOUT_MAIL = 130, 7
t = Words("en")


@pytest.fixture(scope="module")
def clinic(installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A practice of its own, whom nothing else in the installation writes to."""
    file = tmp_path_factory.mktemp("bulk") / "patients.csv"
    rows = ["MRN,FIRST,LAST,DOB,EMAIL,SSN"]
    for number in range(GOOD + WITHOUT_MAIL):
        address = f"bulk.{number}@example.org" if number < GOOD else ""
        rows.append(f"B{number},Pat,Number{number:03d},1980-02-11,{address},536-90-4399")
    file.write_text("\n".join(rows) + "\n")
    installation.flask("practice", "add", CLINIC)
    installation.add_staff(ADMIN, CLINIC, "administrator", "Ada Admin")
    installation.flask("patients", "import", str(file), "--practice", CLINIC)
    return file


def log_on(page: Page, installation: Installation) -> None:
    page.goto(f"{installation.url}/staff/login")
    page.get_by_label(t("Email"), exact=True).fill(ADMIN)
    page.get_by_label(t("Password"), exact=True).fill(PASSWORD)
    page.get_by_role("button", name=t("Log in")).click()
    page.wait_for_url(re.compile(r"/staff/(?!login)"))


def test_invite_everybody(installation: Installation, clinic: Path, contexts: Any) -> None:
    page = contexts(viewport=DESK, color_scheme="light")
    inspector = Inspector(page)
    log_on(page, installation)
    page.goto(f"{installation.url}/staff/bulk/invite-all")
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        f"{GOOD} of {GOOD + WITHOUT_MAIL} patients will get an invitation."
    )
    inspector.look("preview")
    page.get_by_role("link", name=re.compile("Show them")).click()
    expect(page.get_by_role("link", name="Number136").first).to_be_visible()
    inspector.look("people passed over")
    page.get_by_role("link", name=t("Back to the preview")).click()
    page.get_by_role("button", name=t("Send me a test")).click()
    test = installation.wait_for_mail(ADMIN, "TEST: ")
    assert "Number" not in str(test)
    assert "example.org" not in str(test)

    page.get_by_role("button", name=f"Send {GOOD} invitations").click()
    page.get_by_role("button", name="OK", exact=True).click()
    page.wait_for_url(re.compile(r"/staff/bulk/[\w-]{22}$"))
    inspector.look("a run")
    first = page.url
    expect(page.get_by_role("heading", level=2).first).to_have_text("Done", timeout=90_000)
    expect(page.locator("#bulk-numbers")).to_contain_text(re.compile(rf"Sent\s*{GOOD}"))
    inspector.look("a run that is done")
    assert len(installation.mails_to("bulk.0@example.org")) == 1
    assert len(installation.mails_to("bulk.129@example.org")) == 1
    with page.expect_download() as download:
        page.get_by_role("link", name=t("Download as CSV")).click()
    assert len(Path(download.value.path()).read_text().splitlines()) == GOOD + WITHOUT_MAIL + 1

    phone = contexts(viewport=PHONE, color_scheme="dark", java_script_enabled=False)
    log_on(phone, installation)
    phone.goto(first)
    expect(phone.locator("#bulk-numbers")).to_contain_text(re.compile(rf"Sent\s*{GOOD}"))
    phone.goto(f"{installation.url}/staff/bulk/invite-all")
    expect(phone.get_by_role("main")).to_contain_text(f"Invited in the last 24 hours {GOOD}")
    narrow = contexts(viewport=PHONE, color_scheme="dark")
    log_on(narrow, installation)
    inspector.page = narrow
    for path in (first, f"{installation.url}/staff/bulk/invite-all"):
        narrow.goto(path)
        inspector.look(f"narrow {path}")
    assert inspector.problems == []
