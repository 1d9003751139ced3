"""Take values out of one row or resource: a bad one is left out and noted, the row is kept
(12.1)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TypeVar

from babel import Locale
from babel.core import get_global

from portal.exchange.record import (
    Field,
    PatientRecord,
    PhoneEntry,
    PhoneKind,
    Reason,
    RejectedRow,
    RowProblem,
)
from portal.people import rules
from portal.people.rules import Refusal, ValueRefused

T = TypeVar("T")

PHONE_KINDS: dict[Field, PhoneKind] = {
    Field.PHONE_MOBILE: "mobile",
    Field.PHONE_HOME: "home",
    Field.PHONE_WORK: "work",
    Field.PHONE_OTHER: "other",
}
_LENGTHS = {
    Field.STREET: 200,
    Field.REGION: 60,
    Field.COUNTRY: 60,
    Field.POSTAL_CODE: 20,
    Field.VISIT_REASON: 300,
}
_EIGHT_DIGITS = re.compile(r"[0-9]{8}")
_AMOUNT = re.compile(
    r"(?P<open>\()?\s*\$?\s*(?P<sign>-)?\s*\$?\s*(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,9}|(?=\.[0-9]))"
    r"(?:\.(?P<part>[0-9]{1,2}))?\s*(?P<close>\))?"
)
_MOST_CENTS = 2**31 - 1
"""What the column holds."""
# A spreadsheet eats leading zeros: 2155 is Medford's 02155, 601 is Adjuntas's 00601.
_SHORT_ZIP = re.compile(r"([0-9]{3,4})(-[0-9]{4})?")
_SHORT_ZIP9 = re.compile(r"[0-9]{7,8}")


@dataclass(slots=True)
class Cells:
    """The values of one row, and what was wrong with some of them."""

    row: int
    today: date
    """The practice's calendar day."""
    country: str
    """The practice's (ISO 3166): where phone numbers without a country code belong."""
    problems: list[RowProblem] = field(default_factory=list)

    def note(self, name: Field | None, reason: Refusal | Reason) -> None:
        """Remember that something is wrong."""
        self.problems.append(RowProblem(self.row, name, reason))

    def take(self, name: Field, text: str, parse: Callable[[str], T]) -> T | None:
        """The parsed value; None for a blank, or (noted) for a value that cannot be one."""
        if not text or text.isspace():
            return None
        try:
            return parse(text)
        except ValueRefused as refused:
            self.note(name, refused.refusal)
            return None

    def text(self, name: Field, text: str) -> str | None:
        """Cleaned text, no longer than its column."""
        longest = _LENGTHS.get(name, 120)
        lines = name is Field.STREET
        clean = self.take(name, text, lambda t: rules.clean_text(t, longest=longest, lines=lines))
        return clean or None

    def birth_date(self, text: str) -> date | None:
        """A birth date that can be one today."""
        return self.take(Field.BIRTH_DATE, text, lambda t: rules.parse_birth_date(t, self.today))

    def death_date(self, text: str) -> date | None:
        """The day of death."""
        return self.take(Field.DECEASED_ON, text, lambda t: rules.parse_death_date(t, self.today))

    def ssn(self, text: str) -> str | None:
        """Nine digits. Eight are left out: no one can tell whether a zero was lost, or which
        digit."""
        if _EIGHT_DIGITS.fullmatch(text.strip()):
            self.note(Field.SSN, Reason.SSN_ZERO_LOST)
            return None
        return self.take(Field.SSN, text, rules.parse_ssn)

    def email(self, texts: Iterable[str]) -> str | None:
        """The first usable address; of several in one cell the first, noted: nobody can be
        asked."""
        for text in texts:
            first = rules.first_address(text)
            address = self.take(Field.EMAIL, first, rules.parse_email)
            if address is None:
                continue
            if rules.is_reserved_placeholder(address):
                self.note(Field.EMAIL, Refusal.EMAIL_PLACEHOLDER)
                continue
            if first != text:
                self.note(Field.EMAIL, Refusal.EMAIL_SEVERAL)
            return address
        return None

    def phones(
        self, entries: Iterable[tuple[Field, str]], *, home: str | None
    ) -> tuple[PhoneEntry, ...]:
        """The numbers in the file's order, each once.

        One that is none in the practice's country is read as one of ``home``, the patient's.
        """
        found: dict[str, PhoneEntry] = {}
        for name, text in entries:
            phone = self.take(name, text, lambda t: self._phone(t, home))
            if phone is not None:
                entry = PhoneEntry(PHONE_KINDS[name], phone.e164, phone.extension)
                found.setdefault(phone.e164, entry)
        return tuple(found.values())

    def _phone(self, text: str, home: str | None) -> rules.Phone:
        try:
            return rules.parse_phone(text, self.country)
        except ValueRefused:
            if home is None or len(home) != 2 or home == self.country:
                raise
            return rules.parse_phone(text, home)

    def country_code(self, text: str) -> str | None:
        """ISO 3166 alpha-2 for a country's code or English name; other text as it is."""
        name = self.text(Field.COUNTRY, text)
        return None if name is None else _territories().get(name.casefold(), name)

    def postal_code(self, text: str, *, is_zip: bool) -> str | None:
        """A postal code; with ``is_zip``, leading zeros that a spreadsheet ate are put back."""
        code = self.text(Field.POSTAL_CODE, text)
        if code is None or not is_zip:
            return code
        if short := _SHORT_ZIP.fullmatch(code):
            return short[1].zfill(5) + (short[2] or "")
        return code.zfill(9) if _SHORT_ZIP9.fullmatch(code) else code

    def money(self, text: str) -> int | None:
        """An amount in hundredths; parentheses mean below zero, as accountants write it."""
        found = _AMOUNT.fullmatch(text.strip())
        if found is None:
            if text.strip():
                self.note(Field.BALANCE, Reason.BALANCE_UNREADABLE)
            return None
        whole, part = found["whole"].replace(",", ""), (found["part"] or "").ljust(2, "0")
        cents = int(whole or 0) * 100 + int(part)
        below = found["open"] or found["sign"]
        if bool(found["open"]) is not bool(found["close"]) or cents > _MOST_CENTS:
            self.note(Field.BALANCE, Reason.BALANCE_UNREADABLE)
            return None
        return -cents if below else cents

    def finish(self, record: PatientRecord) -> PatientRecord | RejectedRow:
        """The record, or what rejects it: no record number, or neither a name nor a birth date
        (12.1)."""
        nobody = not (record.given_name or record.family_name or record.birth_date)
        if record.record_number and not nobody:
            return record
        if not record.record_number:
            self.note(Field.RECORD_NUMBER, Reason.RECORD_NUMBER_MISSING)
        if nobody:
            self.note(None, Reason.NOBODY)
        return RejectedRow(self.row, tuple(self.problems))


@cache
def _territories() -> dict[str, str]:
    found = {"united states of america": "US", "u.s.": "US", "u.s.a.": "US"}
    for code, name in Locale("en").territories.items():
        if len(code) == 2 and code.isalpha():
            found |= {str(name).casefold(): code, code.casefold(): code}
    # The three-letter codes stand among the aliases.
    for alias, current in get_global("territory_aliases").items():
        if len(alias) == 3 and alias.isalpha() and len(current) == 1:
            found[alias.casefold()] = current[0]
    return found
