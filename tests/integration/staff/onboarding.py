"""How a test reads the Onboarding Tool: rows, cells, pills, and the forms behind its buttons."""

from __future__ import annotations

import html
import re

from portal import clock
from portal.access import service as access
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from tests.integration.staff.clerk import Clerk, markup

URL = "/staff/onboarding"


def row(answer, patient: Patient) -> str:
    """The mark-up of a patient's row."""
    found = re.search(rf'<tr id="row-{patient.public_id}".*?</tr>', markup(answer), re.S)
    assert found, f"no row of {patient.public_id}"
    return found[0]


def cells(answer, patient: Patient) -> list[str]:
    """Portal status, Patient, Born, Phone, Invitation, Action, in words."""
    return _cells(answer, patient, r'<td(?! class="pick")(?![^>]* data-th="Next").*?</td>')


def comes(answer, patient: Patient) -> str:
    """Next appointment and last visit."""
    return _cells(answer, patient, r'<td[^>]* data-th="Next".*?</td>')[0]


def _cells(answer, patient: Patient, which: str) -> list[str]:
    bare = re.sub(r"<svg.*?</svg>|<input[^>]*>", " ", row(answer, patient), flags=re.S)
    found = re.findall(which, bare, re.S)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in found]


def names(answer) -> list[str]:
    found = re.findall(r'<td class="lead"><a href="[^"]*">(.*?)</a>', markup(answer))
    return [html.unescape(name) for name in found]


def pills(answer) -> dict[str, str]:
    """Each pill with its number."""
    found = re.findall(r"<b>([\d,]+)</b><span>(?:<i[^>]*></i>)?([^<]+)</span>", markup(answer))
    return {label: number for number, label in found}


def form_of(answer, button: str) -> tuple[str, dict[str, str]]:
    """Where the form of a button goes, and what it carries."""
    for action, inner in re.findall(
        r'<form[^>]* action="([^"]*)"[^>]*>(.*?)</form>', markup(answer), re.S
    ):
        if f'id="{button}"' in inner:
            fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', inner)
            held = {name: html.unescape(value) for name, value in fields if name != "csrf_token"}
            return html.unescape(action), held
    raise AssertionError(f"no form with the button {button}")


def press(clerk: Clerk, shown, button: str, *, htmx: bool = True, **more: str):
    """Press a button of a page that was fetched before."""
    url, fields = form_of(shown, button)
    return clerk.post(url, htmx=htmx, **(fields | more))


def status_of(patient: Patient) -> str:
    db.session.rollback()
    held = db.session.get_one(Patient, patient.id)
    return access.status_of(held, access.current_grant(patient.id), now=clock.now()).value


def mails() -> int:
    db.session.rollback()
    return db.session.query(OutboxMessage).filter_by(purpose="invitation").count()
