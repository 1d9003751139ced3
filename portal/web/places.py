"""Where to go after logging on: a path of this site or nothing (ASVS 3.7.2)."""

from __future__ import annotations

import re

_PATH = re.compile(r"/[A-Za-z0-9_~.\-]+(?:/[A-Za-z0-9_~.\-]+)*/?(?:\?[A-Za-z0-9_~.&=\-]*)?")


def safe_path(text: str | None, *, below: str = "/") -> str | None:
    """``text`` if it is a plain absolute path of this site below ``below``, else None.

    It may carry a query of codes and random ids.
    """
    if not text or not _PATH.fullmatch(text) or not text.startswith(below) or ".." in text:
        return None
    return text
