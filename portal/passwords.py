"""Hash and check passwords (argon2id; ASVS appendix C), and refuse bad ones (NIST 63B-4 §3.1.1.2).

Hashing takes tens of milliseconds: never inside ``atomic()``.
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import cache
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from portal.transaction import writing

SHORTEST_ALONE = 15
SHORTEST_WITH_SECOND_FACTOR = 8
LONGEST = 256
MEMORY_KIB = 47_104
"""46 MiB."""


class PasswordProblem(StrEnum):
    """Why a new password is refused."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    COMMON = "common"
    REPETITIVE = "repetitive"
    PERSONAL = "personal"


def problem(
    password: str, *, context: tuple[str, ...], second_factor: bool = False
) -> PasswordProblem | None:
    """Why this cannot be a new password, or None.

    Args:
        password: as typed; compared after NFC.
        context: words of this person and place (names, username, address, clinic): a password that is made
            of little else is refused (ASVS 6.1.2).
        second_factor: whether the account has one, so that 8 characters do.
    """
    text = unicodedata.normalize("NFC", password)
    if len(text) < (SHORTEST_WITH_SECOND_FACTOR if second_factor else SHORTEST_ALONE):
        return PasswordProblem.TOO_SHORT
    if len(text) > LONGEST:
        return PasswordProblem.TOO_LONG
    plain = text.lower()
    if {
        plain,
        plain.strip("0123456789!.?-_ "),
        plain[: len(plain) // 2] if _doubled(plain) else plain,
    } & _common():
        return PasswordProblem.COMMON
    if len(set(plain)) < 5 or _repeats(plain) or _runs(plain):
        return PasswordProblem.REPETITIVE
    left = plain
    for word in sorted(
        (w.lower() for c in (*context, "vestibule portal") for w in _words(c)),
        key=len,
        reverse=True,
    ):
        left = left.replace(word, "")
    return (
        PasswordProblem.PERSONAL
        if len(left.strip("0123456789!.?-_@ ")) < 5 and left != plain
        else None
    )


def hash_password(password: str) -> str:
    """The argon2id hash of the NFC form."""
    if writing():
        raise RuntimeError("no password is hashed inside a transaction")
    return _hasher().hash(unicodedata.normalize("NFC", password))


def matches(password: str, hashed: str | None) -> bool:
    """Whether this is the password. With no hash the same time is spent (ASVS 6.3.8)."""
    if writing():
        raise RuntimeError("no password is checked inside a transaction")
    try:
        _hasher().verify(hashed or _decoy(), unicodedata.normalize("NFC", password))
    except (VerificationError, InvalidHashError):
        return False
    return hashed is not None


def _hasher() -> PasswordHasher:
    hasher: PasswordHasher | None = current_app.extensions.get("vestibule.hasher")
    if hasher is None:
        hasher = PasswordHasher(time_cost=1, memory_cost=MEMORY_KIB, parallelism=1)
        current_app.extensions["vestibule.hasher"] = hasher
    return hasher


def _decoy() -> str:
    decoy: str | None = current_app.extensions.get("vestibule.decoy_hash")
    if decoy is None:
        decoy = _hasher().hash("nobody has this password")
        current_app.extensions["vestibule.decoy_hash"] = decoy
    return decoy


@cache
def _common() -> frozenset[str]:
    """The 30,000 passwords most often seen in breaches, as zxcvbn ships them; nothing leaves the machine."""
    return frozenset(FREQUENCY_LISTS["passwords"])


def _words(text: str) -> list[str]:
    return [
        word for word in "".join(c if c.isalnum() else " " for c in text).split() if len(word) >= 3
    ]


def _repeats(text: str) -> bool:
    """One short piece over and over: abcabcabcabcabc."""
    return any(
        text == (text[:size] * len(text))[: len(text)]
        for size in range(1, min(len(text) // 3, 6) + 1)
    )


def _doubled(text: str) -> bool:
    """One word twice: passwordpassword."""
    half = len(text) // 2
    return text[:half] == text[half:]


def _runs(text: str) -> bool:
    """One long run of neighbours: 123456789012345, abcdefghijklmno."""
    steps = [ord(b) - ord(a) for a, b in pairwise(text)]
    return sum(step in (1, -1, -9, 9) for step in steps) >= len(steps) * 0.8
