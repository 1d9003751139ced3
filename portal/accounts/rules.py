"""Usernames and e-mail codes. Pure."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

USERNAME = re.compile(r"[a-z0-9._-]{3,64}")
CODE_TRIES = 5


class UsernameProblem(StrEnum):
    """Why a username is refused (8.9)."""

    SHAPE = "shape"
    TAKEN = "taken"


def clean_username(text: str) -> str:
    """As it is kept and looked up: trimmed, ASCII letters lower-cased, nothing else folded."""
    text = unicodedata.normalize("NFC", text).strip()
    return "".join(c.lower() if c.isascii() else c for c in text)


def well_formed(username: str) -> bool:
    """3–64 of a–z 0–9 . _ - and never an @ (8.9)."""
    return USERNAME.fullmatch(username) is not None


def suggestions(first_name: str, email: str) -> list[str]:
    """Usernames to offer from what was typed, best first; none of them is known to be free."""
    words = [_ascii(first_name), _ascii(email.partition("@")[0])]
    base = [word for word in words if len(word) >= 3]
    return list(dict.fromkeys([*base[::-1], *(f"{word}.{n}" for word in base for n in (2, 3))]))


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._-]+", "", plain)[:60].strip("._-")
