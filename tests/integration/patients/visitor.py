"""A visitor at the patients' door: a browser without JavaScript, and what it sees."""

from __future__ import annotations

import html
import re

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal.accounts.models import PortalAccount
from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.tokens import link_token
from tests.factories import PASSWORD

PHONE = "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36"
RIGHT_SSN = "536-90-4399"
WRONG_SSN = "536-90-4398"


def link_of(invitation: Invitation) -> str:
    """The path of the invitation's link."""
    return f"/i/{link_token(invitation.nonce)}"


class Visitor:
    """One browser, from one client address."""

    def __init__(self, app: Flask, *, address: str = "203.0.113.7", agent: str = PHONE) -> None:
        self.client = app.test_client()
        self._base = {"environ_base": {"REMOTE_ADDR": address}, "headers": {"User-Agent": agent}}

    def get(self, path: str, **more: object) -> TestResponse:
        return self.client.get(path, **self._base, **more)

    def head(self, path: str) -> TestResponse:
        return self.client.head(path, **self._base)

    def post(self, path: str, **fields: object) -> TestResponse:
        return self.client.post(path, data=fields, **self._base)

    def follow(self, answer: TestResponse) -> TestResponse:
        """The page that a 303 leads to, however many there are in between."""
        while answer.status_code == 303:
            answer = self.get(answer.headers["Location"])
        return answer

    def open(self, invitation: Invitation) -> str:
        """Open the link; returns the path of the door."""
        answer = self.get(link_of(invitation))
        assert answer.status_code == 303
        return answer.headers["Location"]

    def sign_up(self, door: str, **fields: str) -> TestResponse:
        typed = {
            "first_name": "Jenny",
            "email": "jenny.private@example.org",
            "username": "jenny.h",
            "password": PASSWORD,
        }
        return self.post(f"{door}/sign-up", **(typed | fields))

    def verify(self, door: str, ssn: str = RIGHT_SSN) -> TestResponse:
        return self.post(f"{door}/identity", ssn=ssn)

    def register(self, invitation: Invitation, **fields: str) -> str:
        """The whole way in; returns the path of the door."""
        door = self.open(invitation)
        assert self.sign_up(door, **fields).status_code == 303
        assert self.verify(door).headers["Location"] == "/home"
        return door

    def log_on(
        self, identifier: str, password: str = PASSWORD, *, path: str = "/login"
    ) -> TestResponse:
        return self.post(path, identifier=identifier, password=password)

    def at_home(self) -> bool:
        return self.get("/home").status_code == 200


def text(answer: TestResponse) -> str:
    """The words of a page, without mark-up."""
    page = re.sub(r"<(head|svg).*?</\1>", " ", answer.get_data(as_text=True), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def title(answer: TestResponse) -> str:
    found = re.search(r"<title>(.*?)</title>", answer.get_data(as_text=True), re.S)
    assert found
    return html.unescape(found[1])


def value_of(answer: TestResponse, field: str) -> str:
    """What a text field of the page holds."""
    found = re.search(rf'<input[^>]*\bname="{field}"[^>]*>', answer.get_data(as_text=True))
    assert found, f"no field {field}"
    value = re.search(r'\bvalue="([^"]*)"', found[0])
    return html.unescape(value[1]) if value else ""


def lines_of(invitation_id: int, kind: str) -> list[InvitationEvent]:
    """The timeline's lines of one kind."""
    db.session.rollback()
    return list(
        db.session.scalars(
            select(InvitationEvent)
            .where(InvitationEvent.invitation_id == invitation_id, InvitationEvent.kind == kind)
            .order_by(InvitationEvent.id)
        )
    )


def accounts() -> list[PortalAccount]:
    """Every account there is."""
    db.session.rollback()
    return list(db.session.scalars(select(PortalAccount).order_by(PortalAccount.id)))
