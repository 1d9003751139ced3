"""What goes out by itself, to whom, once; what its switches, its exclusions and a changed mind do (4.3, 7.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from icalendar import Calendar

from portal.access import service as access
from portal.access.models import EndReason
from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail import registry
from portal.mail.registry import Composed
from portal.mail.state import OutboxState
from portal.people.models import Patient
from portal.schedule.models import Appointment
from portal.schedule.states import AppointmentState
from portal.transaction import atomic
from tests.factories import SETUP, House, make_patient
from tests.integration.outreach import diary
from tests.integration.outreach.going_out import (
    accept,
    composed,
    send,
    starts,
    states,
    wanted,
)
from tests.integration.staff.clerk import audited


def test_booked_it_is_confirmed_and_reminded_of_once_each(house: House, moment: Any) -> None:
    patient = make_patient(house)
    diary.book(house, patient, starts(moment, days=3))
    assert send() == 1
    assert send() == 0
    moment.pass_(days=2)
    assert send() == 1
    assert send() == 0
    assert diary.planned() == [("confirmation", "sent", None), ("reminder", "sent", None)]
    # one invitation is pending, so the reminder carries none
    assert [m.purpose for m in diary.mails()] == ["appointment_invitation", "appointment"]
    assert states() == [("automatic", "prepared")]
    told = [
        (e.data["kind"], e.data["state"], e.data["invited"]) for e in audited("appointment.notice")
    ]
    assert told == [("confirmation", "sent", True), ("reminder", "sent", False)]


def test_the_mail_says_when_and_where_and_not_why(house: House, moment: Any) -> None:
    patient = make_patient(house)
    diary.book(
        house, patient, starts(moment), reason="Diabetes", notes="Angry", zone="America/Chicago"
    )
    send()
    [message] = diary.mails()
    mail = composed(message, moment)
    assert mail.subject == "Your appointment with Family Practice"
    for part in (mail.text, mail.html):
        assert "Hello Jenny H.," in part
        assert "Sunday, November 22, 2026" in part
        assert "2:00 PM" in part
        assert "Central Standard Time" in part
        assert "Office in America/Chicago" in part
        assert "(617) 555-0100" in part
        assert "/i/" in part
        for secret in ("Diabetes", "Angry", "Dr. Who", "Harris"):
            assert secret not in part
    assert mail.automatic


def test_in_spanish(house: House, moment: Any) -> None:
    diary.book(house, make_patient(house, language="es"), starts(moment))
    send()
    mail = composed(diary.mails()[0], moment)
    assert "domingo, 22 de noviembre de 2026" in mail.text
    assert "hora estándar oriental" in mail.text.lower()


def test_the_file_for_calendars_keeps_its_id_and_counts_up(house: House, moment: Any) -> None:
    appointment = diary.book(house, make_patient(house), starts(moment))
    send()
    first = _event(composed(diary.mails()[0], moment))
    diary.move(appointment, hours=1)
    send()
    second = _event(composed(diary.mails()[1], moment))
    assert first["UID"] == second["UID"]
    assert appointment.public_id in first["UID"]
    assert (first["SEQUENCE"], second["SEQUENCE"]) == (1, 2)
    assert second.start == first.start + timedelta(hours=1)
    assert second.end - second.start == timedelta(minutes=30)
    assert first["SUMMARY"] == "Appointment with Family Practice"


def _event(mail: Composed) -> Any:
    assert mail.calendar
    calendar = Calendar.from_ical(mail.calendar)
    assert calendar["METHOD"] == "PUBLISH"
    [event] = calendar.events
    return event


def test_the_invitation_goes_live_with_the_mail_that_carries_it(house: House, moment: Any) -> None:
    patient = make_patient(house)
    diary.book(house, patient, starts(moment))
    send()
    [message] = diary.mails()
    accept(message, moment)
    assert states() == [("automatic", "live")]
    grant = access.current_grant(patient.id)
    assert grant is not None
    assert grant.enabled_by_name == "Automatic invitations"


def test_it_fails_with_it(house: House, moment: Any) -> None:
    patient = make_patient(house)
    diary.book(house, patient, starts(moment))
    send()
    accept(
        diary.mails()[0], moment, OutboxState.FAILED, reason="no_such_mailbox", dead_address=True
    )
    assert states() == [("automatic", "failed")]
    assert db.session.get_one(Patient, patient.id).email_bounced_at is not None


def test_whose_link_was_taken_back_before_is_told_without_it(house: House, moment: Any) -> None:
    patient = make_patient(house)
    diary.book(house, patient, starts(moment))
    send()
    grant = access.current_grant(patient.id)
    assert grant is not None
    invitations.end_access(
        patient=patient, grant_public_id=grant.public_id, expect=EndReason.REVOKED,
        by=house.hand, now=moment.now,
    )  # fmt: skip
    [message] = diary.mails()
    assert registry.compose(message, now=moment.now) is None
    assert not wanted(message, moment)
    accept(message, moment, OutboxState.CANCELLED, reason="not_wanted")
    _, plain = diary.mails()
    assert plain.purpose == "appointment"
    assert "/i/" not in composed(plain, moment).text


def test_an_appointment_that_was_cancelled_meanwhile_leaves_the_invitation(
    house: House, moment: Any
) -> None:
    appointment = diary.book(house, make_patient(house), starts(moment))
    send()
    diary.end(appointment, AppointmentState.CANCELLED)
    mail = composed(diary.mails()[0], moment)
    assert mail.subject == "Connect with Family Practice via the patient portal"
    assert mail.calendar is None


def test_cancelled_nothing_more_goes_out(house: House, moment: Any) -> None:
    appointment = diary.book(house, make_patient(house), starts(moment, days=3))
    diary.end(appointment, AppointmentState.CANCELLED)
    moment.pass_(days=2, hours=1)
    assert send() == 0
    assert {state for _, state, _ in diary.planned()} == {"cancelled"}
    assert diary.mails() == []


def test_moved_it_is_told_anew_and_moved_back_again(house: House, moment: Any) -> None:
    appointment = diary.book(house, make_patient(house), starts(moment, days=3))
    send()
    diary.move(appointment, days=1)
    send()
    diary.move(appointment, days=-1)
    send()
    assert len(diary.mails()) == 3
    moment.pass_(days=2)
    assert send() == 1
    moment.pass_(days=1)
    assert send() == 0
    assert len(diary.mails()) == 4


def test_an_import_mails_nothing_by_itself_but_reminds(house: House, moment: Any) -> None:
    patients = [make_patient(house) for _ in range(3)]
    numbers = diary.come_in(house, patients, starts(moment, days=2))
    late = diary.come_in(house, [make_patient(house)], starts(moment, hours=5))
    assert send() == 0
    with atomic():  # the same file once more, with one that was cancelled
        db.session.get_one(Appointment, numbers[0]).state = AppointmentState.CANCELLED.value
        db.session.flush()
        diary.changes.imported([*numbers, *late], SETUP, moment.now)
    moment.pass_(days=1)
    assert send() == 2
    assert [kind for kind, _, _ in diary.planned()] == ["reminder"] * 4
    assert diary.planned()[3] == ("reminder", "skipped", "too_late")


def test_who_walked_in_is_not_confirmed_and_a_series_once(house: House, moment: Any) -> None:
    diary.book(house, make_patient(house), starts(moment, hours=1), walk_in=True)
    patient = make_patient(house)
    for week in range(3):
        diary.book(house, patient, starts(moment, days=7 * week + 7), series="one-series")
    assert send() == 1
    assert [kind for kind, _, _ in diary.planned()].count("confirmation") == 1


def test_a_new_patient_is_invited_after_the_first_visit(house: House, moment: Any) -> None:
    patient = make_patient(house)
    diary.switch(house.practice, confirmation_mails=False, reminder_mails=False)
    first = diary.book(house, patient, starts(moment))
    second = diary.book(house, patient, starts(moment, days=9))
    send()
    moment.pass_(days=1, hours=4)
    diary.end(first, AppointmentState.COMPLETED)
    assert send() == 1
    [message] = diary.mails()
    assert message.purpose == "invitation"
    assert states() == [("automatic", "prepared")]
    moment.pass_(days=9)
    diary.end(second, AppointmentState.COMPLETED)
    send()
    assert len(diary.mails()) == 1
    assert [kind for kind, state, _ in diary.planned() if state == "sent"] == ["first_visit"]


def test_who_ever_had_access_is_not_new(house: House, moment: Any) -> None:
    patient = make_patient(house)
    access.enable(patient=patient, by=house.hand, now=moment.now)
    appointment = diary.book(house, patient, starts(moment))
    diary.end(appointment, AppointmentState.COMPLETED)
    assert "first_visit" not in [kind for kind, _, _ in diary.planned()]
