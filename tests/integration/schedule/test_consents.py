"""The usual consent forms are ticked on what a file brings, as on what is booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from portal.extensions import db
from portal.schedule import booking, consents, incoming, lists
from portal.schedule.models import Appointment
from portal.schedule.states import AppointmentState, ListKind
from portal.transaction import atomic
from tests.factories import House, make_appointment


def visit(house: House, patient: Any, moment: Any, **more: Any) -> incoming.Incoming:
    values = {
        "source_id": "V1",
        "patient_id": patient.id,
        "office_id": lists.offices(house.practice.id)[0].id,
        "office_told": True,
        "provider_id": house.provider.id,
        "starts_at": moment.now + timedelta(days=2),
        "day": date(2026, 11, 23),
        "minutes": 30,
        "reason": "Cough",
        "video_visit": False,
        "state": AppointmentState.SCHEDULED,
        "state_told": False,
    } | more
    return incoming.Incoming(**values)


def bring(house: House, moment: Any, *visits: incoming.Incoming) -> None:
    with atomic():
        incoming.put(house.practice.id, visits, by=house.hand, now=moment.now)


def one(source_id: str = "V1") -> Appointment:
    db.session.rollback()
    return db.session.scalars(select(Appointment).where(Appointment.source_id == source_id)).one()


def test_what_comes_is_ticked_and_what_is_over_is_not(house, jenny, moment) -> None:
    over = visit(house, jenny, moment, source_id="V0", starts_at=moment.now - timedelta(days=2))
    with atomic():
        lists.entries(house.practice.id, ListKind.CONSENT)[2].preset = False
    bring(house, moment, visit(house, jenny, moment), over)
    assert consents.of(one()) == consents.usual(house.practice.id)
    assert len(consents.of(one())) == 2
    assert consents.of(one("V0")) == frozenset()


def test_a_file_that_comes_again_ticks_nothing_that_staff_unticked(house, jenny, moment) -> None:
    first = visit(house, jenny, moment)
    bring(house, moment, first)
    held = one()
    slip = booking_slip(held)
    booking.change(appointment=held, version=1, slip=slip, by=house.hand, now=moment.now)
    assert consents.of(one()) == frozenset()
    bring(house, moment, replace(first, reason="Fever"))
    assert one().reason == "Fever"
    assert consents.of(one()) == frozenset()


def test_those_of_another_appointment_are_left_alone(house, jenny, moment) -> None:
    other = make_appointment(house, jenny, consents=frozenset())
    bring(house, moment, visit(house, jenny, moment))
    assert consents.of(other) == frozenset()


def booking_slip(held: Appointment) -> Any:
    from portal.schedule import rules
    from portal.schedule.slip import Slip

    local = rules.local(held.starts_at, held.office.time_zone)
    return Slip(
        office_id=held.office_id,
        day=held.day,
        wall=local.time().replace(second=0, microsecond=0),
        minutes=held.minutes,
        provider_id=held.provider_id,
        reason=held.reason,
        consents=frozenset(),
    )
