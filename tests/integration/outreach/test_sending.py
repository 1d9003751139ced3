"""What goes out by itself, to whom, once; what its switches, its exclusions and a changed mind do (4.3, 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask_babel import force_locale
from icalendar import Calendar
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.extensions import db
from portal.invitations import automatic
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail import registry
from portal.mail.registry import Composed, Outcome
from portal.mail.state import OutboxState
from portal.outreach import jobs, notices, passing_over, sending
from portal.outreach import mail as outreach_mail
from portal.people import bounces
from portal.people import service as people
from portal.people.models import BlockedAddress, Patient
from portal.schedule.models import Appointment, AppointmentNotice
from portal.schedule.states import AppointmentState
from portal.transaction import atomic, touch_patient
from tests.doors import sign_up
from tests.factories import SETUP, House, make_house, make_invitation, make_patient
from tests.integration.outreach import diary
from tests.integration.staff.clerk import audited

TOMORROW = {"days": 1, "hours": 3}
"""From noon: at three in the afternoon."""


def send() -> int:
    return sending.send_due(within=60)


def starts(moment: Any, **span: float) -> Any:
    return moment.now + timedelta(**(span or TOMORROW))


def composed(message: Any, moment: Any) -> Composed:
    with force_locale(message.language):
        found = registry.compose(message, now=moment.now)
    assert found is not None
    return found


def wanted(message: Any, moment: Any) -> bool:
    asks = {
        automatic.CARRIED: automatic.is_wanted,
        outreach_mail.PURPOSE: outreach_mail.is_wanted,
    }
    return asks[message.purpose](message, now=moment.now)


def accept(
    message: Any, moment: Any, state: OutboxState = OutboxState.ACCEPTED, **more: Any
) -> None:
    with atomic():
        held = db.session.merge(message)
        held.state = state.value
        registry.tell(held, Outcome(state=state, **more), now=moment.now)


def states() -> list[tuple[str, str]]:
    db.session.rollback()
    return [
        (i.origin, i.state) for i in db.session.scalars(select(Invitation).order_by(Invitation.id))
    ]


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
    accept(diary.mails()[0], moment, OutboxState.FAILED, reason="no_such_mailbox")
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


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ("confirmation_mails", []),
        ("invite_in_confirmations", ["appointment"]),
        (None, ["appointment_invitation"]),
    ],
)
def test_each_switch_counts_when_the_time_has_come(
    house: House, moment: Any, off: str | None, expected: list[str]
) -> None:
    diary.book(house, make_patient(house), starts(moment, days=3))
    if off:
        diary.switch(house.practice, **{off: False})
    send()
    assert [m.purpose for m in diary.mails()] == expected
    if off == "confirmation_mails":
        assert diary.planned()[0] == ("confirmation", "skipped", "switched_off")


def test_what_a_practice_does_not_send_leaves_one_audit_event_a_batch(
    house: House, moment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passing_over, "BATCH", 3)
    diary.switch(house.practice, **dict.fromkeys(diary.ALL_ON, False))
    other = make_house("Other Clinic")
    diary.switch(other.practice, confirmation_mails=True)
    for _ in range(5):
        diary.book(house, make_patient(house), starts(moment, days=3))
    diary.book(other, make_patient(other), starts(moment, days=3))
    assert send() == 6
    assert [m.practice_id for m in diary.mails()] == [other.practice.id]
    told = audited("appointment.notices_switched_off")
    assert [(e.practice_id, e.data["number"]) for e in told] == [
        (house.practice.id, 3), (house.practice.id, 2),
    ]  # fmt: skip
    assert len(audited("appointment.notice")) == 1
    assert [kind for kind, state, _ in diary.planned() if state == "planned"] == ["reminder"] * 6


def _opted_out(house: House, patient: Patient, moment: Any) -> None:
    people.set_opted_out(patient=patient, opted_out=True, by=house.hand, now=moment.now)


def _bounced(house: House, patient: Patient, moment: Any) -> None:
    with atomic():
        held = access.lock_patient(patient.id)
        bounces.record(
            held, address_key=held.email_key, reason="no_such_mailbox", by=SETUP, now=moment.now
        )  # type: ignore[arg-type]


def _blocked(house: House, patient: Patient, moment: Any) -> None:
    with atomic():
        people.block_address(
            patient, patient.email or "", reason="not_me", by=SETUP, now=moment.now
        )


def _edit(**values: Any) -> Callable[[House, Patient, Any], None]:
    def edit(house: House, patient: Patient, moment: Any) -> None:
        with atomic():
            held = access.lock_patient(patient.id)
            for name, value in values.items():
                setattr(held, name, value)
            touch_patient(held.id)

    return edit


def _pending(house: House, patient: Patient, moment: Any) -> None:
    make_invitation(house, patient)
    moment.pass_(days=2)


def _invited_lately(house: House, patient: Patient, moment: Any) -> None:
    make_invitation(house, patient)


def _revoked(house: House, patient: Patient, moment: Any) -> None:
    make_invitation(house, patient)
    grant = access.current_grant(patient.id)
    assert grant is not None
    invitations.end_access(
        patient=patient, grant_public_id=grant.public_id, expect=EndReason.REVOKED,
        by=house.hand, now=moment.now,
    )  # fmt: skip
    moment.pass_(days=2)


def _shared(house: House, patient: Patient, moment: Any) -> None:
    for _ in range(2):
        make_patient(house, email=patient.email)


def _minor(house: House, patient: Patient, moment: Any) -> None:
    _edit(birth_date=date(2015, 1, 1))(house, patient, moment)
    make_patient(house, email=patient.email)


def _no_identifiers(house: House, patient: Patient, moment: Any) -> None:
    _edit(ssn_sealed=None, birth_date=None)(house, patient, moment)


NO_MAIL = {
    "opted_out": _opted_out,
    "bounced": _bounced,
    "address_blocked": _blocked,
    "end_dated": _edit(end_date=date(2026, 11, 1)),
    "deceased": _edit(deceased=True),
    "no_email": _edit(email=None, email_key=None),
    "placeholder": _edit(email_flagged=True),
}
NO_LINK = {
    "pending": _pending,
    "invited_lately": _invited_lately,
    "ended_by_person": _revoked,
    "shared": _shared,
    "minor_shared": _minor,
    "no_identifiers": _no_identifiers,
}


@pytest.mark.parametrize("reason", NO_MAIL)
@pytest.mark.parametrize("kind", ["confirmation", "reminder", "first_visit"])
def test_to_whom_nothing_goes(house: House, moment: Any, reason: str, kind: str) -> None:
    patient = make_patient(house)
    _make_due(house, patient, moment, kind, before=lambda: NO_MAIL[reason](house, patient, moment))
    before = len(diary.mails())
    send()
    assert (kind, "skipped", reason) in diary.planned()
    assert len(diary.mails()) == before
    assert states() == []


@pytest.mark.parametrize("reason", NO_LINK)
@pytest.mark.parametrize("kind", ["confirmation", "reminder"])
def test_to_whom_the_mail_goes_without_a_link(
    house: House, moment: Any, reason: str, kind: str
) -> None:
    patient = make_patient(house)
    _make_due(house, patient, moment, kind, before=lambda: NO_LINK[reason](house, patient, moment))
    issued = states()
    send()
    assert (kind, "sent", None) in diary.planned()
    [message] = diary.mails("appointment")
    assert states() == issued
    mail = composed(message, moment)
    assert "/i/" not in mail.text
    assert "Sign Up Now" not in mail.html


@pytest.mark.parametrize(
    "reason", [r for r in NO_LINK if r not in {"pending", "invited_lately", "ended_by_person"}]
)
def test_who_is_not_invited_after_the_first_visit(house: House, moment: Any, reason: str) -> None:
    patient = make_patient(house)
    _make_due(
        house,
        patient,
        moment,
        "first_visit",
        before=lambda: NO_LINK[reason](house, patient, moment),
    )
    send()
    assert ("first_visit", "skipped", reason) in diary.planned()
    assert states() == []


def _make_due(
    house: House, patient: Patient, moment: Any, kind: str, *, before: Callable[[], object]
) -> None:
    """A notice of this kind, and of no other, is due, and something stands in its way."""
    diary.switch(
        house.practice,
        confirmation_mails=kind == "confirmation",
        reminder_mails=kind == "reminder",
    )
    appointment = diary.book(house, patient, starts(moment, days=9))
    if kind == "first_visit":
        diary.end(appointment, AppointmentState.COMPLETED)
    elif kind == "reminder":
        moment.pass_(days=6)
    before()
    if kind == "reminder":
        moment.now = appointment.starts_at - timedelta(hours=24)


def test_who_is_registered_finds_the_way_to_log_in(app: Any, house: House, moment: Any) -> None:
    invitation = make_invitation(house)
    sign_up(app, invitation, username="jenny.h")
    patient = db.session.get_one(Patient, invitation.patient_id)
    diary.book(house, patient, starts(moment))
    send()
    [message] = diary.mails("appointment")
    mail = composed(message, moment)
    assert "http://127.0.0.1:8000/login" in mail.text
    assert (
        access.status_of(patient, access.current_grant(patient.id), now=moment.now) is Status.ACTIVE
    )


def test_what_stood_in_the_way_after_it_was_put_into_the_outbox_counts(
    house: House, moment: Any
) -> None:
    diary.switch(house.practice, invite_in_confirmations=False)
    patient = make_patient(house)
    diary.book(house, patient, starts(moment))
    send()
    [message] = diary.mails()
    assert wanted(message, moment)
    _opted_out(house, patient, moment)
    assert not wanted(message, moment)
    assert registry.compose(message, now=moment.now) is None


def test_a_changed_address_gets_it_in_place_of_the_old(house: House, moment: Any) -> None:
    diary.switch(house.practice, invite_in_confirmations=False)
    patient = make_patient(house, email="old@example.com")
    diary.book(house, patient, starts(moment))
    send()
    people.edit(
        patient=patient, values={"email": "new@example.com"}, by=house.hand, now=moment.now,
        verified_how="in_person",
    )  # fmt: skip
    [message] = diary.mails("appointment")
    assert not wanted(message, moment)
    accept(message, moment, OutboxState.CANCELLED, reason="not_wanted")
    assert [m.address for m in diary.mails("appointment")] == ["old@example.com", "new@example.com"]


def test_a_mail_that_is_late_never_comes_after_the_appointment(house: House, moment: Any) -> None:
    diary.book(house, make_patient(house), starts(moment, hours=30))
    moment.pass_(days=2)
    assert send() == 2
    assert diary.mails() == []
    assert {reason for _, _, reason in diary.planned()} == {"too_late"}


def test_in_quiet_hours_everything_waits(house: House, moment: Any) -> None:
    moment.now = moment.now.replace(hour=23)  # six in the evening
    diary.book(house, make_patient(house), starts(moment, days=3))
    moment.pass_(hours=3)  # the worker was away, and comes back at nine
    assert send() == 0
    assert diary.mails() == []
    moment.pass_(hours=11)
    assert send() == 1


def test_across_the_night_of_the_change_each_goes_once_at_its_hour(
    house: House, moment: Any
) -> None:
    """New York, 1 November 2026: the hour after one comes twice. Reminders come 24 hours before by the clock."""
    from datetime import UTC, datetime

    moment.now = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)
    diary.switch(house.practice, confirmation_mails=False, quiet_from=0, quiet_until=0)
    first_one = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 1:30 EDT
    second_one = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 1:30 EST
    morning = datetime(2026, 11, 1, 14, 0, tzinfo=UTC)  # 9:00 EST
    for at in (first_one, second_one, morning):
        diary.book(house, make_patient(house), at)
    went: list[str] = []
    while moment.now < morning:
        before = len(diary.mails())
        sending.send_due(within=60)
        went += [moment.now.strftime("%d %H:%M")] * (len(diary.mails()) - before)
        moment.pass_(minutes=30)
    # 1:30 the day before is one moment; nine o'clock stays nine o'clock, which is 25 hours
    assert went == ["31 05:30", "31 05:30", "31 13:00"]


def test_one_at_which_the_program_fails_holds_up_nobody(
    house: House, moment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor, fine = make_patient(house), make_patient(house)
    for patient in (poor, fine):
        diary.book(house, patient, starts(moment))
    real = sending._judge

    def judge(notice: AppointmentNotice, patient: Patient, *, now: Any) -> Any:
        if patient.id == poor.id:
            raise RuntimeError("Jenny Harris")
        return real(notice, patient, now=now)

    monkeypatch.setattr(sending, "_judge", judge)
    assert send() == 2
    assert [m.address for m in diary.mails()] == [fine.email]
    assert ("confirmation", "skipped", "cannot_send") in diary.planned()


def test_one_worker_at_a_time_and_the_next_when_it_dies(house: House, moment: Any) -> None:
    from portal import sweep

    diary.book(house, make_patient(house), starts(moment))
    assert sweep.take_lease(jobs.LEASE, holder="another", now=moment.now)
    jobs.send_due()
    assert diary.mails() == []
    moment.pass_(seconds=31)
    jobs.send_due()
    assert len(diary.mails()) == 1
    assert sweep.take_lease(jobs.LEASE, holder="another", now=moment.now), "it was given back"


def test_without_a_scheduler_the_sweep_does_it(house: House, moment: Any) -> None:
    diary.book(house, make_patient(house), starts(moment))
    jobs.sweep_notices(moment.now)
    assert len(diary.mails()) == 1


def test_how_many_wait(house: House, moment: Any) -> None:
    assert notices.waiting(house.practice.id) == (0, None)
    diary.book(house, make_patient(house), starts(moment, days=3))
    assert notices.waiting(house.practice.id) == (1, starts(moment, days=2))


def test_blocked_addresses_are_those_of_the_chart(house: House, moment: Any) -> None:
    patient, other = make_patient(house), make_patient(house)
    _blocked(house, patient, moment)
    assert db.session.scalar(select(BlockedAddress.patient_id)) == patient.id
    diary.book(house, other, starts(moment))
    assert send() == 1
    assert len(diary.mails()) == 1
