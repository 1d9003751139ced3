"""To whom a notice goes, to whom without a link, and what leaves somebody out (7.3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail import registry
from portal.mail.state import OutboxState
from portal.outreach import passing_over
from portal.people import bounces
from portal.people import service as people
from portal.people.models import BlockedAddress, Patient
from portal.schedule.states import AppointmentState
from portal.transaction import atomic, touch_patient
from tests.doors import sign_up
from tests.factories import SETUP, House, make_house, make_invitation, make_patient
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


def test_blocked_addresses_are_those_of_the_chart(house: House, moment: Any) -> None:
    patient, other = make_patient(house), make_patient(house)
    _blocked(house, patient, moment)
    assert db.session.scalar(select(BlockedAddress.patient_id)) == patient.id
    diary.book(house, other, starts(moment))
    assert send() == 1
    assert len(diary.mails()) == 1
