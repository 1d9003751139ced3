"""Dates as people and files write them. Strict: what could be read in two ways is not read."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

from portal.people.rules.refusal import Refusal, ValueRefused

OLDEST_YEARS = 130
"""Nobody on record lived longer than 122 years; more is a slip of the keyboard."""

_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_TIME = rf"(?:[T ][0-9]{{1,2}}:[0-9]{{2}}(?::[0-9]{{2}}(?:\.[0-9]+)?)?(?: ?[AaPp][Mm])?{_ZONE})?"
_YEAR_FIRST = re.compile(rf"([0-9]{{4}})([-/.])([0-9]{{1,2}})\2([0-9]{{1,2}}){_TIME}")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_US = re.compile(rf"([0-9]{{1,2}})([-/])([0-9]{{1,2}})\2([0-9]{{4}}){_TIME}")
_MONTH_FIRST = re.compile(r"([A-Za-z]{3,9})\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")
_DAY_FIRST = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[- ]([A-Za-z]{3,9})\.?[-, ]{1,2}([0-9]{4})")
_SERIAL = re.compile(r"([0-9]{4,5})(?:\.0+)?")
_PARTIAL = re.compile(r"[0-9]{4}(?:-[0-9]{2})?")
_ENGLISH = "january february march april may june july august september october november december"
_MONTHS = {name: number for number, name in enumerate(_ENGLISH.split(), start=1)}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
# Excel's 1900 system counts a 29 February 1900 that never was; from March 1900 on this epoch makes
# up for it.
_EXCEL_EPOCH = date(1899, 12, 30)
_FIRST_PLAUSIBLE_SERIAL = 2101
"""Below it (September 1905), four digits are a year."""


def parse_birth_date(text: str, today: date) -> date:
    """A birth date: ISO (with or without a time), m/d/yyyy, yyyymmdd, "Feb 11, 1980", "11 Feb
    1980", Excel serial.

    Two-digit years are refused: 01/02/30 may be a child's or a grandparent's.

    Args:
        today: the practice's calendar day.

    Raises:
        ValueRefused: ``BIRTH_DATE_UNREADABLE``, ``_PARTIAL`` (a year or month only), ``_FUTURE``,
            or ``_TOO_OLD`` for more than 130 years ago.
    """
    day = _read(text)
    if day is None:
        partial = _PARTIAL.fullmatch(text.strip())
        raise ValueRefused(Refusal.BIRTH_DATE_PARTIAL if partial else Refusal.BIRTH_DATE_UNREADABLE)
    if day > today:
        raise ValueRefused(Refusal.BIRTH_DATE_FUTURE)
    if (today.year - day.year) - ((today.month, today.day) < (day.month, day.day)) > OLDEST_YEARS:
        raise ValueRefused(Refusal.BIRTH_DATE_TOO_OLD)
    return day


def try_birth_date(text: str, today: date) -> date | None:
    """The birth date that ``text`` is, or None: for a search box that takes several kinds of
    thing."""
    try:
        return parse_birth_date(text, today)
    except ValueRefused:
        return None


def parse_death_date(text: str, today: date) -> date:
    """The day somebody died, in the same forms.

    Raises:
        ValueRefused: ``DEATH_DATE_UNREADABLE`` or ``DEATH_DATE_FUTURE``.
    """
    day = _read(text)
    if day is None:
        raise ValueRefused(Refusal.DEATH_DATE_UNREADABLE)
    if day > today:
        raise ValueRefused(Refusal.DEATH_DATE_FUTURE)
    return day


def parse_end_date(text: str) -> date:
    """The first day without access to a chart, past or to come, in the same forms.

    Raises:
        ValueRefused: ``END_DATE_UNREADABLE``.
    """
    day = _read(text)
    if day is None:
        raise ValueRefused(Refusal.END_DATE_UNREADABLE)
    return day


def _read(text: str) -> date | None:
    plain = " ".join(unicodedata.normalize("NFKC", text).split())
    try:
        if found := _YEAR_FIRST.fullmatch(plain):
            return date(int(found[1]), int(found[3]), int(found[4]))
        if found := _COMPACT.fullmatch(plain):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _US.fullmatch(plain):
            return date(int(found[4]), int(found[1]), int(found[3]))
        if found := _MONTH_FIRST.fullmatch(plain):
            return date(int(found[3]), _MONTHS[found[1].lower()], int(found[2]))
        if found := _DAY_FIRST.fullmatch(plain):
            return date(int(found[3]), _MONTHS[found[2].lower()], int(found[1]))
    except (ValueError, KeyError):
        return None
    if (found := _SERIAL.fullmatch(plain)) and int(found[1]) >= _FIRST_PLAUSIBLE_SERIAL:
        return _EXCEL_EPOCH + timedelta(days=int(found[1]))
    return None
