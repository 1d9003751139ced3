"""Names and other text of a chart: cleaned for storing, folded for finding."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from portal.people.rules.refusal import Refusal, ValueRefused

NAME_LENGTH = 120
_SORT_LENGTH = 260
_WORD_LENGTH = 120

# Invisible characters that are no part of any name but change how one is shown or found: direction
# marks and overrides, zero-width space, word joiner, byte order mark, soft hyphen. Joiners (U+200C,
# U+200D) are letters' business in Persian and Hindi and stay.
_INVISIBLE = dict.fromkeys(
    [0x00AD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
_LINE_BREAKS = re.compile(r"[\r\n]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼʻ`´"))
# Letters that Unicode does not decompose into a base letter and a mark.
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ı": "i",
        "ħ": "h",
    }
)
_ENGLISH = frozenset({"en", "eng", "english", "inglés", "ingles"})
_SPANISH = frozenset({"es", "spa", "spanish", "español", "espanol", "castellano", "castilian"})


def has_controls(text: str) -> bool:
    """Whether it holds line breaks, controls or halves of characters (a tab is white space)."""
    return not text.isprintable() and any(
        unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} and c != "\t" for c in text
    )


def clean_text(text: str, *, longest: int = NAME_LENGTH, lines: bool = False) -> str:
    """Text as it is stored: NFC, runs of white space one space, invisible marks gone; what it says
    is kept.

    Args:
        longest: in characters; the column's width.
        lines: whether it may come in several lines (a postal address), which become one.

    Raises:
        ValueRefused: ``TEXT_CONTROL`` for line breaks and control characters (they forge mail
            headers and log lines), ``TEXT_TOO_LONG``.
    """
    if lines:
        text = _LINE_BREAKS.sub(" ", text)
    if has_controls(text):
        raise ValueRefused(Refusal.TEXT_CONTROL)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_INVISIBLE))
    clean = " ".join(text.split())
    if len(clean) > longest:
        raise ValueRefused(Refusal.TEXT_TOO_LONG)
    return clean


def fold(text: str) -> str:
    """Text without accents or case, for searching and sorting only (never for deciding who somebody
    is)."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(c for c in apart if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare.translate(_LETTERS))


def search_words(*texts: str) -> set[str]:
    """The folded words of names, or of what was typed to find one: "O'Brien-Núñez" gives obrien and
    nunez."""
    plain = fold(" ".join(texts)).translate(_APOSTROPHES)
    if plain.isascii():
        return {word[:_WORD_LENGTH] for word in _ASCII_WORD.findall(plain)}
    spaced = "".join(c if unicodedata.category(c)[0] in "LNM" else " " for c in plain)
    return {word[:_WORD_LENGTH] for word in spaced.split()}


def sort_name(*, given: str, middle: str, family: str) -> str:
    """What lists are ordered by: family name, then given names, folded."""
    return fold(" ".join(part for part in (family, given, middle) if part))[:_SORT_LENGTH]


def parse_language(text: str) -> Literal["en", "es"] | None:
    """A name or tag of a language (BCP 47, ISO 639) as one of the two that are offered; None for
    any other."""
    word = re.split(r"[-_;, (]", text.strip().casefold(), maxsplit=1)[0]
    if word in _ENGLISH:
        return "en"
    return "es" if word in _SPANISH else None
