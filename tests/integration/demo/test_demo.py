"""The demo as a newcomer finds it: every state, a history that holds, and no mail on its way."""

from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal import clock
from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.access.rules import Status
from portal.accounts import service as accounts
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.demo import service, stories
from portal.demo.founding import HAND
from portal.demo.history import Life
from portal.demo.person import Story
from portal.errors import Refused
from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail.models import OutboxMessage
from portal.mail.rules import SETTLED
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import NoticeAcknowledgement, Practice
from tests.conftest import Moment

PASSWORD = "a quiet orchard in late november"
STAFF = ("admin", "provider", "provider2", "provider3", "frontdesk")


def everybody(practice_id: int) -> list[Patient]:
    return list(db.session.scalars(select(Patient).where(Patient.practice_id == practice_id)))


def test_every_status_and_every_detail_is_there(app: Flask, moment: Moment) -> None:
    now = moment.now
    made = service.make(password=PASSWORD, now=now)
    home = practices.get_practice("Family Practice")
    patients = everybody(home.id)
    assert len(patients) == made.patients == 62
    assert {len(everybody(each.id)) for each in db.session.scalars(select(Practice))} == {62, 4}
    assert set(access.statuses(patients, now=now).values()) == set(Status)
    every_grant = db.session.scalars(select(Grant)).all()
    assert {grant.end_reason for grant in every_grant} == {*EndReason, None}
    assert any(grant.existing_account_since and not grant.ended_at for grant in every_grant)
    invitations = db.session.scalars(select(Invitation)).all()
    assert {invitation.state for invitation in invitations} == set(InvitationState)
    assert any(i.state == "live" and i.expires_at <= now for i in invitations), "expired"
    assert any(i.state == "live" and i.expires_at > now for i in invitations), "fresh"
    assert any(i.origin == "fresh_link" for i in invitations)
    waiting = attention.open_items(practice_id=home.id)
    assert {item.kind for item in waiting} == set(AttentionKind)
    lines = set(db.session.scalars(select(InvitationEvent.kind).distinct()))
    assert set(TimelineKind) - lines <= {TimelineKind.WAITING, TimelineKind.MAIL_CANCELLED,
                                         TimelineKind.FRESH_LINK, TimelineKind.LATE,
                                         TimelineKind.RETURNED, TimelineKind.CHALLENGE,
                                         TimelineKind.UNSUBSCRIBED, TimelineKind.REMINDED}  # fmt: skip
    for detail in (
        Patient.opted_out_at,
        Patient.email_bounced_at,
        Patient.end_date,
        Patient.deceased_on,
        Patient.email_changed_at,
    ):
        assert any(getattr(patient, detail.key) for patient in patients), detail.key
    for missing in (Patient.email, Patient.ssn_match, Patient.birth_date, Patient.language):
        assert any(getattr(patient, missing.key) is None for patient in patients), missing.key
    assert any(not patient.phones for patient in patients)
    assert any(patient.email_flagged for patient in patients)
    assert {patient.language for patient in patients} == {"en", "es", None}
    assert {patient.provider.name for patient in patients if patient.provider} == {
        "Dr. Who",
        "Dr. What",
        "Dr. Which",
    }


