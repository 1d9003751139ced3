"""What a practice may set (6.3). Pure.

Contrast is that of WCAG 2.2 (success criterion 1.4.3, "relative luminance"): 1 to 21.
"""

from __future__ import annotations

import colorsys
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache

SHORTEST_LIFE, LONGEST_LIFE = 1, 30
"""Days of an invitation."""
SHORTEST_REMINDER, LONGEST_REMINDER = 1, 168
"""Hours that a reminder goes out before its appointment."""
MINUTES_OF_A_DAY = 24 * 60
USUAL_COLOUR = "#1f4e79"
"""Of mails, until a practice chooses its own."""
LEAST_CONTRAST = 4.5
_WHITE = "#ffffff"
_NIGHT = "#1b222b"
"""The ground of a mail where it is read in the dark; its layout says the same."""
_BUTTON_WORDS_AT_NIGHT = "#10161d"
_HEX = re.compile(r"#[0-9a-f]{6}")
_STEPS = 256


def is_one_line(text: str) -> bool:
    """Whether it may stand in a mail's header: no line breaks or control characters of any kind (faults 19)."""
    return not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in text)


def parse_colour(text: str) -> str | None:
    """A colour as ``#rrggbb``; also without the ``#``, in capitals, or with three digits. None: it is none."""
    digits = text.strip().lower().removeprefix("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    colour = f"#{digits}"
    return colour if _HEX.fullmatch(colour) else None


def contrast(one: str, other: str) -> float:
    """Of two colours ``#rrggbb``."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def carries_white(colour: str) -> bool:
    """Whether white words on it can be read, and so words in it on white."""
    return contrast(colour, _WHITE) >= LEAST_CONTRAST


def nearest_that_carries_white(colour: str) -> str:
    """The lightest colour of the same hue and saturation, not lighter than this one, that carries white words."""
    return _shift(colour, towards=0.0, until=carries_white)


@lru_cache(maxsize=256)
def at_night(colour: str) -> str:
    """The colour as a mail shows it in the dark: of the same hue, light enough for links on a dark ground."""

    def reads(lighter: str) -> bool:
        words = contrast(lighter, _BUTTON_WORDS_AT_NIGHT), contrast(lighter, _NIGHT)
        return min(words) >= LEAST_CONTRAST + 2

    return _shift(colour, towards=1.0, until=reads)


def _shift(colour: str, *, towards: float, until: Callable[[str], bool]) -> str:
    hue, lightness, saturation = colorsys.rgb_to_hls(*_parts(colour))
    for step in range(_STEPS + 1):
        shifted = lightness + (towards - lightness) * step / _STEPS
        found = _written(colorsys.hls_to_rgb(hue, shifted, saturation)) if step else colour
        if until(found):
            return found
    return _written((towards, towards, towards))


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _written(parts: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in parts)
