"""Somebody at the front desk: a browser at the staff's door, with and without htmx, and what it sees."""

from __future__ import annotations

import html
import re
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.people.models import Patient
from portal.practices.models import StaffMember
from tests.doors import log_on_staff

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Clerk:
    """One staff member, logged on."""

    def __init__(self, app: Flask, staff: StaffMember) -> None:
        self.client = log_on_staff(app, staff)

    def get(self, path: str, *, htmx: bool = False) -> TestResponse:
        return self.client.get(path, headers=HTMX if htmx else {})

    def post(self, path: str, *, htmx: bool = False, **fields: Any) -> TestResponse:
        return self.client.post(path, data=fields, headers=HTMX if htmx else {})

    def follow(self, answer: TestResponse) -> TestResponse:
        """The page that a 303 leads to."""
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return self.get(answer.headers["Location"])

    def access(self, patient: Patient) -> TestResponse:
        """The Portal access page of a chart."""
        return self.get(f"/staff/patients/{patient.public_id}/portal-access")

    def act(self, patient: Patient, act: str, *, htmx: bool = True, **fields: Any) -> TestResponse:
        """One act of the Portal access page: enable, send, resend, revoke, disable."""
        return self.post(f"/staff/patients/{patient.public_id}/access/{act}", htmx=htmx, **fields)


def text(answer: TestResponse) -> str:
    """The words of a page, without mark-up."""
    page = re.sub(r"<(head|svg).*?</\1>", " ", answer.get_data(as_text=True), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def markup(answer: TestResponse) -> str:
    """The page as it was sent."""
    return answer.get_data(as_text=True)


def status_region(answer: TestResponse, region: str = "status") -> str:
    """What an answer of htmx puts into the page's status or alert region."""
    found = re.search(
        rf'<div id="{region}" hx-swap-oob="innerHTML">(.*?)</div>', markup(answer), re.S
    )
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(found[1])).split()) if found else ""


def row(answer: TestResponse, number: int = 0) -> list[str]:
    """The cells of one row of the Access History: Email, Enabled by, Activated on, Disabled."""
    rows = re.findall(r'<tr class="top".*?</tr>', markup(answer), re.S)
    cells = re.findall(r"<td.*?</td>", rows[number], re.S)
    bare = [re.sub(r"<svg.*?</svg>|<input[^>]*>", " ", cell, flags=re.S) for cell in cells]
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", cell)).split()) for cell in bare]


def field(answer: TestResponse, name: str) -> str:
    """What a field of the page holds."""
    found = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', markup(answer))
    assert found, f"no field {name}"
    value = re.search(r'\bvalue="([^"]*)"', found[0])
    return html.unescape(value[1]) if value else ""


def audited(event: str) -> list[AuditEvent]:
    """The audit events of one kind, oldest first."""
    db.session.rollback()
    query = select(AuditEvent).where(AuditEvent.event == event).order_by(AuditEvent.id)
    return list(db.session.scalars(query))
