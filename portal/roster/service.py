"""The list of all patients (5): counts, pages, one line. Every query starts from the practice and walks an index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, contains_eager, joinedload, selectinload

from portal import clock
from portal.access.models import Grant
from portal.access.rules import Status
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.people import reading
from portal.people.listing import Listed
from portal.people.locking import number_of
from portal.people.models import Patient
from portal.practices.models import Practice
from portal.roster.checking import check
from portal.roster.facts import FACTS, standing_of
from portal.roster.models import NEVER, RosterCount, RosterRow
from portal.roster.rows import Cursor, RosterFilter, RosterLine, RosterPage
from portal.roster.rules import STATUSES, NextAppointment, Order, Pill, births, last_day
from portal.roster.writing import analyze, catch_up, grown, rebuild, refresh

__all__ = [
    "PAGE",
    "Cursor",
    "RosterFilter",
    "RosterLine",
    "RosterPage",
    "analyze",
    "catch_up",
    "check",
    "count_matching",
    "counts",
    "grown",
    "line",
    "lines",
    "matching_ids",
    "page",
    "rebuild",
    "refresh",
]

PAGE = 50
COUNTED = 1000
"""Matches are counted exactly up to here."""

_COUNTS = select(RosterCount.pill, RosterCount.number).where(
    RosterCount.practice_id == bindparam("practice")
)
_NEWEST = (
    select(func.max(Invitation.id))
    .where(Invitation.grant_id == Grant.id)
    .correlate(Grant)
    .scalar_subquery()
)
_LINE = (
    FACTS.add_columns(Patient, Grant, Invitation)
    .outerjoin(Invitation, Invitation.id == _NEWEST)
    .where(Patient.id == bindparam("patient"))
    .options(contains_eager(Patient.practice), joinedload(Patient.phones))
)
_MOMENT = timedelta(microseconds=1)
_Columns = tuple[InstrumentedAttribute[Any], ...]
_ORDERS: dict[Order, _Columns] = {
    Order.NAME: (RosterRow.sort_name, RosterRow.patient_id),
    Order.STATUS: (RosterRow.status, RosterRow.sort_name, RosterRow.patient_id),
    Order.INVITED_ON: (RosterRow.invited_at, RosterRow.patient_id),
}
_DOWNWARDS = frozenset({Order.INVITED_ON})
_FLAGS = frozenset({Pill.EXPIRED, Pill.BOUNCED, Pill.MISSING})
_ALL_EQUAL = frozenset(
    [(Order.STATUS, pill) for pill in set(Pill) - {Pill.ALL, Pill.BOUNCED, Pill.MISSING}]
    + [(Order.INVITED_ON, pill) for pill in (Pill.NOT_ENABLED, Pill.READY)]
)
"""Where an order makes no difference, since all have one status (who is expired is invited) or none is invited:
they are listed by name. The databases do not see that and would sort."""


def counts(*, practice_id: int) -> dict[Pill, int]:
    """How many of the practice's patients each pill holds: exact, from the counters."""
    held = dict.fromkeys(Pill, 0)
    rows = db.session.execute(_COUNTS, {"practice": practice_id})
    held.update({Pill(pill): number for pill, number in rows})
    return held


def page(
    *,
    practice_id: int,
    filter: RosterFilter,  # noqa: A002 (the field's word)
    order: Order = Order.NAME,
    cursor: Cursor | None = None,
    size: int = PAGE,
    now: datetime,
) -> RosterPage:
    """A page of the practice's patients. A cursor that leads nowhere (any more) means the first page.

    In the order of "invited on", who was invited last under their current grant comes first, and who was not, last.
    """
    today = _today(practice_id, now)
    if (order, filter.pill) in _ALL_EQUAL:
        order = Order.NAME
    place = None if cursor is None else _place(practice_id, cursor, order)
    backwards = cursor is not None and cursor.backwards and place is not None
    listed = Listed(
        _passing(practice_id, filter, order, today=today),
        _columns(order, filter.pill),
        RosterRow.patient_id,
        falling=backwards != (order in _DOWNWARDS),
    )
    meant = _meant(practice_id, filter, today=today)
    rows = listed.after(place, meant=meant, limit=size + 1)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    lines = _lines(rows)
    has_next = bool(lines) and (more or backwards)
    has_previous = bool(lines) and (more if backwards else place is not None)
    return RosterPage(
        lines=lines,
        next=_cursor(lines[-1], rows[-1], order) if has_next else None,
        previous=_cursor(lines[0], rows[0], order, backwards=True) if has_previous else None,
    )


