"""What somebody typed, as questions to indexes: who is meant by it, asked in the way that is quick for so many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, intersect, or_, select, union_all
from sqlalchemy.orm import aliased

from portal.extensions import db
from portal.people import rules
from portal.people.models import Patient, PatientPhone, SearchWord

BROAD = 10_000
"""A word that begins more names than this is broad: to put all of those together takes longer than to look along
a list for the first who is meant."""
_ALIKE = (2, 10)
"""Hardly anybody has more than two words in their name that begin alike, and nobody more than ten: so many lines
of the index are looked at for each who is to be counted."""
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is read in one practice."""

    practice_id: int
    others: tuple[Select[int], ...]
    """Numbers of patients by what is no name; each walks an index of its own: of one condition with ORs the
    databases make a scan."""
    words: tuple[str, ...]
    """Each begins a word of the name; the rarest comes first. Empty where no name was typed."""
    broad: bool
    """Even the rarest word begins very many names."""

    @property
    def dense(self) -> bool:
        """Whether so many are meant that the first of them are found soon along any list."""
        return self.broad and len(self.words) == 1

    def ids(self) -> Select[int]:
        """The numbers of all who are meant."""
        return self._together(self._named())

    def count(self, most: int) -> int:
        """How many are meant, exactly up to ``most``; ``most + 1`` stands for more."""
        found = 0
        for alike in _ALIKE:
            found, looked_at = self._count_among(alike * (most + 1))
            if found > most or looked_at < alike * (most + 1):
                break
        return min(found, most + 1)

    def _count_among(self, many: int) -> tuple[int, int]:
        """How many people, and how many lines, there are among so many lines of an index: a name may have several."""
        named = self._named()
        some = None if named is None else select(named.limit(many).subquery().c.patient_id)
        each = self._together(some).subquery().c[0]
        people, lines = db.session.execute(select(func.count(each.distinct()), func.count())).one()
        return people, lines

    def holds(self, patient_id: Any) -> ColumnElement[bool]:
        """Whether one patient is meant, to be asked along a list."""
        meant = [patient_id.in_(other) for other in self.others]
        if self.words:
            meant.append(and_(*(_has_word(word, patient_id) for word in self.words)))
        return or_(*meant)

    def _together(self, named: Select[int] | None) -> Select[int]:
        parts = self.others if named is None else (*self.others, named)
        found = union_all(*parts).subquery()
        return select(found.c[0])

    def _named(self) -> Select[int] | None:
        if not self.words:
            return None
        rarest, *more = self.words
        if self.broad and more:
            # all of each word put together at once: to ask many thousands one by one takes longer
            meant = intersect(*(_with_word(self.practice_id, word) for word in self.words))
            return select(meant.subquery().c.patient_id)
        named = _with_word(self.practice_id, rarest)
        also = (_has_word(word, named.selected_columns.patient_id) for word in more)
        return named.where(*also)


def read(practice_id: int, text: str, *, today: date, country: str = "US") -> Reading:
    """Read a text that is not empty: as words of a name in any order, a birth date, a phone number, an e-mail
    address or a record number, whatever it can be."""

    chart = aliased(Patient)  # not the one that the list is made of

    def those(condition: ColumnElement[bool]) -> Select[int]:
        return select(chart.id).where(chart.practice_id == practice_id, condition)

    others = [those(chart.record_number == text)]
    if "@" in text:
        others.append(those(_begins(chart.email_key, rules.email_key(text))))
    day = rules.try_birth_date(text, today=today)
    if day is not None:
        others.append(those(chart.birth_date == day))
    numbers = rules.phone_candidates(text, country)
    if numbers:
        others.append(
            select(PatientPhone.patient_id).where(
                PatientPhone.practice_id == practice_id, PatientPhone.e164.in_(numbers)
            )
        )
    words = set() if day is not None or "@" in text else rules.search_words(text)
    begun = {word: _begun_by(practice_id, word) for word in words}
    rarest_first = sorted(words, key=lambda word: (begun[word], -len(word), word))
    broad = bool(words) and begun[rarest_first[0]] > BROAD
    return Reading(practice_id, tuple(others), tuple(rarest_first), broad)


def _begun_by(practice_id: int, word: str) -> int:
    """How many names, exactly up to broad."""
    some = _with_word(practice_id, word).limit(BROAD + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(some)) or 0


def _with_word(practice_id: int, word: str) -> Select[int]:
    spelt = aliased(SearchWord)
    return select(spelt.patient_id).where(
        spelt.practice_id == practice_id, _begins(spelt.word, word)
    )


def _has_word(word: str, patient_id: Any) -> ColumnElement[bool]:
    spelt = aliased(SearchWord)
    there = select(spelt.patient_id).where(
        spelt.patient_id == patient_id, _begins(spelt.word, word)
    )
    # PostgreSQL would first put together all who have the word; it does not where there is an offset
    return there.offset(0).exists()


def _begins(column: Any, text: str) -> Any:
    return (column >= text) & (column < text + _LAST)
