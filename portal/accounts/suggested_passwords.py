"""A password to read aloud and to type: syllables in groups, from the system's random source."""

from __future__ import annotations

import secrets

from portal import passwords

_CONSONANTS = "bdfghjkmnprstvwz"
_VOWELS = "aeiou"
GROUPS, SYLLABLES = 5, 2
"""Ten of 80 syllables: 63 bits, and no word of any language list."""


def suggest(*, known: tuple[str, ...]) -> str:
    """One that the rules of :mod:`portal.passwords` accept; ``known`` as there."""
    while True:
        groups = ["".join(_syllable() for _ in range(SYLLABLES)) for _ in range(GROUPS)]
        suggestion = "-".join(groups)
        if passwords.problem(suggestion, context=known) is None:
            return suggestion


def _syllable() -> str:
    return secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS)