def count_matching(
    *,
    practice_id: int,
    filter: RosterFilter,  # noqa: A002 (the field's word)
    now: datetime,
    most: int = COUNTED,
) -> tuple[int, bool]:
    """How many patients match, and whether there are more than that; a bare pill is exact whatever its size."""
    today = _today(practice_id, now)
    meant = _meant(practice_id, filter, today=today)
    if filter.provider_id is None and filter.age is None and filter.next is None:
        if meant is None:
            return counts(practice_id=practice_id)[filter.pill], False
        if filter.pill is Pill.ALL:
            return _capped(meant.count(most), most)
    # by name, for left without an order SQLite may walk an index that narrows nothing
    passing = _passing(practice_id, filter, Order.NAME, today=today)
    ids = passing.with_only_columns(RosterRow.patient_id)
    listed = Listed(ids, _ORDERS[Order.NAME], RosterRow.patient_id)
    return _capped(len(listed.after(None, meant=meant, limit=most + 1)), most)


def matching_ids(
    *,
    practice_id: int,
    filter: RosterFilter,  # noqa: A002 (the field's word)
    now: datetime,
) -> Select[int]:
    """The numbers of all patients that match, as a query: for ``INSERT … SELECT`` of a selection."""
    today = _today(practice_id, now)
    passing = _passing(practice_id, filter, Order.NAME, today=today)
    meant = _meant(practice_id, filter, today=today)
    ids = passing.with_only_columns(RosterRow.patient_id)
    return ids if meant is None else ids.where(RosterRow.patient_id.in_(meant.ids()))


def line(patient: Patient, *, now: datetime) -> RosterLine:
    """One patient as the list shows it at this moment, by the rules."""
    asked = {"patient": number_of(patient), "now": now}
    facts = db.session.execute(_LINE, asked).unique().one()
    stands = standing_of(facts, now=now)
    return RosterLine(
        patient=facts.Patient,
        status=stands.status,
        grant=facts.Grant,
        invitation=facts.Invitation,
        expired=stands.expired,
        bounced=stands.bounced,
        missing=stands.missing,
        next_appointment_at=facts.next_appointment_at,
        last_visit_at=facts.last_visit_at,
    )


def lines(*, practice_id: int, public_ids: Collection[str]) -> list[RosterLine]:
    """These patients of the practice, in no order; who is not found is left out."""
    query = (
        select(RosterRow)
        .join(Patient, Patient.id == RosterRow.patient_id)
        .where(RosterRow.practice_id == practice_id, Patient.public_id.in_(public_ids))
    )
    return _lines(list(db.session.scalars(query)))


def _today(practice_id: int, now: datetime) -> date:
    return clock.local_date(now, db.session.get_one(Practice, practice_id).time_zone)


def _capped(number: int, most: int) -> tuple[int, bool]:
    return min(number, most), number > most


def _meant(practice_id: int, wanted: RosterFilter, *, today: date) -> reading.Reading | None:
    text = wanted.text.strip()
    if not text:
        return None
    return reading.read(practice_id, text, today=today, country=wanted.country)


def _columns(order: Order, pill: Pill) -> tuple[Any, ...]:
    """What the list is sorted by; the bounced are few, and an index of everybody would only mislead to walk it."""
    if pill is not Pill.BOUNCED or order is Order.NAME:
        return _ORDERS[order]
    first, *others = _ORDERS[order]
    return case((RosterRow.bounced, first)), *others


