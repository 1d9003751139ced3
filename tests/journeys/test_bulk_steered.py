"""A run in the hands of its staff, in Chromium: mended, started, paused, left and found; the mail server away; a mail
that comes back when the run is over (7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import free_port
from tests.factories import PASSWORD
from tests.faults.conftest import wait_for
from tests.integration.mail.test_bounces import GONE
from tests.journeys.conftest import DESK, PHONE, Installation, Words, running
from tests.journeys.test_every_page import Inspector
from tests.smtp import SmtpServer

STEERED, CUT_OFF, LATE = "Steered Clinic", "Cut Off Clinic", "Late Clinic"
GOOD, WITHOUT_MAIL = 90, 3
FEW = 4
PACE = {"BULK_PER_MINUTE": "600", "SWEEP_INTERVAL": "1", "MAIL_RETRY_SCALE": "0.1"}
"""Twenty every two seconds: slow enough for hands, and the waits are a tenth of the real ones."""


@dataclass
class Office:
    """An installation whose mail goes to a server of ours."""

    installation: Installation
    smtp: SmtpServer

    def people(self, practice: str, folder: Path, *, good: int = GOOD) -> str:
        """A practice of its own with its administrator; the address that logs on."""
        short = practice.split()[0].lower()
        address = f"{short}.admin@example.com"
        rows = ["MRN,FIRST,LAST,DOB,EMAIL,SSN"]
        for number in range(good + WITHOUT_MAIL):
            email = f"{short}.{number}@example.org" if number < good else ""
            rows.append(f"S{number},Pat,Number{number:03d},1980-02-11,{email},536-90-4399")
        file = folder / "patients.csv"
        file.write_text("\n".join(rows) + "\n")
        self.installation.flask("practice", "add", practice)
        self.installation.add_staff(address, practice, "administrator", "Ada Admin")
        self.installation.flask("patients", "import", str(file), "--practice", practice)
        return address

    def arrived(self, address: str) -> Counter[str]:
        """How often each patient with such an address was mailed."""
        return Counter(
            mail.recipient for mail in self.smtp.received if mail.recipient.startswith(address)
        )


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with SmtpServer(free_port()) as smtp:
        at = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(smtp.port)}
        with running(**at, **PACE) as installation:
            yield Office(installation, smtp)


def log_on(page: Page, office: Office, address: str) -> None:
    page.goto(f"{office.installation.url}/staff/login")
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/staff/(?!login)"))


def preview(page: Page, office: Office, number: int, *, of: int = GOOD + WITHOUT_MAIL) -> None:
    """The preview says, and its button carries, this number."""
    page.goto(f"{office.installation.url}/staff/bulk/invite-all")
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        f"{number} of {of} patients will get an invitation."
    )


def confirm(page: Page, number: int) -> None:
    page.get_by_role("button", name=f"Send {number} invitations").click()
    acknowledge = page.get_by_role("button", name="OK", exact=True)
    run = page.locator("#bulk-run")
    expect(acknowledge.or_(run).first).to_be_visible()
    if acknowledge.is_visible():  # the notice, once
        acknowledge.click()
    page.wait_for_url(re.compile(r"/staff/bulk/[\w-]{22}$"))


def state(page: Page) -> Any:
    return page.locator("#bulk-run-title")


def sent(page: Page) -> int:
    """The number beside "Sent"."""
    found = re.search(r"Sent\s*([\d,]+)", page.locator("#bulk-numbers").inner_text())
    assert found
    return int(found[1].replace(",", ""))


def test_mended_started_paused_left_and_come_back_to(
    office: Office, contexts: Any, tmp_path: Path
) -> None:
    address = office.people(STEERED, tmp_path)
    page = contexts(viewport=DESK)
    inspector = Inspector(page)
    log_on(page, office, address)

    preview(page, office, GOOD)
    page.get_by_role("row", name="No email on file").get_by_role("link").click()
    passed_over = page.url
    first = page.get_by_role("row", name=f"Number{GOOD:03d}")
    first.get_by_role("link", name="Add it").click()
    dialog = page.get_by_role("dialog")
    inspector.look("what is missing, over the list")
    dialog.get_by_label("Email", exact=True).fill("steered.mended@example.org")
    dialog.get_by_role("button", name="Save Identifiers").click()
    expect(page.get_by_text(re.compile("Saved identifiers of Pat N")).first).to_be_visible()
    expect(first).to_have_count(0)
    assert page.url == passed_over, "mended in place"
    page.get_by_role("link", name="Back to the preview").click()
    preview(page, office, GOOD + 1)

    confirm(page, GOOD + 1)
    run = page.url
    expect(state(page)).to_have_text("Running")
    wait_for(lambda: sent(page) > 0, within=30)  # the page asks by itself
    page.get_by_role("button", name="Pause").click()
    expect(state(page)).to_have_text("Paused")
    expect(
        page.get_by_text("Paused by Ada Admin. It goes on when somebody resumes it.")
    ).to_be_visible()
    inspector.look("a paused run")
    page.wait_for_timeout(3_000)  # longer than a batch: what was on its way has arrived
    page.reload()
    stood = sent(page)
    assert 0 < stood < GOOD + 1
    assert office.arrived("steered.").total() == stood
    page.wait_for_timeout(3_000)
    page.reload()
    assert sent(page) == stood, "paused is paused"

    page.get_by_role("button", name="Resume").click()
    expect(state(page)).to_have_text("Running")
    page.goto(f"{office.installation.url}/staff/patients")
    wait_for(lambda: office.arrived("steered.").total() == GOOD + 1, within=60)
    page.goto(f"{office.installation.url}/staff/bulk")
    page.get_by_role("link", name=re.compile("Invit")).first.click()
    assert page.url == run
    expect(state(page)).to_have_text("Done", timeout=30_000)
    assert sent(page) == GOOD + 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    report = Path(download.value.path()).read_text()
    assert report.count(",Done,") == GOOD + 1
    assert "steered.mended@example.org,Done," in report
    assert set(office.arrived("steered.").values()) == {1}
    assert inspector.problems == []


def test_the_mail_server_away_in_the_middle(office: Office, contexts: Any, tmp_path: Path) -> None:
    address = office.people(CUT_OFF, tmp_path)
    page = contexts(viewport=DESK)
    inspector = Inspector(page)
    log_on(page, office, address)
    preview(page, office, GOOD)
    confirm(page, GOOD)
    wait_for(lambda: office.arrived("cut.").total() >= 25, within=60)
    office.smtp.stop()
    there = office.arrived("cut.").total()
    assert there < GOOD
    expect(state(page)).to_have_text("Paused", timeout=30_000)
    remark = page.locator("#bulk-run .notice")
    expect(remark).to_contain_text("The mail server could not be reached")
    expect(remark).to_contain_text("the run goes on by itself")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    inspector.look("a run that the mail server stopped")
    assert office.arrived("cut.").total() == there

    office.smtp.start()
    expect(state(page)).to_have_text("Done", timeout=90_000)
    assert sent(page) == GOOD
    assert len(office.arrived("cut.")) == GOOD
    assert set(office.arrived("cut.").values()) == {1}, "nobody twice"
    assert inspector.problems == []


def come_back(office: Office, recipient: str) -> None:
    """Another mail server sends a mail that ours had taken back to the address it came from."""
    (sent_from,) = {m.sender for m in office.smtp.received if m.recipient == recipient}
    office.installation.flask("mail", "bounce", "--to", sent_from, typed=GONE.decode())


def test_a_mail_that_comes_back_when_the_run_is_over(
    office: Office, contexts: Any, tmp_path: Path
) -> None:
    address = office.people(LATE, tmp_path, good=FEW)
    page = contexts(viewport=DESK)
    inspector = Inspector(page)
    log_on(page, office, address)
    preview(page, office, FEW, of=FEW + WITHOUT_MAIL)
    confirm(page, FEW)
    run = page.url
    expect(state(page)).to_have_text("Done", timeout=60_000)
    assert sent(page) == FEW

    come_back(office, "late.1@example.org")
    seen = page.context.request
    wait_for(lambda: "Retry the 1 failed" in seen.get(run).text(), within=30)
    page.goto(f"{office.installation.url}/staff/bulk")  # who wants to know looks again, once
    page.get_by_role("link", name=re.compile("Invit")).first.click()
    assert page.url == run
    assert sent(page) == FEW - 1
    expect(page.locator("#bulk-numbers")).to_contain_text(re.compile(r"Failed\s*1"))
    failed = page.get_by_role("row", name="The mail server says there is no such mailbox.")
    expect(failed.locator(".num")).to_have_text("1")
    inspector.look("a run of which a mail came back")
    failed.get_by_role("link").click()
    inspector.look("whom it failed")
    page.get_by_role("link", name="Number001").first.click()
    page.get_by_role("link", name="Portal access", exact=True).first.click()
    expect(page.locator(".chip-invited").first).to_contain_text("Invited")
    expect(page.get_by_role("main")).to_contain_text(
        "Email bounced. The mail server says there is no such mailbox."
    )
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline.get_by_role("listitem").first).to_contain_text("Bounced: the mail came back")
    inspector.look("the chart of whose mail came back")
    chart = page.url

    page.goto(run)
    page.get_by_role("link", name="Retry the 1 failed").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        "0 of 1 patients will get an invitation."
    )
    passed_over = page.get_by_role("row", name="Email bounced")
    expect(passed_over).to_contain_text("Ask for an address that works.")
    inspector.look("the failed ones again")
    passed_over.get_by_role("link").click()
    expect(page.get_by_role("row", name="Number001")).to_be_visible()
    page.goto(f"{office.installation.url}/staff/onboarding?pill=bounced")
    expect(page.get_by_role("row", name="Number001")).to_be_visible()
    expect(page.locator("#pills [aria-current]")).to_contain_text(re.compile(r"1\s*Bounced"))

    t = Words("es")
    phone = contexts(viewport=PHONE, color_scheme="dark")
    log_on(phone, office, address)
    inspector.page = phone
    phone.goto(f"{run}?lang=es")
    expect(phone.get_by_role("main")).to_contain_text(
        t("The mail server says there is no such mailbox.")
    )
    inspector.look("the run in Spanish")
    phone.goto(chart)
    expect(phone.get_by_role("main")).to_contain_text(t("Bounced: the mail came back"))
    inspector.look("the chart in Spanish")
    assert inspector.problems == []
