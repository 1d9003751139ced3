"""Several people at once: one of them wins, nobody is lost, nobody waits for each other for ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, time
from threading import Barrier

from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.audit.service import first_broken_link
from portal.errors import Refused
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.people import service as people
from portal.people.models import Patient
from portal.schedule import booking, lists, notes
from portal.schedule.models import Appointment
from portal.schedule.slip import Slip
from tests.factories import House, make_appointment, make_house, make_patient

EVERYBODY = 6


def at_once(app: Flask, *acts: Callable[[], object]) -> Counter[str]:
    """Each in a thread and a transaction of its own; what came of it, counted."""
    db.session.remove()
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        with app.app_context():
            try:
                start.wait(timeout=20)
                act()
            except Refused as refused:
                return refused.code
            finally:
                db.session.remove()
            return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(run, acts))


def prepared() -> tuple[House, int, Slip]:
    house = make_house()
    patient = make_patient(house)
    office = lists.offices(house.practice.id)[0]
    return house, patient.id, Slip(office_id=office.id, day=date(2026, 11, 23), wall=time(9))


def test_of_many_who_save_the_same_version_one_saves(app: Flask) -> None:
    house, patient_id, slip = prepared()
    made = make_appointment(house, db.session.get_one(Patient, patient_id), provider_id=None)
    number, by, practice_id = made.id, house.hand, house.practice.id

    def save(reason: str) -> Callable[[], object]:
        return lambda: booking.change(
            appointment=db.session.get_one(Appointment, number),
            version=1,
            slip=replace(slip, reason=reason),
            by=by,
            now=clock.now(),
        )

    outcomes = at_once(app, *(save(f"Reason {n}") for n in range(EVERYBODY)))
    assert outcomes == {"done": 1, "stale": EVERYBODY - 1}
    assert db.session.get_one(Appointment, number).version == 2
    assert first_broken_link(practice_id) is None


def test_of_many_clicks_one_books(app: Flask) -> None:
    house, patient_id, slip = prepared()
    by = house.hand
    outcomes = at_once(
        app,
        *(
            lambda: booking.book(
                patient=db.session.get_one(Patient, patient_id),
                slip=slip,
                public_id="c" * 22,
                by=by,
                now=clock.now(),
            )
            for _ in range(EVERYBODY)
        ),
    )
    assert outcomes == {"done": EVERYBODY}
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 1


def test_of_many_notes_one_is_written(app: Flask) -> None:
    house, patient_id, _ = prepared()
    number = make_appointment(house, db.session.get_one(Patient, patient_id)).id
    by = house.hand

    def write(text: str) -> Callable[[], object]:
        return lambda: notes.save(
            appointment=db.session.get_one(Appointment, number),
            text=text,
            version=0,
            by=by,
            now=clock.now(),
        )

    outcomes = at_once(app, *(write(f"Text {n}") for n in range(EVERYBODY)))
    assert outcomes == {"done": 1, "stale": EVERYBODY - 1}


def test_acts_upon_one_chart_from_every_side(app: Flask) -> None:
    """All take the patient's lock first: nobody is a victim of a deadlock."""
    house, patient_id, slip = prepared()
    number = make_appointment(house, db.session.get_one(Patient, patient_id)).id
    by = house.hand

    def patient() -> Patient:
        return db.session.get_one(Patient, patient_id)

    def appointment() -> Appointment:
        return db.session.get_one(Appointment, number)

    acts = [
        lambda: invitations.enable_and_invite(patient=patient(), by=by, now=clock.now()),
        lambda: booking.cancel(appointment=appointment(), by=by, now=clock.now()),
        lambda: booking.book(patient=patient(), slip=slip, by=by, now=clock.now()),
        lambda: people.edit(patient=patient(), values={"city": "Boston"}, by=by, now=clock.now()),
        lambda: notes.save(
            appointment=appointment(), text="Note", version=0, by=by, now=clock.now()
        ),
        lambda: invitations.enable_and_invite(patient=patient(), by=by, now=clock.now()),
    ]
    outcomes = at_once(app, *acts)
    assert outcomes == {"done": len(acts)}
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 1
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 2
