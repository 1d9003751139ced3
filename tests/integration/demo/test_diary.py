"""The demo has a schedule that lives: visits that were, today's, those to come, and what patients ask."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.audit.service import first_broken_link
from portal.demo import bulk, diary, service
from portal.demo.people import SIXTY
from portal.extensions import db
from portal.people.models import Patient
from portal.practices import service as practices
from portal.roster import service as roster
from portal.schedule import lists, of_patient
from portal.schedule.models import Appointment
from tests.conftest import Moment

PASSWORD = "a quiet orchard in late november"


def visits(practice_id: int) -> list[Appointment]:
    query = select(Appointment).where(Appointment.practice_id == practice_id)
    return list(db.session.scalars(query.order_by(Appointment.starts_at)))


def test_the_sixty_come_and_go(app: Flask, moment: Moment) -> None:
    service.make(password=PASSWORD, now=moment.now)
    home = practices.get_practice("Family Practice")
    today = clock.local_date(moment.now, home.time_zone)
    found = visits(home.id)
    days = Counter(visit.day for visit in found)
    assert days[today] == diary.A_DAY
    assert min(days) == today - timedelta(days=21)
    assert max(days) == today + timedelta(days=14)
    for visit in found:
        over = visit.starts_at + timedelta(minutes=visit.minutes) <= moment.now
        assert (visit.state in {"completed", "no_show"}) <= over
        assert (visit.state in {"scheduled", "confirmed"}) <= (visit.starts_at > moment.now)
    states = Counter(visit.state for visit in found)
    for state in ("completed", "no_show", "cancelled", "scheduled", "confirmed"):
        assert states[state], state
    assert all(visit.provider_id and visit.exam_room_id and visit.profile_id for visit in found)
    assert [office.name for office in lists.offices(home.id)] == ["Main office", "Riverside office"]
    assert any(visit.confirmed_by == "patient" for visit in found)
    asked = of_patient.open_requests(home.id)
    assert {request.kind for request in asked} == {"new", "change"}
    known = select(Patient).where(Patient.record_number == "FP-1001")
    jenny = db.session.scalars(known.where(Patient.practice_id == home.id)).one()
    assert of_patient.coming(jenny.id, now=moment.now)
    assert db.session.scalar(select(func.count()).where(Patient.balance_cents.is_not(None))) >= 2
    assert first_broken_link(home.id) is None
    assert roster.check(home.id, moment.now) == []


def test_nobody_comes_after_the_end(app: Flask, moment: Moment) -> None:
    service.make(password=PASSWORD, now=moment.now)
    coming = select(Appointment.patient_id).where(Appointment.starts_at > moment.now)
    gone = select(Patient.id).where(
        Patient.id.in_(coming), Patient.deceased.is_(True) | Patient.end_date.is_not(None)
    )
    assert db.session.scalars(gone).all() == []


def test_a_small_share_of_very_many(app: Flask, moment: Moment, monkeypatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 400)
    monkeypatch.setattr(service, "SIXTY", SIXTY[:1])
    service.make(password=PASSWORD, now=moment.now, patients=800)
    home = practices.get_practice("Family Practice")
    found = visits(home.id)
    assert 300 < len(found) < 800
    assert len({visit.patient_id for visit in found}) > 100
    assert roster.check(home.id, moment.now) == []
