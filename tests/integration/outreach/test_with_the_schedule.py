"""The schedule's own verbs, and files, plan what goes out."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from portal.extensions import db
from portal.outreach import sending
from portal.people.models import Patient
from portal.schedule import booking, incoming, lists, rules
from portal.schedule.incoming import Incoming
from portal.schedule.models import Appointment
from portal.schedule.slip import Slip
from portal.schedule.states import AppointmentState
from portal.transaction import atomic
from tests.factories import SETUP, House, make_appointment, make_patient
from tests.integration.outreach import diary

FRIDAY = date(2026, 11, 27)


def send() -> int:
    return sending.send_due(within=60)


def moved(appointment: Appointment, house: House, moment: Any, *, wall: time) -> None:
    held = db.session.get_one(Appointment, appointment.id)
    slip = Slip(office_id=held.office_id, day=FRIDAY, wall=wall, provider_id=held.provider_id)
    booking.change(appointment=held, version=held.version, slip=slip, by=house.hand, now=moment.now)


def test_booked_moved_cancelled_and_reopened(house: House, moment: Any) -> None:
    appointment = make_appointment(house, day=FRIDAY)
    assert send() == 1
    moved(appointment, house, moment, wall=time(15))
    assert diary.planned() == [
        ("confirmation", "sent", None),
        ("reminder", "cancelled", None),
        ("confirmation", "planned", None),
        ("reminder", "planned", None),
    ]
    booking.cancel(appointment=appointment, by=house.hand, now=moment.now)
    assert send() == 0
    booking.reopen(appointment=appointment, by=house.hand, now=moment.now)
    assert send() == 1
    assert len(diary.mails()) == 2
    moment.now = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
    assert send() == 1


def test_completed_for_the_first_time(house: House, moment: Any) -> None:
    diary.switch(house.practice, confirmation_mails=False)
    patient = make_patient(house)
    appointment = make_appointment(house, patient, day=FRIDAY)
    booking.complete(appointment=appointment, by=house.hand, now=moment.now)
    booking.reopen(appointment=appointment, by=house.hand, now=moment.now)
    assert send() == 1
    assert ("first_visit", "skipped", "appointment_over") in diary.planned()
    booking.complete(appointment=appointment, by=house.hand, now=moment.now)
    send()
    assert diary.mails() == []


def test_of_a_series_the_first_is_confirmed_and_each_reminded_of(house: House, moment: Any) -> None:
    make_appointment(house, day=FRIDAY)
    office = db.session.query(Appointment).one().office_id
    booking.book(
        patient=make_patient(house),
        slip=Slip(office_id=office, day=FRIDAY, wall=time(9)),
        repeat=rules.Repeat(1, 4),
        by=house.hand,
        now=moment.now,
    )
    kinds = [kind for kind, _, _ in diary.planned()]
    assert (kinds.count("confirmation"), kinds.count("reminder")) == (2, 5)


def test_who_has_arrived_already_is_not_mailed(house: House, moment: Any) -> None:
    arrived = lists.status_for(house.practice.id, AppointmentState.ARRIVED)
    make_appointment(house, day=FRIDAY, status_id=arrived.id)
    assert send() == 1
    assert diary.mails() == []


def test_what_a_file_gives_to_another_patient_reminds_only_that_one(
    house: House, moment: Any
) -> None:
    diary.switch(house.practice, invite_in_reminders=False)
    first, second = make_patient(house), make_patient(house)
    office = make_appointment(house, day=FRIDAY + timedelta(days=30)).office_id
    send()
    at = datetime(2026, 11, 27, 14, 0, tzinfo=UTC)
    for patient in (first, second):
        with atomic():
            incoming.put(house.practice.id, [_visit(patient, office, at)], by=SETUP, now=moment.now)
    moment.now = at - timedelta(hours=24)
    before = len(diary.mails())
    assert send() == 1
    assert [m.address for m in diary.mails()[before:]] == [second.email]


def _visit(patient: Patient, office_id: int, at: datetime) -> Incoming:
    return Incoming(
        source_id="visit-1",
        patient_id=patient.id,
        office_id=office_id,
        office_told=True,
        provider_id=None,
        starts_at=at,
        day=at.date(),
        minutes=30,
        reason="",
        video_visit=False,
        state=AppointmentState.SCHEDULED,
        state_told=True,
    )
