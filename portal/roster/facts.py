"""The facts that the roster follows from: read for a few patients, or put together by the database for many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    or_,
    select,
    true,
)

from portal import clock
from portal.access.models import Grant
from portal.access.rules import GrantFacts, Status, has_ended
from portal.extensions import UTCDateTime
from portal.invitations.models import Invitation
from portal.invitations.rules import OPEN
from portal.people.models import Patient, PatientPhone
from portal.people.rules import Identifier
from portal.practices.models import Practice
from portal.roster.models import NEVER
from portal.roster.rules import STATUSES, Standing, standing
from portal.rows import among
from portal.schedule.models import Appointment
from portal.schedule.states import AppointmentState as State

_VALID_UNTIL = (
    select(func.max(Invitation.expires_at))
    .where(
        Invitation.grant_id == Grant.id, Invitation.state.in_(sorted(state.value for state in OPEN))
    )
    .correlate(Grant)
    .scalar_subquery()
)

NOW: BindParameter[datetime] = bindparam("now", type_=UTCDateTime())
_TODAY: BindParameter[date] = bindparam("today", type_=Date())
_OPEN = ("scheduled", "confirmed", "arrived", "in_room")


def _appointment(moment: ColumnElement[Any], *where: ColumnElement[bool]) -> ScalarSelect[Any]:
    query = select(moment).where(Appointment.patient_id == Patient.id, *where)
    return query.correlate(Patient).scalar_subquery()


FACTS = (
    select(
        Patient.id.label("patient_id"),
        Patient.public_id,
        Patient.practice_id,
        Patient.sort_name,
        Patient.birth_date,
        Patient.provider_id,
        Patient.end_date,
        Patient.deceased,
        Patient.deceased_on,
        Patient.email_bounced_at.is_not(None).label("bounced"),
        Patient.email.is_not(None).label("has_email"),
        Patient.ssn_sealed.is_not(None).label("has_ssn"),
        exists(select(PatientPhone.id).where(PatientPhone.patient_id == Patient.id)).label(
            "has_phone"
        ),
        Grant.id.label("grant_id"),
        Grant.invited_at,
        Grant.first_logon_at,
        Grant.existing_account_since,
        _VALID_UNTIL.label("valid_until"),
        _appointment(
            func.min(Appointment.starts_at),
            Appointment.state.in_(_OPEN),
            Appointment.starts_at > NOW,
        ).label("next_appointment_at"),
        _appointment(
            func.max(Appointment.starts_at), Appointment.state == State.COMPLETED.value
        ).label("last_visit_at"),
        Practice.time_zone,
    )
    .join(Practice, Practice.id == Patient.practice_id)
    .outerjoin(Grant, and_(Grant.patient_id == Patient.id, Grant.ended_at.is_(None)))
)
"""One row for each patient, to narrow down and to read with :func:`standing_of`; ``now`` is its parameter."""
FACTS_OF = FACTS.where(among(Patient.id, "patients"))
"""The same of these ``patients``, made once: putting it together costs as much as asking it."""


def standing_of(facts: Row[*tuple[Any, ...]], *, now: datetime) -> Standing:
    """How a patient stands, by the rules, from a row of :data:`FACTS`."""
    today = clock.local_date(now, facts.time_zone)
    held = (
        (Identifier.EMAIL, facts.has_email),
        (Identifier.SSN, facts.has_ssn),
        (Identifier.BIRTH_DATE, facts.birth_date is not None),
        (Identifier.PHONE, facts.has_phone),
    )
    grant = GrantFacts(facts.invited_at, facts.first_logon_at, facts.existing_account_since)
    return standing(
        grant if facts.grant_id is not None else None,
        on_file=frozenset(identifier for identifier, there in held if there),
        bounced=facts.bounced,
        ended=has_ended(
            end_date=facts.end_date,
            deceased=facts.deceased,
            deceased_on=facts.deceased_on,
            today=today,
        ),
        ends_at=_ends_at(facts, today=today),
        valid_until=facts.valid_until,
        next_appointment_at=facts.next_appointment_at,
        now=now,
    )


def row_values(facts: Row[*tuple[Any, ...]], *, now: datetime) -> dict[str, Any]:
    """The columns of the patient's roster row."""
    stands = standing_of(facts, now=now)
    return {
        "patient_id": facts.patient_id,
        "practice_id": facts.practice_id,
        "sort_name": facts.sort_name,
        "birth_date": facts.birth_date,
        "provider_id": facts.provider_id,
        "status": STATUSES.index(stands.status),
        "expired": stands.expired,
        "bounced": stands.bounced,
        "missing": stands.missing,
        "invited_at": (stands.status is not Status.NOT_ENABLED and facts.invited_at) or NEVER,
        "next_appointment_at": facts.next_appointment_at,
        "last_visit_at": facts.last_visit_at,
        "changes_at": stands.changes_at,
    }


