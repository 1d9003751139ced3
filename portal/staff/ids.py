"""Random ids in addresses and forms."""

from __future__ import annotations

import re

ID_LENGTH = 22
"""Of a whole one (:func:`portal.tokens.public_id`)."""
_ID = re.compile(r"[\w-]{1,22}", re.ASCII)


def public_id_in(text: str | None) -> str:
    """``text`` where it may be a public id, else nothing."""
    return text if text and _ID.fullmatch(text) else ""
