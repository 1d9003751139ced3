"""The two doors."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """Which of the two doors somebody came in by; each has its own cookie."""

    STAFF = "staff"
    PORTAL = "portal"