def _ends_at(facts: Row[*tuple[Any, ...]], *, today: date) -> datetime | None:
    to_come = [day for day in _last_days(facts) if day > today]
    if not to_come:
        return None
    return clock.end_of_day(min(to_come) - timedelta(days=1), facts.time_zone)


def _last_days(facts: Row[*tuple[Any, ...]]) -> Iterator[date]:
    if facts.end_date is not None:
        yield facts.end_date
    if facts.deceased and facts.deceased_on is not None:
        yield facts.deceased_on


def rows_by_set(where: ColumnElement[bool]) -> Select[Any]:
    """What :func:`row_values` says, in the database's own words, for all patients of one practice that ``where``
    holds of.

    Where an end date or a death is to come the row is due at once: the sweep works the moment out by the
    practice's calendar. Its parameters are ``now`` and ``today``, the practice's calendar day.
    """
    # materialised: else what is asked of each patient is asked again for every column that follows from it
    of = FACTS.where(where).cte("facts").prefix_with("MATERIALIZED")
    over = or_(
        func.coalesce(of.c.end_date <= _TODAY, false()),
        and_(of.c.deceased, or_(of.c.deceased_on.is_(None), of.c.deceased_on <= _TODAY)),
    )
    to_come = or_(
        func.coalesce(of.c.end_date > _TODAY, false()),
        and_(of.c.deceased, func.coalesce(of.c.deceased_on > _TODAY, false())),
    )
    active = or_(of.c.first_logon_at.is_not(None), of.c.existing_account_since.is_not(None))
    waiting = and_(
        of.c.grant_id.is_not(None), ~over, ~active, of.c.invited_at.is_not(None),
        of.c.valid_until.is_not(None),
    )  # fmt: skip
    return select(
        of.c.patient_id,
        of.c.practice_id,
        of.c.sort_name,
        of.c.birth_date,
        of.c.provider_id,
        case(
            (or_(of.c.grant_id.is_(None), over), STATUSES.index(Status.NOT_ENABLED)),
            (active, STATUSES.index(Status.ACTIVE)),
            (of.c.invited_at.is_not(None), STATUSES.index(Status.INVITED)),
            else_=STATUSES.index(Status.READY),
        ).label("status"),
        and_(waiting, of.c.valid_until <= NOW).label("expired"),
        of.c.bounced,
        ~and_(
            of.c.has_email,
            or_(of.c.has_ssn, and_(of.c.birth_date.is_not(None), of.c.has_phone)),
        ).label("missing"),
        case(
            (and_(~over, of.c.invited_at.is_not(None)), of.c.invited_at),
            else_=literal(NEVER, UTCDateTime()),
        ).label("invited_at"),
        of.c.next_appointment_at,
        of.c.last_visit_at,
        case(
            (and_(~over, to_come), NOW),
            (
                and_(
                    waiting,
                    of.c.valid_until > NOW,
                    func.coalesce(of.c.valid_until <= of.c.next_appointment_at, true()),
                ),
                of.c.valid_until,
            ),
            else_=of.c.next_appointment_at,
        ).label("changes_at"),
    ).where(of.c.patient_id.is_not(None))  # SQLite tells "ON CONFLICT" from "JOIN … ON" by a WHERE
