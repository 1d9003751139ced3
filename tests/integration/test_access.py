"""Grants: target states, one open at a time, an audit event in the same commit (product 1, 3.3)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.access.rules import Status
from portal.audit.models import AuditEvent
from portal.audit.service import UnknownEvent, first_broken_link, record
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.invitations import service as invitations
from portal.people import service as people
from portal.transaction import WriteOutsideTransaction, atomic, writing
from tests.factories import make_house, make_invitation, make_patient


def events(name: str) -> int:
    return db.session.scalar(select(func.count()).where(AuditEvent.event == name)) or 0


def test_enabling_twice_is_enabling_once(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    first = access.enable(patient=patient, by=house.hand, now=moment.now)
    again = access.enable(patient=patient, by=house.hand, now=moment.pass_(minutes=1))
    assert first.id == again.id
    assert events("access.enabled") == 1
    assert access.status_of(patient, first, now=moment.now) is Status.READY


def test_a_second_open_grant_is_refused_by_the_database(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    grant = access.enable(patient=patient, by=house.hand, now=moment.now)
    practice_id, patient_id = grant.practice_id, grant.patient_id
    with pytest.raises(IntegrityError), atomic():
        db.session.add(
            Grant(
                practice_id=practice_id,
                patient_id=patient_id,
                enabled_at=moment.now,
                enabled_by_name="x",
            )
        )
        db.session.flush()


def test_end_date_and_death_end_access_at_local_midnight(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    access.enable(patient=patient, by=house.hand, now=moment.now)
    people.edit(
        patient=patient, values={"end_date": date(2026, 11, 22)}, by=house.hand, now=moment.now
    )
    grant = access.current_grant(patient.id)
    assert access.status_of(patient, grant, now=moment.now) is Status.READY
    moment.pass_(hours=11, minutes=59)  # 23:59 in New York
    assert access.status_of(patient, grant, now=moment.now) is Status.READY
    assert access.end_overdue(by=house.hand, now=moment.now) == 0
    moment.pass_(minutes=1)
    assert access.status_of(patient, grant, now=moment.now) is Status.NOT_ENABLED, (
        "a refusal asks the clock"
    )
    assert access.end_overdue(by=house.hand, now=moment.now) == 1
    assert access.current_grant(patient.id) is None
    assert access.history(patient.id)[0].end_reason == EndReason.END_DATED
    with pytest.raises(Refused, match="end_dated"):
        access.enable(patient=patient, by=house.hand, now=moment.now)


def test_the_sweep_takes_the_patient_s_lock_before_the_grant_s(app, moment) -> None:
    """Whoever acts upon a chart does; the other way round two of them wait for each other for ever."""
    house = make_house()
    patient = make_patient(house, end_date=date(2026, 11, 22))
    access.enable(patient=patient, by=house.hand, now=moment.now)
    moment.pass_(hours=12)
    steps: list[str] = []

    def listen(_connection, _cursor, statement, *_more) -> None:
        if "FROM patient" in statement and "FOR UPDATE" in statement:
            steps.append("lock")
        elif statement.startswith("UPDATE access_grant"):
            steps.append("end")

    def begin(_connection) -> None:
        if db.engine.dialect.name == "sqlite" and writing():
            steps.append("lock")  # of the whole database

    event.listen(db.engine, "before_cursor_execute", listen)
    event.listen(db.engine, "begin", begin)
    try:
        assert access.end_overdue(by=house.hand, now=moment.now) == 1
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
        event.remove(db.engine, "begin", begin)
    assert steps[:2] == ["lock", "end"]


def test_who_left_first_is_ended_first(app, moment) -> None:
    house = make_house()
    tomorrow, today = date(2026, 11, 22), date(2026, 11, 21)
    for end_date in (tomorrow, tomorrow, today):
        patient = make_patient(house)
        access.enable(patient=patient, by=house.hand, now=moment.now)
        people.edit(patient=patient, values={"end_date": end_date}, by=house.hand, now=moment.now)
    assert access.end_overdue(by=house.hand, now=moment.now, limit=1) == 1


def test_revoke_is_for_pending_and_disable_for_active(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    make_invitation(house, patient)
    grant = access.current_grant(patient.id)
    assert grant is not None
    with pytest.raises(Stale):
        invitations.end_access(
            patient=patient,
            grant_public_id=grant.public_id,
            expect=EndReason.DISABLED,
            by=house.hand,
            now=moment.now,
        )
    assert invitations.end_access(
        patient=patient,
        grant_public_id=grant.public_id,
        expect=EndReason.REVOKED,
        by=house.hand,
        now=moment.now,
    )
    assert not invitations.end_access(
        patient=patient,
        grant_public_id=grant.public_id,
        expect=EndReason.REVOKED,
        by=house.hand,
        now=moment.now,
    ), "twice is harmless"
    assert events("access.ended") == 1
    assert invitations.open_invitations(patient.id) == []


def test_an_old_account_makes_a_new_grant_green_at_once(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    grant = access.enable(patient=patient, by=house.hand, now=moment.now)
    with atomic():
        access.record_activated(db.session.get_one(Grant, grant.id), now=moment.now)
    activated = moment.now
    access.end(grant=grant, reason=EndReason.DISABLED, by=house.hand, now=moment.pass_(days=1))
    again = access.enable(patient=patient, by=house.hand, now=moment.pass_(days=1))
    assert again.existing_account_since == activated
    assert access.status_of(patient, again, now=moment.now) is Status.ACTIVE
    access.end(grant=again, reason=EndReason.DISABLED, by=house.hand, now=moment.pass_(days=1))
    third = access.enable(
        patient=patient, by=house.hand, now=moment.now, require_new_invitation=True
    )
    assert access.status_of(patient, third, now=moment.now) is Status.READY, "staff ticked it"
    access.end(grant=third, reason=EndReason.DISABLED, by=house.hand, now=moment.pass_(days=1))
    people.edit(
        patient=patient,
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )
    fourth = access.enable(patient=patient, by=house.hand, now=moment.now)
    assert access.status_of(patient, fourth, now=moment.now) is Status.READY, (
        "the email changed since"
    )


def test_nothing_is_written_outside_a_transaction(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    patient.city = "Elsewhere"
    with pytest.raises(WriteOutsideTransaction):
        db.session.flush()
    db.session.rollback()
    with pytest.raises(WriteOutsideTransaction):
        record(
            "notice.acknowledged",
            practice_id=house.practice.id,
            by=house.hand,
            now=moment.now,
            version=1,
        )


def test_the_audit_vocabulary_is_closed(app, moment) -> None:
    house = make_house()
    with pytest.raises(UnknownEvent), atomic():
        record("patient.eaten", practice_id=house.practice.id, by=house.hand, now=moment.now)
    with pytest.raises(UnknownEvent), atomic():
        record(
            "patient.opted_out",
            practice_id=house.practice.id,
            by=house.hand,
            now=moment.now,
            ssn="x",
        )


def test_the_audit_trail_is_append_only_and_tamper_evident(app, moment) -> None:
    house = make_house()
    make_patient(house)
    assert first_broken_link(house.practice.id) is None
    for sql in ("UPDATE audit_event SET actor_name = 'x'", "DELETE FROM audit_event"):
        with pytest.raises(DBAPIError), db.engine.begin() as connection:
            connection.exec_driver_sql(sql)
    drop = (
        "DROP TRIGGER audit_event_no_update"
        if db.engine.dialect.name == "sqlite"
        else "ALTER TABLE audit_event DISABLE TRIGGER USER"
    )
    with db.engine.begin() as connection:
        connection.exec_driver_sql(drop)
        connection.exec_driver_sql(
            "UPDATE audit_event SET actor_name = 'nobody' WHERE sequence = 3"
        )
        if db.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE audit_event ENABLE TRIGGER USER")
    db.session.rollback()
    assert first_broken_link(house.practice.id) == 3


def test_a_failed_audit_write_refuses_the_act(app, moment, monkeypatch) -> None:
    house = make_house()
    patient = make_patient(house)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no disk")

    monkeypatch.setattr("portal.access.service.audit.record", broken)
    with pytest.raises(RuntimeError):
        access.enable(patient=patient, by=house.hand, now=moment.now)
    assert access.current_grant(patient.id) is None
