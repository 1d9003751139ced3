"""Every route × every kind of visitor, and no GET that changes anything (ASVS 8.2.1, 3.5.3; style.md habit 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.access import service as access
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail import unsubscribe
from portal.mail.models import OutboxMessage
from portal.tokens import link_token
from portal.transaction import atomic
from portal.web.access_table import ACCESS, Who
from tests.doors import log_on_patient, log_on_staff, open_door, sign_up
from tests.factories import House, make_appointment, make_house, make_invitation, make_patient

VISITORS = ["anonymous", "patient", "front_desk", "provider", "administrator"]
WRITTEN_BY_GET = {
    "audit_event",
    "audit_chain",
    "invitation_event",
    "account_event",
    "alembic_version",
}
"""Append-only observations (security.md "Shape")."""


@dataclass
class World:
    """Ids for every address."""

    house: House
    ids: dict[str, str]


@pytest.fixture
def world(app: Flask, moment: Any) -> World:
    house = make_house()
    invitation = make_invitation(house)
    patient = invitation.patient
    grant = access.current_grant(patient.id)
    assert grant is not None
    with atomic():
        attention.raise_item(
            patient=patient, kind=AttentionKind.NOT_ME, by=house.hand, now=moment.now
        )
    item = attention.open_items(practice_id=house.practice.id)[0]
    return World(
        house,
        {
            "filename": "app.css",
            "public_id": patient.public_id,
            "patient_id": patient.public_id,
            "item_id": item.public_id,
            "grant_id": grant.public_id,
            "appointment_id": make_appointment(house, patient).public_id,
            "token": link_token(invitation.nonce),
            "unsubscribe": _unsubscribe_token(invitation),
            "handle": "unknown-handle-000000",
            "key": "unknown",
        },
    )


def _unsubscribe_token(invitation: Invitation) -> str:
    message = select(OutboxMessage.public_id).where(OutboxMessage.subject_id == invitation.id)
    return unsubscribe.token(str(db.session.scalar(message)))


def visitor(app: Flask, world: World, kind: str) -> FlaskClient:
    if kind == "anonymous":
        return app.test_client()
    if kind == "patient":
        invitation = make_invitation(world.house, make_patient(world.house, given_name="Sam"))
        return sign_up(app, invitation, username="sam.visitor")
    return log_on_staff(app, getattr(world.house, {"provider": "provider_member"}.get(kind, kind)))


def rules(app: Flask) -> list[Any]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def address(app: Flask, world: World, rule: Any) -> str:
    values = {name: world.ids.get(name, world.ids["public_id"]) for name in rule.arguments}
    if rule.endpoint == "patients.unsubscribe":
        values = {"token": world.ids["unsubscribe"]}
    if "attention" in rule.rule:
        values = dict.fromkeys(values, world.ids["item_id"])
    with app.test_request_context():
        return url_for(rule.endpoint, **values)


def test_the_table_and_the_routes_are_the_same(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(ACCESS)


def test_an_endpoint_that_is_not_in_the_table_is_refused(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert app.test_client().get("/livez").status_code == 200
    monkeypatch.delitem(ACCESS, "health.livez")
    assert app.test_client().get("/livez").status_code == 404


@pytest.mark.parametrize("kind", VISITORS)
def test_every_route_for_every_visitor(app: Flask, world: World, kind: str) -> None:
    client = visitor(app, world, kind)
    wrong = []
    for rule in rules(app):
        who = ACCESS[rule.endpoint]
        for method in sorted(rule.methods & {"GET", "POST"}):
            if rule.endpoint.endswith("log_off"):
                continue  # tried by name below: it would end the visit
            answer = client.open(address(app, world, rule), method=method)
            code, place = answer.status_code, answer.headers.get("Location", "")
            expected = _expected(who, kind)
            if expected == "in":
                good = (
                    code < 500
                    and not (code == 303 and "/login" in place)
                    and code not in {401, 403}
                )
            elif expected == "log-on":
                good = code == 303 and place.split("?")[0].endswith("/login")
            else:
                good = code == expected
            if not good:
                wrong.append(f"{kind} {method} {rule.rule}: {code} {place}, expected {expected}")
    assert not wrong, "\n".join(wrong)


def _expected(who: Who, kind: str) -> object:
    staff = kind in {"front_desk", "provider", "administrator"}
    match who:
        case Who.ANYBODY:
            return "in"
        case Who.DEVELOPER:
            return 404
        case Who.STAFF:
            return "in" if staff else "log-on"
        case Who.ADMINISTRATOR:
            return "in" if kind == "administrator" else (403 if staff else "log-on")
        case Who.PROVIDER:
            return ("in" if kind != "front_desk" else 403) if staff else "log-on"
        case Who.PATIENT:
            return "in" if kind == "patient" else "log-on"


@pytest.mark.parametrize("kind", ["anonymous", "patient", "administrator"])
def test_no_get_changes_anything(app: Flask, world: World, kind: str) -> None:
    client = visitor(app, world, kind)
    handle = open_door(client, world.ids["token"])
    world.ids["handle"] = handle
    before = snapshot()
    for rule in rules(app):
        if "GET" in rule.methods:
            for method in ("GET", "HEAD"):
                client.open(address(app, world, rule), method=method)
                client.open(
                    address(app, world, rule), method=method, headers={"HX-Request": "true"}
                )
    after = snapshot()
    assert {name for name in before if before[name] != after[name]} == set()


def snapshot() -> dict[str, list[Any]]:
    db.session.rollback()
    return {
        table.name: sorted(map(repr, db.session.execute(select(table)).all()))
        for table in db.metadata.sorted_tables
        if table.name not in WRITTEN_BY_GET
    }


@pytest.mark.parametrize("path", ["/staff/logout", "/logout"])
def test_logging_off_is_a_post(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 405


def test_another_practice_s_ids_are_not_there(app: Flask, world: World, moment: Any) -> None:
    other = make_house("Other Clinic")
    client = log_on_staff(app, other.administrator)
    wrong = []
    for rule in rules(app):
        if rule.endpoint.startswith("staff.") and rule.arguments:
            for method in sorted(rule.methods & {"GET", "POST"}):
                code = client.open(address(app, world, rule), method=method).status_code
                if code != 404:
                    wrong.append(f"{method} {rule.rule}: {code}")
    assert not wrong, "\n".join(wrong)


def test_csrf_is_asked_of_every_post(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "WTF_CSRF_ENABLED", True)
    client = app.test_client()
    for rule in rules(app):
        own_token = rule.endpoint == "patients.unsubscribe"  # RFC 8058; security.md
        if "POST" in rule.methods and ACCESS[rule.endpoint] is Who.ANYBODY and not own_token:
            assert client.post(address(app, world, rule)).status_code == 400, rule.rule


def test_every_answer_carries_the_headers(app: Flask, world: World) -> None:
    client = log_on_patient(app, make_invitation(world.house))
    for rule in rules(app):
        if "GET" in rule.methods:
            headers = client.get(address(app, world, rule)).headers
            assert "unsafe" not in headers["Content-Security-Policy"], rule.rule
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cache-Control"] == "no-store"
            assert "Cookie" in headers["Vary"]


def test_unknown_hosts_are_refused(app: Flask) -> None:
    client = app.test_client()
    assert client.get("/login", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/login", headers={"X-Forwarded-Host": "evil.example"}).status_code == 200