def test_the_history_holds_and_no_mail_is_on_its_way(app: Flask, moment: Moment) -> None:
    now = moment.now
    made = service.make(password=PASSWORD, now=now)
    for practice_id in db.session.scalars(select(Practice.id)).all():
        assert first_broken_link(practice_id) is None
        times = db.session.scalars(
            select(AuditEvent.at)
            .where(AuditEvent.practice_id == practice_id)
            .order_by(AuditEvent.sequence)
        ).all()
        assert times == sorted(times)
        assert times[-1] <= now
    assert set(db.session.scalars(select(OutboxMessage.state).distinct())) <= set(SETTLED)
    assert latest(InvitationEvent.at) < now
    assert access.end_overdue(by=HAND, now=now) == 0, "the sweep finds nothing left to do"

    assert db.session.scalar(select(func.count()).select_from(NoticeAcknowledgement)) == 0
    assert [log_in.name for log_in in made.staff] == [f"{name}@example.com" for name in STAFF]
    for log_in in made.staff:
        assert practices.log_on(email=log_in.name, password=PASSWORD, client="192.0.2.1", now=now)
    assert made.patient is not None
    account = accounts.authenticate(
        identifier=made.patient.name, password=PASSWORD, client="192.0.2.1", now=now
    )
    assert [held.patient.preferred_name for held in accounts.people_of(account, now=now)] == ["Jen"]
    with pytest.raises(Refused, match="practice_exists"):
        service.make(password=PASSWORD, now=now)


def test_an_interrupted_demo_leaves_nothing(
    app: Flask, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(life: Life, when: datetime) -> None:
        raise KeyboardInterrupt

    told = stories.STORIES[Story.ACTIVE]
    monkeypatch.setitem(stories.STORIES, Story.ACTIVE, (*told, (stories.ago(days=1), interrupt)))
    with pytest.raises(KeyboardInterrupt):
        service.make(password=PASSWORD, now=moment.now, patients=1)
    assert db.session.scalar(select(func.count()).select_from(Practice)) == 0


def test_a_second_practice_has_log_ins_of_its_own(app: Flask, moment: Moment) -> None:
    first = service.make(password=PASSWORD, now=moment.now, patients=1)
    second = service.make(
        password=PASSWORD, now=moment.now, practice_name="Hill Clinic", patients=1
    )
    assert second.staff[0].name == "admin@hill-clinic.example.com"
    assert first.patient
    assert second.patient
    for log_in in (first.patient, second.patient):
        account = accounts.authenticate(
            identifier=log_in.name, password=PASSWORD, client="192.0.2.1", now=moment.now
        )
        assert len(accounts.people_of(account, now=moment.now)) == 1


def test_never_in_production(app: Flask, moment: Moment, monkeypatch: pytest.MonkeyPatch) -> None:
    held = app.extensions["vestibule.settings"]
    monkeypatch.setitem(
        app.extensions, "vestibule.settings", held.model_copy(update={"app_env": "production"})
    )
    with pytest.raises(Refused, match="production"):
        service.make(password=PASSWORD, now=moment.now)
    assert db.session.scalar(select(func.count()).select_from(Practice)) == 0


def test_the_command_prints_the_log_ins_once_and_refuses_to_repeat(app: Flask) -> None:
    run = app.test_cli_runner()
    first = run.invoke(args=["demo", "--patients", "2"])
    assert first.exit_code == 0, first.output
    password = first.output.partition("(shown this once)  ")[2].partition("\n")[0]
    assert first.output.count(password) == 1
    for name in (*(f"{name}@example.com" for name in STAFF), "jen.harris"):
        assert name in first.output
    assert practices.log_on(
        email="admin@example.com", password=password, client="192.0.2.1", now=clock.now()
    )
    again = run.invoke(args=["demo"])
    assert again.exit_code == 1
    assert "There is a practice of this name already" in again.output


def test_a_password_that_was_given_is_not_printed(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = app.extensions["vestibule.settings"]
    given = held.model_copy(update={"portal_demo_password": SecretStr("given")})
    monkeypatch.setitem(app.extensions, "vestibule.settings", given)
    done = app.test_cli_runner().invoke(args=["demo", "--patients", "0"])
    assert done.exit_code == 0, done.output
    assert "given" not in done.output
    assert practices.log_on(
        email="frontdesk@example.com", password="given", client="192.0.2.1", now=clock.now()
    )


def latest(column: InstrumentedAttribute[datetime]) -> datetime:
    found = db.session.scalar(select(func.max(column)))
    assert isinstance(found, datetime)
    return found
