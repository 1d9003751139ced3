"""Practices, staff and patients for tests, made through the services that make real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import count
from typing import Any

from sqlalchemy import select

from portal import clock
from portal.access import service as access
from portal.access.models import EndReason
from portal.audit.actor import Actor, system
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage, OutboxState
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Practice, Provider, Role, StaffMember
from portal.schedule import booking, lists
from portal.schedule.models import Appointment
from portal.schedule.slip import Slip
from portal.transaction import atomic
from tests import usual

PASSWORD = "a quiet orchard in late november"
USUAL = "Family Practice"
NOON = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
"""In New York; where the clock of most tests stands."""
_ROLES = (Role.ADMINISTRATOR, Role.PROVIDER, Role.FRONT_DESK)
_number = count(1)
SETUP = system("Tests")


@dataclass
class House:
    """A practice with its people."""

    practice: Practice
    administrator: StaffMember
    provider_member: StaffMember
    front_desk: StaffMember
    provider: Provider

    @property
    def hand(self) -> Actor:
        """The front desk, acting."""
        return practices.actor(self.front_desk, client="127.0.0.1")


def make_house(name: str = USUAL, **more: Any) -> House:
    """A practice with one staff member of each role, and a provider; the notice is acknowledged by all."""
    if name != USUAL or more or clock.now() != NOON:
        return _furnish(name, **more)
    if usual.put_back():
        return _house_of(name)
    empty = not usual.rows()
    made = _furnish(name)
    if empty:
        usual.keep()
    return made


def _house_of(name: str) -> House:
    practice = practices.get_practice(name)
    staff = {
        member.role: member
        for member in db.session.scalars(
            select(StaffMember).where(StaffMember.practice_id == practice.id)
        )
    }
    (provider,) = practices.providers(practice_id=practice.id)
    return House(practice, *(staff[role] for role in _ROLES), provider)


def _furnish(name: str, **more: Any) -> House:
    now = clock.now()
    practice = practices.add_practice(
        name=name,
        time_zone=more.pop("time_zone", "America/New_York"),
        phone="+16175550100",
        country="US",
        by=SETUP,
        now=now,
        **more,
    )
    slug = name.lower().replace(" ", "-")
    staff = {
        role: practices.add_staff(
            practice=practice,
            email=f"{role.value}@{slug}.example.com",
            name=person,
            role=role,
            password=PASSWORD,
            by=SETUP,
            now=now,
        )
        for role, person in (
            (Role.ADMINISTRATOR, "Ada Admin"),
            (Role.PROVIDER, "Dr. Who"),
            (Role.FRONT_DESK, "James Smith"),
        )
    }
    for member in staff.values():
        practices.acknowledge_notice(staff=member, by=SETUP, now=now)
    provider = practices.add_provider(
        practice=practice,
        name="Dr. Who",
        shares_patients=True,
        staff=staff[Role.PROVIDER],
        by=SETUP,
        now=now,
    )
    return House(
        practice, staff[Role.ADMINISTRATOR], staff[Role.PROVIDER], staff[Role.FRONT_DESK], provider
    )


def make_patient(house: House, **values: Any) -> Patient:
    """Jenny Harris with everything on file, unless told otherwise (``None`` leaves a value out)."""
    number = next(_number)
    full: dict[str, Any] = {
        "record_number": f"R{number:05d}",
        "given_name": "Jenny",
        "family_name": "Harris",
        "preferred_name": "Jen",
        "birth_date": date(1980, 2, 11),
        "email": f"jenny{number}@example.com",
        "phones": [{"kind": "mobile", "e164": "+14435550155", "extension": None}],
        "ssn": "536904399",
        "provider_id": house.provider.id,
    } | values
    full["phones"] = full["phones"] or []
    return people.add(
        practice=house.practice,
        values=full,
        by=house.hand,
        now=clock.now(),  # type: ignore[arg-type]
    )


def make_appointment(
    house: House,
    patient: Patient | None = None,
    *,
    day: date = date(2026, 11, 23),
    wall: time = time(9),
    **more: Any,
) -> Appointment:
    """Monday at nine with Dr. Who in the main office, unless told otherwise (fields of ``Slip``)."""
    slip = Slip(
        day=day,
        wall=wall,
        office_id=more.pop("office_id", None) or lists.offices(house.practice.id)[0].id,
        provider_id=more.pop("provider_id", house.provider.id),
        **more,
    )
    patient = patient or make_patient(house)
    return booking.book(patient=patient, slip=slip, by=house.hand, now=clock.now())[0]


def make_invitation(house: House, patient: Patient | None = None) -> Invitation:
    """An invitation whose mail was accepted: a live one."""
    patient = patient or make_patient(house)
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=clock.now())
    assert invitation is not None
    accept_mail(invitation, now=clock.now())
    return invitation


def revoke(patient: Patient, house: House, *, now: datetime) -> None:
    """Staff take the invitation back, and the access with it."""
    grant = access.current_grant(patient.id)
    assert grant is not None
    invitations.end_access(
        patient=patient,
        grant_public_id=grant.public_id,
        expect=EndReason.REVOKED,
        by=house.hand,
        now=now,
    )


def accept_mail(invitation: Invitation, *, now: datetime) -> None:
    """As if the mail server had accepted the newest mail of this invitation."""
    from portal.invitations.outcomes import record_mail_result
    from portal.mail.registry import Outcome

    with atomic():
        message = (
            db.session.query(OutboxMessage)
            .filter_by(purpose="invitation", subject_id=invitation.id)
            .order_by(OutboxMessage.id.desc())
            .first()
        )
        assert message is not None
        message.state = OutboxState.ACCEPTED.value
        message.settled_at = now
        record_mail_result(message=message, outcome=Outcome(state=OutboxState.ACCEPTED), now=now)
