"""Appointments are booked, changed, moved, cancelled, completed and reopened; nobody's change is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from portal.audit.service import first_broken_link
from portal.errors import NotFound, Refused, Stale
from portal.extensions import db
from portal.schedule import booking, consents, days, lists, rules
from portal.schedule.models import Appointment, AppointmentStatus
from portal.schedule.slip import Slip
from portal.schedule.states import AppointmentState, ListKind
from portal.transaction import atomic
from tests.factories import House, make_appointment, make_house, make_patient
from tests.integration.staff.clerk import audited

S = AppointmentState
MONDAY = date(2026, 11, 23)
NINE = datetime(2026, 11, 23, 14, tzinfo=UTC)


def slip_of(house: House, **more: Any) -> Slip:
    office = lists.offices(house.practice.id)[0]
    values = {"office_id": office.id, "day": MONDAY, "wall": time(9), **more}
    return Slip(**values)


def status(house: House, meaning: AppointmentState) -> AppointmentStatus:
    return lists.status_for(house.practice.id, meaning)


def test_a_booking_is_a_moment_of_the_offices_clock(house, jenny, ear, moment) -> None:
    made = booking.book(patient=jenny, slip=slip_of(house), by=house.hand, now=moment.now)[0]
    assert (made.starts_at, made.day, made.minutes) == (NINE, MONDAY, 30)
    assert (made.state, made.version, made.created_by_name) == ("scheduled", 1, "James Smith")
    assert ear.take() == ["booked"]
    event = audited("appointment.booked")[0]
    assert event.data == {
        "appointment": made.public_id,
        "starts_at": "2026-11-23T14:00:00+00:00",
        "times": 1,
    }
    assert (event.subject_kind, event.subject_id) == ("patient", jenny.id)


def test_the_profile_says_how_long_and_consents_are_ticked(house, jenny, moment) -> None:
    profile = lists.entries(house.practice.id, ListKind.PROFILE)[1]
    made = make_appointment(house, jenny, profile_id=profile.id)
    assert made.minutes == profile.minutes == 45
    preset = {form.id for form in lists.entries(house.practice.id, ListKind.CONSENT)}
    assert consents.of(made) == preset
    without = make_appointment(house, jenny, consents=frozenset(), minutes=10)
    assert consents.of(without) == frozenset()
    assert without.minutes == 10


def test_the_same_booking_sent_twice_is_one(house, jenny, ear, moment) -> None:
    for _ in range(2):
        made = booking.book(
            patient=jenny, slip=slip_of(house), public_id="a" * 22, by=house.hand, now=moment.now
        )
    assert [appointment.public_id for appointment in made] == ["a" * 22]
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 1
    assert ear.take() == ["booked"]


def test_a_name_that_another_patient_has_is_not_taken_over(house, jenny, moment) -> None:
    sam = make_patient(house, given_name="Sam")
    for patient in (jenny, sam):
        made = booking.book(
            patient=patient, slip=slip_of(house), public_id="a" * 22, by=house.hand, now=moment.now
        )
    assert made[0].patient_id == sam.id
    assert made[0].public_id != "a" * 22


def test_a_series_keeps_nine_o_clock_over_the_change_of_the_clocks(
    house, jenny, ear, moment
) -> None:
    slip = slip_of(house, day=date(2027, 3, 8))
    made = booking.book(
        patient=jenny,
        slip=slip,
        repeat=rules.Repeat(weeks=1, times=3),
        public_id="b" * 22,
        by=house.hand,
        now=moment.now,
    )
    assert [a.starts_at.hour for a in made] == [14, 13, 13]
    assert len({a.series for a in made}) == 1
    assert made[0].series
    assert ear.take() == ["booked"] * 3
    assert audited("appointment.booked")[0].data["times"] == 3
    again = booking.book(
        patient=jenny, slip=slip, public_id="b" * 22, by=house.hand, now=moment.now
    )
    assert [a.id for a in again] == [a.id for a in made]


def test_a_time_that_is_skipped_books_nothing(house, jenny, moment) -> None:
    with pytest.raises(rules.NoSuchTime):
        booking.book(
            patient=jenny,
            slip=slip_of(house, day=date(2027, 3, 14), wall=time(2, 30)),
            by=house.hand,
            now=moment.now,
        )
    assert db.session.scalar(select(func.count()).select_from(Appointment)) == 0


@pytest.mark.parametrize(
    "what",
    ["office_id", "provider_id", "supervising_provider_id", "exam_room_id", "profile_id",
     "eligibility_id", "status_id", "consents"],
)  # fmt: skip
def test_every_id_must_be_the_practices(house, jenny, moment, what: str) -> None:
    other = make_house("Lakeside Clinic")
    theirs = other.practice.id
    office = lists.offices(theirs)[0]
    foreign = {
        "office_id": office.id,
        "provider_id": other.provider.id,
        "supervising_provider_id": other.provider.id,
        "exam_room_id": office.rooms[0].id,
        "profile_id": lists.entries(theirs, ListKind.PROFILE)[0].id,
        "eligibility_id": lists.entries(theirs, ListKind.ELIGIBILITY)[0].id,
        "status_id": lists.statuses(theirs)[0].id,
        "consents": frozenset({lists.entries(theirs, ListKind.CONSENT)[0].id}),
    }
    made = make_appointment(house, jenny)
    slip = replace(slip_of(house), **{what: foreign[what]})
    with pytest.raises(NotFound):
        booking.book(patient=jenny, slip=slip, by=house.hand, now=moment.now)
    with pytest.raises(NotFound):
        booking.change(appointment=made, version=1, slip=slip, by=house.hand, now=moment.now)


def test_an_entry_of_another_list_is_none_of_this_one(house, jenny, moment) -> None:
    consent = lists.entries(house.practice.id, ListKind.CONSENT)[0]
    with pytest.raises(NotFound):
        make_appointment(house, jenny, profile_id=consent.id)


def test_moving_is_told_and_takes_the_confirmation_away(house, jenny, ear, moment) -> None:
    made = make_appointment(house, jenny)
    booking.set_status(
        appointment=made, status=status(house, S.CONFIRMED), by=house.hand, now=moment.now
    )
    assert (made.state, made.confirmed_by) == ("confirmed", "staff")
    ear.take()
    done = booking.change(
        appointment=made,
        version=2,
        slip=slip_of(house, wall=time(10), provider_id=house.provider.id, reason="Cough"),
        by=house.hand,
        now=moment.now,
    )
    assert done.moved
    assert done.fields == ("reason", "starts_at")
    assert (made.starts_at, made.state) == (NINE + timedelta(hours=1), "scheduled")
    assert made.confirmed_at is None
    assert made.version == 3
    assert ear.take() == ["moved"]
    assert audited("appointment.moved")[0].data == {
        "appointment": made.public_id,
        "before": "2026-11-23T14:00:00+00:00",
        "starts_at": "2026-11-23T15:00:00+00:00",
    }
    assert audited("appointment.changed")[0].data["fields"] == ["reason"]


def test_saving_what_stands_changes_nothing(house, jenny, ear, moment) -> None:
    made = make_appointment(house, jenny, provider_id=None)
    ear.take()
    done = booking.change(
        appointment=made, version=1, slip=slip_of(house), by=house.hand, now=moment.pass_(hours=1)
    )
    assert not done
    assert made.version == 1
    assert made.updated_at < moment.now
    assert ear.take() == []
    assert audited("appointment.changed") == []


def test_an_older_version_changes_nothing(house, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    slip = slip_of(house, reason="Cough")
    booking.change(appointment=made, version=1, slip=slip, by=house.hand, now=moment.now)
    for act in (
        lambda: booking.change(
            appointment=made,
            version=1,
            slip=replace(slip, reason="Fever"),
            by=house.hand,
            now=moment.now,
        ),
        lambda: booking.cancel(appointment=made, version=1, by=house.hand, now=moment.now),
        lambda: booking.complete(appointment=made, version=1, by=house.hand, now=moment.now),
    ):
        with pytest.raises(Stale):
            act()
    assert (made.reason, made.state, made.version) == ("Cough", "scheduled", 2)


def test_cancelled_twice_is_cancelled_once_and_may_be_reopened(house, jenny, ear, moment) -> None:
    made = make_appointment(house, jenny)
    ear.take()
    assert booking.cancel(appointment=made, by=house.hand, now=moment.now)
    assert not booking.cancel(appointment=made, by=house.hand, now=moment.now)
    assert (made.state, made.cancelled_at) == ("cancelled", moment.now)
    with pytest.raises(Refused, match="transition"):
        booking.complete(appointment=made, by=house.hand, now=moment.now)
    assert booking.reopen(appointment=made, by=house.hand, now=moment.now)
    assert not booking.reopen(appointment=made, by=house.hand, now=moment.now)
    assert (made.state, made.cancelled_at) == ("scheduled", None)
    assert ear.take() == ["cancelled", "reopened"]


def test_completed_is_told_the_first_time_only(house, jenny, ear, moment) -> None:
    made = make_appointment(house, jenny)
    ear.take()
    first = moment.now
    assert booking.complete(appointment=made, by=house.hand, now=first)
    assert not booking.complete(appointment=made, by=house.hand, now=moment.pass_(minutes=5))
    assert booking.reopen(appointment=made, by=house.hand, now=moment.now)
    assert made.state == "arrived"
    assert booking.complete(appointment=made, by=house.hand, now=moment.now)
    assert made.completed_at == first
    assert ear.take() == ["completed"]
    states = [event.data["state"] for event in audited("appointment.state_changed")]
    assert states == ["completed", "arrived", "completed"]


def test_a_closed_appointment_is_not_moved_but_may_be_annotated(house, jenny, moment) -> None:
    made = make_appointment(house, jenny, provider_id=None)
    booking.complete(appointment=made, by=house.hand, now=moment.now)
    with pytest.raises(Refused, match="closed"):
        booking.change(
            appointment=made,
            version=2,
            slip=slip_of(house, wall=time(10)),
            by=house.hand,
            now=moment.now,
        )
    assert made.starts_at == NINE
    done = booking.change(
        appointment=made,
        version=2,
        slip=slip_of(house, notes="Came late"),
        by=house.hand,
        now=moment.now,
    )
    assert done.fields == ("notes",)


def test_a_new_appointment_may_have_arrived_already(house, jenny, ear, moment) -> None:
    arrived = status(house, S.ARRIVED)
    made = make_appointment(house, jenny, status_id=arrived.id, walk_in=True)
    assert (made.state, made.status.name, made.version) == ("arrived", "Arrived", 1)
    assert ear.take() == ["booked"]


def test_a_status_of_the_same_meaning_is_only_a_word(house, jenny, ear, moment) -> None:
    made = make_appointment(house, jenny)
    ear.take()
    with atomic():
        db.session.add(
            AppointmentStatus(
                practice_id=house.practice.id, name="> 24h", meaning="scheduled", position=9
            )
        )
    other = lists.statuses(house.practice.id)[-1]
    assert booking.set_status(appointment=made, status=other, by=house.hand, now=moment.now)
    assert not booking.set_status(appointment=made, status=other, by=house.hand, now=moment.now)
    assert (made.state, made.status.name) == ("scheduled", "> 24h")
    assert ear.take() == []


def test_the_chain_holds_and_names_nobody(house, jenny, moment) -> None:
    made = make_appointment(house, jenny, reason="A secret reason", notes="A secret note")
    booking.cancel(appointment=made, by=house.hand, now=moment.now)
    assert first_broken_link(house.practice.id) is None
    told = repr([event.data for event in audited("appointment.booked")])
    assert "secret" not in told


def test_what_would_be_in_two_places(house, jenny, moment) -> None:
    room = lists.offices(house.practice.id)[0].rooms[0]
    made = make_appointment(house, jenny, exam_room_id=room.id)
    sam = make_patient(house, given_name="Sam")
    wanted = rules.Use(
        rules.Span(NINE + timedelta(minutes=15), 30), sam.id, house.provider.id, room.id
    )
    assert days.clashes(house.practice.id, [wanted])[0][1] == ("provider", "room")
    assert days.clashes(house.practice.id, [wanted], but=made.id) == []
    booking.cancel(appointment=made, by=house.hand, now=moment.now)
    assert days.clashes(house.practice.id, [wanted]) == []