def _passing(
    practice_id: int, wanted: RosterFilter, order: Order, *, today: date
) -> Select[RosterRow]:
    """Whom the filters let pass, without what was typed."""
    query = select(RosterRow).where(RosterRow.practice_id == practice_id)
    sqlite = db.engine.dialect.name == "sqlite"
    by_day = wanted.next not in {None, NextAppointment.NONE}
    # whoever has an appointment soon is among few, in an index of their own that SQLite would not take
    status: ColumnElement[int] = RosterRow.status.expression
    if sqlite and by_day and order is Order.INVITED_ON:
        status = RosterRow.status + 0
    condition = _of_pill(wanted.pill, status)
    if condition is not None:
        query = query.where(condition)
    if wanted.pill is Pill.EXPIRED and order is Order.INVITED_ON and not by_day:
        # implied by being expired: the way along the index of the invited
        query = query.where(RosterRow.status == STATUSES.index(Status.INVITED))
    if wanted.provider_id is not None:
        # SQLite takes the provider's index for the narrower one, whatever it knows; a sum keeps it from that
        best = wanted.pill is Pill.ALL and order is Order.NAME and not by_day
        provider = RosterRow.provider_id + 0 if sqlite and not best else RosterRow.provider_id
        query = query.where(provider == wanted.provider_id)
    if wanted.age is not None:
        after, until = births(wanted.age, today)
        query = query.where(RosterRow.birth_date > after)
        if until is not None:
            query = query.where(RosterRow.birth_date <= until)
    if wanted.next is not None:
        query = query.where(_of_next(practice_id, wanted.next, today=today))
    return query


def _of_next(practice_id: int, span: NextAppointment, *, today: date) -> ColumnElement[bool]:
    last = last_day(span, today)
    if last is None:
        return RosterRow.next_appointment_at.is_(None)
    zone = db.session.get_one(Practice, practice_id).time_zone
    return RosterRow.next_appointment_at < clock.end_of_day(last, zone)


def _of_pill(pill: Pill, status: ColumnElement[int]) -> ColumnElement[bool] | None:
    match pill:
        case Pill.ALL:
            return None
        case Pill.EXPIRED:
            return RosterRow.expired.expression
        case Pill.BOUNCED:
            return RosterRow.bounced.expression
        case Pill.MISSING:
            return RosterRow.missing.expression
        case _:
            return status == STATUSES.index(Status(pill.value))


def _place(practice_id: int, cursor: Cursor, order: Order) -> tuple[Any, ...] | None:
    """The values of the order's columns where the cursor stands."""
    row = db.session.scalar(
        select(RosterRow)
        .join(Patient, Patient.id == RosterRow.patient_id)
        .where(Patient.public_id == cursor.public_id, Patient.practice_id == practice_id)
    )
    if row is None:
        return None
    first: Any
    match order:
        case Order.NAME:
            return row.sort_name, row.patient_id
        case Order.STATUS:
            first = _number(cursor.place)
            known = first is not None and first < len(STATUSES)
            return first if known else row.status, row.sort_name, row.patient_id
        case Order.INVITED_ON:
            first = _number(cursor.place)
            return row.invited_at if first is None else NEVER + first * _MOMENT, row.patient_id


def _cursor(shown: RosterLine, row: RosterRow, order: Order, *, backwards: bool = False) -> Cursor:
    match order:
        case Order.NAME:
            place = ""
        case Order.STATUS:
            place = str(row.status)
        case Order.INVITED_ON:
            place = str((row.invited_at - NEVER) // _MOMENT)
    return Cursor(shown.patient.public_id, backwards, place)


def _number(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 17 else None


def _lines(rows: Sequence[RosterRow]) -> list[RosterLine]:
    ids = [row.patient_id for row in rows]
    patients = {
        patient.id: patient
        for patient in db.session.scalars(
            select(Patient)
            .where(Patient.id.in_(ids))
            .options(selectinload(Patient.phones), joinedload(Patient.provider))
        )
    }
    grants = _grants(ids)
    newest = _newest([grant.id for grant in grants.values()])
    made = []
    for row in rows:
        grant = grants.get(row.patient_id)
        made.append(
            RosterLine(
                patient=patients[row.patient_id],
                status=STATUSES[row.status],
                grant=grant,
                invitation=newest.get(grant.id) if grant else None,
                expired=row.expired,
                bounced=row.bounced,
                missing=row.missing,
                next_appointment_at=row.next_appointment_at,
                last_visit_at=row.last_visit_at,
            )
        )
    return made


def _grants(patient_ids: Sequence[int]) -> dict[int, Grant]:
    query = select(Grant).where(Grant.patient_id.in_(patient_ids), Grant.ended_at.is_(None))
    return {grant.patient_id: grant for grant in db.session.scalars(query)}


def _newest(grant_ids: Sequence[int]) -> dict[int, Invitation]:
    newest = (
        select(func.max(Invitation.id))
        .where(Invitation.grant_id.in_(grant_ids))
        .group_by(Invitation.grant_id)
    )
    query = select(Invitation).where(Invitation.id.in_(newest))
    return {invitation.grant_id: invitation for invitation in db.session.scalars(query)}
