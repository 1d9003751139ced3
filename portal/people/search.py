"""The patient list: search and keyset pages. Every query starts from the practice and walks an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from portal.extensions import db
from portal.people import reading, rules
from portal.people.listing import Listed
from portal.people.models import Patient

PAGE = 50
COUNTED = 1000
"""Matches are counted exactly up to here."""
_ORDER = (Patient.sort_name, Patient.id)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after, or before, one row of the list's order."""

    sort_name: str
    id: int
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of patients, and how to reach its neighbours."""

    patients: list[Patient]
    next: Cursor | None
    previous: Cursor | None


def page(
    *,
    practice_id: int,
    text: str = "",
    cursor: Cursor | None = None,
    now: datetime,
    country: str = "US",
    size: int = PAGE,
) -> Page:
    """A page of the practice's patients by name, narrowed by what was typed.

    ``text`` may be words of a name in any order (the beginning of each suffices), a birth date, a phone
    number, an e-mail address or a record number; accents and case are ignored.
    """
    text = text.strip()
    meant = reading.read(practice_id, text, today=now.date(), country=country) if text else None
    backwards = cursor is not None and cursor.backwards
    query = select(Patient).where(Patient.practice_id == practice_id)
    listed = Listed(query, _ORDER, Patient.id, falling=backwards)
    place = None if cursor is None else (cursor.sort_name, cursor.id)
    shown = selectinload(Patient.phones), joinedload(Patient.provider)
    rows = listed.after(place, meant=meant, limit=size + 1, options=shown)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    has_next = bool(rows) and (more if not backwards else True)
    has_previous = bool(rows) and (more if backwards else cursor is not None)
    return Page(
        patients=rows,
        next=Cursor(rows[-1].sort_name, rows[-1].id) if has_next else None,
        previous=Cursor(rows[0].sort_name, rows[0].id, backwards=True) if has_previous else None,
    )


def count(
    *, practice_id: int, text: str, now: datetime, country: str = "US", most: int = COUNTED
) -> int:
    """How many patients match; ``most + 1`` stands for more than ``most``."""
    text = text.strip()
    if text:
        return reading.read(practice_id, text, today=now.date(), country=country).count(most)
    some = select(Patient.id).where(Patient.practice_id == practice_id).limit(most + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def cursor_at(*, practice_id: int, public_id: str, backwards: bool = False) -> Cursor | None:
    """The place of one patient in the list's order; None where the practice has no such patient."""
    row = db.session.execute(
        select(Patient.sort_name, Patient.id).where(
            Patient.public_id == public_id, Patient.practice_id == practice_id
        )
    ).first()
    return None if row is None else Cursor(row.sort_name, row.id, backwards)


def kind_of(text: str, *, today: date, country: str = "US") -> str:
    """What kind of thing somebody typed, for the audit trail: never the thing itself."""
    if "@" in text:
        return "email"
    if rules.try_birth_date(text, today=today) is not None:
        return "birth_date"
    if rules.phone_candidates(text, country):
        return "phone"
    return "name" if any(c.isalpha() for c in text) else "record_number"
