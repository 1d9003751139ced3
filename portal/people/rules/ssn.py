"""Social security numbers: refuse only what cannot be one (security.md)."""

from __future__ import annotations

import re
import unicodedata

from portal.people.rules.refusal import Refusal, ValueRefused

# The dashes that word processors put where a hyphen was typed.
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-")
_SHAPE = re.compile(r"([0-9]{3})[- ]?([0-9]{2})[- ]?([0-9]{4})")

# Printed in advertisements or published in court, and used by thousands since: python-stdnum's
# list, and the ten that the Social Security Administration keeps for advertising.
_DUMMIES = frozenset(
    {"078051120", "219099999", "457555462"} | {f"98765432{last}" for last in range(10)}
)


def parse_ssn(text: str) -> str:
    """The nine digits of a social security number, typed in any common form.

    Areas 900-999 are kept: tax ids stand in that field, and all public test data uses 999.

    Raises:
        ValueRefused: ``SSN_SHAPE``, ``SSN_IMPOSSIBLE`` (never assigned by rule: SSA POMS RM
            10201.035) or ``SSN_DUMMY``.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    found = _SHAPE.fullmatch(" ".join(plain.split()))
    if found is None:
        raise ValueRefused(Refusal.SSN_SHAPE)
    area, group, serial = found.groups()
    digits = area + group + serial
    if area in {"000", "666"} or group == "00" or serial == "0000":
        raise ValueRefused(Refusal.SSN_IMPOSSIBLE)
    if len(set(digits)) == 1 or digits in _DUMMIES:
        raise ValueRefused(Refusal.SSN_DUMMY)
    return digits


def mask_ssn(last_four: str) -> str:
    """The only form in which an SSN is shown (2.2, 2.5): XXX-XX-1234."""
    return f"XXX-XX-{last_four}"
