"""Portal settings in Chromium: a logo goes up, is seen, travels with an invitation, and is taken away (6.2, 6.3)."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.journeys.conftest import DESK, Installation, Subject, Words
from tests.journeys.test_main_job import enable, log_on, open_portal_access, save_missing_email
from tests.pictures import picture

t = Words("en")
LOGO = {"name": "logo.png", "mimeType": "image/png", "buffer": picture("PNG", (480, 140))}


def shown_width(page: Page, selector: str) -> int:
    """How many pixels the picture has that the browser shows there; 0: none could be shown."""
    width: int = page.locator(selector).evaluate("picture => picture.naturalWidth")
    return width


def save(page: Page, said: str) -> None:
    page.get_by_role("button", name="Update settings").click()
    expect(page.get_by_text(f"Saved: {said}.").first).to_be_visible()


def test_a_logo_from_the_settings_to_the_patient_and_away(
    installation: Installation, administrator: str, subjects: list[Subject], contexts: Any
) -> None:
    page = contexts(viewport=DESK)
    log_on(page, installation, t, email=administrator)
    page.get_by_text("Account", exact=True).first.click()
    page.get_by_role("link", name="Portal settings").first.click()
    expect(page.get_by_text("TOTAL PATIENTS")).to_be_visible()
    expect(page.locator(".counters .pill").first).to_contain_text(re.compile(r"1,[12]\d\d"))
    page.get_by_label("Practice Business Logo").set_input_files(LOGO)  # type: ignore[arg-type]
    save(page, "Practice Business Logo")
    expect(page.get_by_role("img", name="Practice Business Logo")).to_be_visible()
    assert shown_width(page, "img.picture") == 480

    page.get_by_role("link", name="Communication").click()
    page.get_by_label("Sender name").fill("Dr. Who’s office")
    page.get_by_label("Reply-to address").fill("desk@clinic.example")
    save(page, "Sender name, Reply-to address")
    page.get_by_role("link", name="Style").click()
    page.get_by_label("Pick a color").evaluate(
        "box => { box.value = '#7a1f4e'; box.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    expect(page.get_by_label("Color of emails")).to_have_value("#7a1f4e")
    save(page, "Color of emails")

    address = "settings@example.com"
    open_portal_access(page, installation, subjects[40], t)
    save_missing_email(page, address, t)
    enable(page, t)
    mail = installation.wait_for_mail(address, "Family Practice")
    assert mail["From"].addresses[0].display_name == "Dr. Who’s office"
    assert mail["Reply-To"] == "desk@clinic.example"
    html = mail.get_body(("html",))
    assert html is not None
    (cid,) = re.findall(r'src="cid:([^"]+)"', html.get_content())
    (part,) = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert part["Content-ID"] == f"<{cid}>"
    assert part.get_content_disposition() == "inline"

    page.goto(f"{installation.url}/dev/mailbox")
    page.get_by_role("link", name=re.compile("Connect with Family Practice")).first.click()
    page.goto(page.url + "/html")
    assert shown_width(page, ".masthead img") == 480
    expect(page.get_by_role("link", name="Sign Up Now")).to_have_css(
        "background-color", "rgb(122, 31, 78)"
    )

    page.goto(f"{installation.url}/staff/settings")
    page.get_by_label("Remove this logo").check()
    save(page, "Practice Business Logo")
    expect(page.locator("img.picture")).to_have_count(0)
    page.get_by_role("link", name="Communication").click()
    for label in ("Sender name", "Reply-to address"):
        page.get_by_label(label).fill("")
    save(page, "Sender name, Reply-to address")
    page.get_by_role("link", name="Style").click()
    page.get_by_label("Color of emails").fill("#1f4e79")
    save(page, "Color of emails")
