"""Walk through the two doors with the test client, as a browser without JavaScript would."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from portal.invitations.models import Invitation
from portal.practices.models import StaffMember
from portal.tokens import link_token
from tests.factories import PASSWORD


def log_on_staff(app: Flask, staff: StaffMember) -> FlaskClient:
    """A browser in which this staff member is logged on."""
    client = app.test_client()
    answer = client.post("/staff/login", data={"email": staff.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client


def open_door(client: FlaskClient, token: str) -> str:
    """Open a link; returns the door's handle."""
    answer = client.get(f"/i/{token}")
    assert answer.status_code == 303
    return answer.headers["Location"].split("/invitation/")[1].split("/")[0]


def sign_up(
    app: Flask,
    invitation: Invitation,
    *,
    username: str = "jenny.h",
    ssn: str = "536-90-4399",
    at: str = "127.0.0.1",
) -> FlaskClient:
    """A browser, at this network address, in which the invited patient has signed up and is logged on."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = at
    handle = open_door(client, link_token(invitation.nonce))
    answer = client.post(
        f"/invitation/{handle}/sign-up",
        data={
            "first_name": "Jenny",
            "email": invitation.email,
            "username": username,
            "password": PASSWORD,
        },
    )
    assert answer.status_code == 303, answer.get_data(as_text=True)
    answer = client.post(f"/invitation/{handle}/identity", data={"by": "ssn", "ssn": ssn})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client


def log_on_patient(app: Flask, invitation: Invitation, *, username: str = "jenny.l") -> FlaskClient:
    """The same patient in another browser."""
    sign_up(app, invitation, username=username)
    client = app.test_client()
    answer = client.post("/login", data={"identifier": username, "password": PASSWORD})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client
