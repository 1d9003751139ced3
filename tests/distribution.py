"""Which tests one process of pytest-xdist runs together.

The mark ``xdist_group`` would say so, but pytest-xdist 3.8 writes the group where pytest 9.2 does not look for it
(pytest-xdist issue 1386).
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

TOGETHER = "tests/journeys/"


class Together(LoadScopeScheduling):
    """All journeys stay with one process, and are handed out first: the others need no installation and no Chromium."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER if nodeid.startswith(TOGETHER) else nodeid
