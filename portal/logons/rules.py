"""How long a log-on lasts (security.md). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.logons.side import Side


@dataclass(frozen=True, slots=True)
class Life:
    """Idle and absolute limits of one side."""

    idle: timedelta
    absolute: timedelta


LIVES = {
    Side.STAFF: Life(idle=timedelta(minutes=15), absolute=timedelta(hours=8)),
    Side.PORTAL: Life(idle=timedelta(minutes=20), absolute=timedelta(hours=12)),
}
TOUCH_EVERY = timedelta(minutes=1)
"""Last-seen is written at most this often."""


def end_reason(
    side: Side, *, started_at: datetime, last_seen_at: datetime, now: datetime
) -> str | None:
    """ "idle" or "age" when the log-on is over, None while it lasts."""
    life = LIVES[side]
    if now - started_at >= life.absolute:
        return "age"
    if now - last_seen_at >= life.idle:
        return "idle"
    return None
