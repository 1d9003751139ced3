"""The identity check (8.4): is what was typed what the record holds at this moment? Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class SsnClaim:
    """The whole social security number, as nine digits."""

    ssn: str


@dataclass(frozen=True, slots=True)
class BirthAndPhoneClaim:
    """Date of birth and one phone number (E.164)."""

    birth_date: date
    phone: str


Claim = SsnClaim | BirthAndPhoneClaim


class Verdict(StrEnum):
    """What came of a try."""

    PASSED = "passed"
    FAILED = "failed"
    LOCKED = "locked"
    """The fifth failure: the invitation is dead, staff must issue another."""
    THROTTLED = "throttled"
    """Too many tries from this client, for this patient or on this number: nothing was compared."""


def ssn_agrees(claimed_match: str, stored_match: str | None) -> bool:
    """Compare keyed hashes in constant time; a record without a number agrees with nothing."""
    return hmac.compare_digest(claimed_match, stored_match or "-" * len(claimed_match))


def birth_and_phone_agree(
    claim: BirthAndPhoneClaim, *, birth_date: date | None, phones: Iterable[str]
) -> bool:
    """Both must be on file; any current phone on file will do."""
    born = birth_date is not None and claim.birth_date == birth_date
    agree = [hmac.compare_digest(claim.phone.encode(), phone.encode()) for phone in phones]
    known = any(agree)  # every number is compared: no early end
    return born and known
