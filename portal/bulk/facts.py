"""The facts that decide whom a run reaches: read for a few, or judged by the database for a batch or a practice."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Date,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.orm import aliased

from portal.access.models import Grant
from portal.access.rules import GrantFacts
from portal.bulk.rules import BY_A_PERSON, INVITED_WITHIN, REASONS, WIDELY, Facts, Moment
from portal.bulk.scope import reaches_all, theirs, within
from portal.bulk.states import RunKind, SkipReason
from portal.columns import BigId
from portal.extensions import UTCDateTime, db
from portal.invitations.models import Invitation
from portal.invitations.rules import OPEN
from portal.invitations.service import PURPOSE
from portal.invitations.state import InvitationState
from portal.mail.models import OutboxMessage
from portal.mail.state import OutboxState
from portal.people.models import BlockedAddress, Patient, PatientPhone
from portal.practices.models import StaffMember
from portal.rows import Values, among

_Earlier = aliased(Grant)
_Other = aliased(Patient)

COUNTING = sorted(state.value for state in OPEN | {InvitationState.REPLACED, InvitationState.USED})
"""Invitations in these states were offered to somebody: failed and voided ones keep nobody from a fresh one."""


_TODAY: BindParameter[date] = bindparam("today", type_=Date())
_ADULTS_BORN: BindParameter[date] = bindparam("adults_born", type_=Date())
_LATELY: BindParameter[datetime] = bindparam("lately", type_=UTCDateTime())


def _has_phone() -> ColumnElement[bool]:
    return exists(select(PatientPhone.id).where(PatientPhone.patient_id == Patient.id))


def _last_ended() -> ColumnElement[str | None]:
    return (
        select(_Earlier.end_reason)
        .where(_Earlier.patient_id == Patient.id)
        .order_by(_Earlier.enabled_at.desc(), _Earlier.id.desc())
        .limit(1)
        .correlate(Patient)
        .scalar_subquery()
    )


def _logged_on_before() -> ColumnElement[bool]:
    return exists(
        select(_Earlier.id)
        .where(_Earlier.patient_id == Patient.id, _Earlier.first_logon_at.is_not(None))
        .correlate(Patient)
    )


def _blocked() -> ColumnElement[bool]:
    return exists(
        select(BlockedAddress.patient_id).where(
            BlockedAddress.patient_id == Patient.id, BlockedAddress.email_key == Patient.email_key
        )
    )


def _offered() -> list[ColumnElement[bool]]:
    """Of an invitation of the patient: that it was offered. One whose mail nobody knows the end of may be repeated."""
    lost = exists(
        select(OutboxMessage.id).where(
            OutboxMessage.purpose == PURPOSE,
            OutboxMessage.subject_id == Invitation.id,
            OutboxMessage.state == OutboxState.UNKNOWN.value,
        )
    )
    return [Invitation.patient_id == Patient.id, Invitation.state.in_(COUNTING), ~lost]


def _same_address() -> Select[int]:
    return (
        select(_Other.id)
        .where(_Other.practice_id == Patient.practice_id, _Other.email_key == Patient.email_key)
        .correlate(Patient)
    )


def _widely_shared() -> ColumnElement[bool]:
    third = _same_address().limit(1).offset(WIDELY - 1)
    return third.scalar_subquery().is_not(None)


def _beside_adult() -> ColumnElement[bool]:
    # within coalesce() no database walks along the birth dates, which is along all adults of the practice
    born = func.coalesce(_Other.birth_date, date.max)
    return exists(_same_address().where(born <= _ADULTS_BORN, _Other.id != Patient.id))


def _current(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    return query.outerjoin(Grant, and_(Grant.patient_id == Patient.id, Grant.ended_at.is_(None)))


def facts_of(patient_ids: Collection[int], *, staff: StaffMember, at: Moment) -> dict[int, Facts]:
    """The facts of a few, by one query, as the database holds them at this moment."""
    last_invited = (
        select(func.max(Invitation.issued_at))
        .where(*_offered())
        .correlate(Patient)
        .scalar_subquery()
    )
    query = select(
        Patient.id,
        within(staff).label("in_scope"),
        Patient.end_date,
        Patient.deceased,
        Patient.deceased_on,
        Grant.id.label("grant_id"),
        Grant.invited_at,
        Grant.first_logon_at,
        Grant.existing_account_since,
        _last_ended().label("last_ended"),
        _logged_on_before().label("logged_on_before"),
        last_invited.label("last_invited_at"),
        Patient.opted_out_at,
        Patient.email,
        Patient.ssn_sealed.is_not(None).label("has_ssn"),
        Patient.birth_date,
        _has_phone().label("has_phone"),
        _blocked().label("blocked"),
        Patient.email_bounced_at,
        Patient.email_flagged,
        _widely_shared().label("widely_shared"),
        _beside_adult().label("beside_adult"),
    )
    rows = db.session.execute(_current(query).where(among(Patient.id, patient_ids)), _asked(at))
    return {row.id: _facts(row) for row in rows}


def _facts(row: Row[*tuple[Any, ...]]) -> Facts:
    grant = GrantFacts(row.invited_at, row.first_logon_at, row.existing_account_since)
    return Facts(
        in_scope=bool(row.in_scope),
        end_date=row.end_date,
        deceased=row.deceased,
        deceased_on=row.deceased_on,
        grant=grant if row.grant_id is not None else None,
        last_ended=row.last_ended,
        logged_on_before=row.logged_on_before,
        invited_at=row.last_invited_at,
        opted_out=row.opted_out_at is not None,
        email=row.email,
        has_ssn=row.has_ssn,
        birth_date=row.birth_date,
        has_phone=row.has_phone,
        blocked=row.blocked,
        bounced=row.email_bounced_at is not None,
        flagged=row.email_flagged,
        widely_shared=row.widely_shared,
        beside_adult=row.beside_adult,
    )


def judged(
    kind: RunKind, *, staff: StaffMember, at: Moment, only: SkipReason | None = None
) -> Select[*tuple[Any, ...]]:
    """What :func:`portal.bulk.rules.reason_for` says, in the database's own words: ``patient_id`` and ``reason``
    (null: the run reaches them), for all patients; to be narrowed down by ``where``.

    A condition is only looked at where those before it do not hold, so the costly ones stand last.

    Args:
        only: just those of whom the condition of this reason holds (another one may count before it).
    """
    holds = _conditions(within(staff))
    query = _judged(kind, holds)
    return (query if only is None else query.where(holds[only])).params(_asked(at))


def reasons_of(
    kind: RunKind, patient_ids: Collection[int], *, staff: StaffMember, at: Moment
) -> dict[int, str | None]:
    """What :func:`judged` says of each of a batch, as the database holds it at this moment."""
    query = _of_batch(kind, reaches_all(staff), db.engine.dialect.name)
    asked = {"patients": patient_ids, "practice": staff.practice_id, "staff": staff.id}
    rows = db.session.connection().execute(query, asked | _asked(at))
    return {row.patient_id: row.reason for row in rows}


@lru_cache(maxsize=20)
def _of_batch(kind: RunKind, everybody: bool, _: str) -> Select[*tuple[Any, ...]]:
    """Put together once for each kind of database: that takes longer than to judge a batch."""
    practice, staff = bindparam("practice", type_=BigId), bindparam("staff", type_=BigId)
    in_scope = true() if everybody else theirs(practice, staff)
    return _judged(kind, _conditions(in_scope)).where(among(Patient.id, "patients"))


def _judged(
    kind: RunKind, holds: Mapping[SkipReason, ColumnElement[bool]]
) -> Select[*tuple[Any, ...]]:
    whens = ((holds[reason], literal(reason.value)) for reason in REASONS[kind])
    reason = case(*whens, else_=null())
    return _current(select(Patient.id.label("patient_id"), reason.label("reason")))


def _asked(at: Moment) -> Values:
    """The values of the parameters that depend on the moment."""
    return {
        "today": at.today,
        "adults_born": at.adults_born,
        "lately": at.now - INVITED_WITHIN,
    }


def _conditions(in_scope: ColumnElement[bool]) -> dict[SkipReason, ColumnElement[bool]]:
    invited_lately = exists(
        select(Invitation.id).where(*_offered(), Invitation.issued_at > _LATELY).correlate(Patient)
    )
    by_a_person = sorted(reason.value for reason in BY_A_PERSON)
    return {
        SkipReason.OUTSIDE_SCOPE: ~in_scope,
        SkipReason.DECEASED: and_(
            Patient.deceased, or_(Patient.deceased_on.is_(None), Patient.deceased_on <= _TODAY)
        ),
        SkipReason.END_DATED: func.coalesce(Patient.end_date <= _TODAY, false()),
        SkipReason.ENABLED_ALREADY: Grant.id.is_not(None),
        SkipReason.NOT_ENABLED: Grant.id.is_(None),
        SkipReason.ENDED_BY_PERSON: and_(Grant.id.is_(None), _last_ended().in_(by_a_person)),
        SkipReason.ACTIVE: or_(
            Grant.first_logon_at.is_not(None),
            Grant.existing_account_since.is_not(None),
            _logged_on_before(),
        ),
        SkipReason.INVITED_LATELY: and_(Patient.email_bounced_at.is_(None), invited_lately),
        SkipReason.OPTED_OUT: Patient.opted_out_at.is_not(None),
        SkipReason.NO_EMAIL: func.coalesce(Patient.email, "") == "",
        SkipReason.NOT_AN_ADDRESS: ~_is_address(),
        SkipReason.NO_IDENTIFIERS: ~or_(
            Patient.ssn_sealed.is_not(None), and_(Patient.birth_date.is_not(None), _has_phone())
        ),
        SkipReason.ADDRESS_BLOCKED: _blocked(),
        SkipReason.BOUNCED: Patient.email_bounced_at.is_not(None),
        SkipReason.PLACEHOLDER: Patient.email_flagged.expression,
        SkipReason.SHARED: _widely_shared(),
        SkipReason.MINOR_SHARED: and_(
            func.coalesce(Patient.birth_date > _ADULTS_BORN, false()), _beside_adult()
        ),
    }


def _is_address() -> ColumnElement[bool]:
    if db.engine.dialect.name == "postgresql":
        return Patient.email.regexp_match("^[!-?A-~]+@.")
    at = func.instr(Patient.email, "@")
    return and_(
        at > 1,
        func.length(Patient.email) > at,
        func.substr(Patient.email, 1, at - 1).op("NOT GLOB")("*[^!-~]*"),
    )
