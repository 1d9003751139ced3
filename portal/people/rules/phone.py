"""Phone numbers: anything that somebody can have, kept as E.164 (ITU-T E.164)."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from portal.people.rules.refusal import Refusal, ValueRefused

_LONGEST = 60
_EXTENSION = re.compile(
    r"(?:;\s*ext=|\bextension|\bextn|\bext\.?|\bx\.?|(?<=[0-9)])x|#|,{1,2}|;)[\s:.]*[0-9]{1,8}#?$",
    re.IGNORECASE,
)
_NORTH_AMERICA = 1


class Phone(NamedTuple):
    """A number with country code (``+12025550123``), and the extension behind it, digits only."""

    e164: str
    extension: str | None = None


def parse_phone(text: str, country: str = "US") -> Phone:
    """A phone number, typed in any form; ``country`` (ISO 3166) is where a number without country
    code belongs.

    Possible is enough, it need not be in use (security.md): libphonenumber's lengths, and in North
    America an area code that the numbering plan can assign (first digit 2-9). Letters are refused:
    in a record they are slips.

    Raises:
        ValueRefused: ``PHONE_UNREADABLE`` or ``PHONE_IMPOSSIBLE``.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = plain[4:] if plain[:4].lower() == "tel:" else plain
    if len(plain) > _LONGEST or any(c.isalpha() for c in _EXTENSION.sub("", plain)):
        raise ValueRefused(Refusal.PHONE_UNREADABLE)
    try:
        number = phonenumbers.parse(plain, country)
    except NumberParseException as error:
        raise ValueRefused(Refusal.PHONE_UNREADABLE) from error
    # "Possible locally" (seven digits without an area code) cannot be dialled from outside, nor
    # compared.
    possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    digits = phonenumbers.national_significant_number(number)
    unassignable = number.country_code == _NORTH_AMERICA and digits[0] in "01"
    if not possible or unassignable or not digits.strip("0"):
        raise ValueRefused(Refusal.PHONE_IMPOSSIBLE)
    extension = number.extension or None
    if extension and len(extension) > 10:
        raise ValueRefused(Refusal.PHONE_UNREADABLE)
    return Phone(phonenumbers.format_number(number, PhoneNumberFormat.E164), extension)


def format_phone(e164: str, country: str = "US") -> str:
    """A stored number for reading: national form where it has ``country``'s own country code, else
    international."""
    number = phonenumbers.parse(e164)
    own = number.country_code == phonenumbers.country_code_for_region(country)
    form = PhoneNumberFormat.NATIONAL if own else PhoneNumberFormat.INTERNATIONAL
    return str(phonenumbers.format_number(number, form))


def phone_candidates(text: str, country: str = "US") -> tuple[str, ...]:
    """The stored numbers that somebody who typed ``text`` into a search may mean (none: it is no
    number)."""
    found = []
    for attempt in (text, "+" + text.strip().lstrip("+")):
        try:
            found.append(parse_phone(attempt, country).e164)
        except ValueRefused:
            continue
    return tuple(dict.fromkeys(found))
