"""A name that stands in one piece, taken apart as well as can be."""

from __future__ import annotations

import re
from typing import NamedTuple

_TITLE = re.compile(r"(?:mr|mrs|ms|miss|mx|dr|prof|sr|sra|srta)\b\.?\s+", re.IGNORECASE)


class Parts(NamedTuple):
    """The parts of a name; "" where it has none."""

    given: str
    middle: str
    family: str


def split_name(text: str) -> Parts:
    """ "Doe, John Q", "Mrs. Anne Mary Bennelong", or one word (張無忌), which is the family name.

    Only where a file has nothing better: no rule takes every name of the world apart rightly.
    """
    plain = " ".join(text.split())
    if "," in plain:
        family, _, rest = (part.strip() for part in plain.partition(","))
        given, _, middle = rest.partition(" ")
        return Parts(given, middle, family)
    words = _TITLE.sub("", plain, count=1).split() if _TITLE.match(plain) else plain.split()
    if len(words) < 2:
        return Parts("", "", " ".join(words))
    return Parts(words[0], " ".join(words[1:-1]), words[-1])
