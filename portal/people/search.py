"""The patient list: search and keyset pages. Every query starts from the practice and walks an index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, select, tuple_, union
from sqlalchemy.orm import aliased, joinedload, selectinload

from portal.extensions import db
from portal.people import rules
from portal.people.models import Patient, PatientPhone, SearchWord

PAGE = 50
COUNTED = 1000
"""Matches are counted exactly up to here."""
_LAST = "\U0010ffff"


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
    query = _matching(practice_id, text.strip(), today=now.date(), country=country)
    order = (Patient.sort_name, Patient.id)
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        place = tuple_(cursor.sort_name, cursor.id)
        query = query.where(tuple_(*order) < place if backwards else tuple_(*order) > place)
    query = query.order_by(*((c.desc() for c in order) if backwards else order)).limit(size + 1)
    query = query.options(selectinload(Patient.phones), joinedload(Patient.provider))
    rows = list(db.session.scalars(query))
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
    matching = _matching(practice_id, text.strip(), today=now.date(), country=country)
    some = matching.with_only_columns(Patient.id).limit(most + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


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


def ids_of(practice_id: int, text: str, *, today: date, country: str = "US") -> CompoundSelect[int]:
    """The numbers of the practice's patients who are meant by ``text`` (not empty), as :func:`page` reads it.

    A union, for each part walks an index of its own: of one condition with ORs the databases make a scan.
    """

    def those(condition: ColumnElement[bool]) -> Select[int]:
        return select(Patient.id).where(Patient.practice_id == practice_id, condition)

    parts = [those(Patient.record_number == text)]
    if "@" in text:
        parts.append(those(_begins(Patient.email_key, rules.email_key(text))))
    day = rules.try_birth_date(text, today=today)
    if day is not None:
        parts.append(those(Patient.birth_date == day))
    numbers = rules.phone_candidates(text, country)
    if numbers:
        parts.append(
            select(PatientPhone.patient_id).where(
                PatientPhone.practice_id == practice_id, PatientPhone.e164.in_(numbers)
            )
        )
    words = rules.search_words(text)
    if words and day is None and "@" not in text:
        longest, *others = sorted(words, key=len, reverse=True)
        named = _with_word(practice_id, longest)
        for word in others:
            named = named.where(
                named.selected_columns.patient_id.in_(_with_word(practice_id, word))
            )
        parts.append(named)
    return union(*parts)


def _matching(practice_id: int, text: str, *, today: date, country: str) -> Select[Patient]:
    query = select(Patient).where(Patient.practice_id == practice_id)
    if not text:
        return query
    return query.where(Patient.id.in_(ids_of(practice_id, text, today=today, country=country)))


def _with_word(practice_id: int, word: str) -> Select[int]:
    spelt = aliased(SearchWord)
    return select(spelt.patient_id).where(
        spelt.practice_id == practice_id, _begins(spelt.word, word)
    )


def _begins(column: Any, text: str) -> Any:
    return (column >= text) & (column < text + _LAST)
