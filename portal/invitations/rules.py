"""The life of an invitation. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum

from portal.invitations.state import InvitationState as S

PERSONAL_ORIGINS = frozenset({"staff", "fresh_link"})
"""Invitations that somebody asked for one by one; all others are bulk or automatic."""

OPEN = frozenset({S.PREPARED, S.LIVE})

TRANSITIONS: dict[S, frozenset[S]] = {
    S.PREPARED: frozenset(
        {S.LIVE, S.USED, S.REVOKED, S.VOIDED, S.LOCKED, S.NOT_ME, S.FAILED, S.REPLACED}
    ),
    S.LIVE: frozenset({S.USED, S.REPLACED, S.REVOKED, S.VOIDED, S.LOCKED, S.NOT_ME}),
    S.USED: frozenset(),
    S.REPLACED: frozenset(),
    S.REVOKED: frozenset(),
    S.VOIDED: frozenset(),
    S.LOCKED: frozenset(),
    S.NOT_ME: frozenset(),
    S.FAILED: frozenset(),
}


class LinkState(StrEnum):
    """What somebody who opens the link is told (8.6)."""

    OPEN = "open"
    EXPIRED = "expired"
    USED = "used"
    REPLACED = "replaced"
    REVOKED = "revoked"
    LOCKED = "locked"
    NOT_ME = "not_me"


_LINKS = {
    S.PREPARED: LinkState.OPEN,
    S.LIVE: LinkState.OPEN,
    S.FAILED: LinkState.REPLACED,
    S.USED: LinkState.USED,
    S.REPLACED: LinkState.REPLACED,
    S.REVOKED: LinkState.REVOKED,
    S.VOIDED: LinkState.REPLACED,
    S.LOCKED: LinkState.LOCKED,
    S.NOT_ME: LinkState.NOT_ME,
}


def last_day(issued_on: date, days: int) -> date:
    """The day that is printed in the mail; the link is good to its end (security.md)."""
    return issued_on + timedelta(days=days)


def link_state(
    state: S,
    *,
    expires_at: datetime,
    grant_stands: bool,
    activated: bool,
    chart_ended: bool,
    now: datetime,
) -> LinkState:
    """What the link is worth at this moment. What the clock and the chart say counts, not only the row.

    An older link of somebody who has registered by another one (``activated``) points to log-in, too.
    """
    shown = _LINKS[state]
    if shown in {LinkState.OPEN, LinkState.REPLACED} and (not grant_stands or chart_ended):
        return LinkState.REVOKED
    if shown is LinkState.REPLACED and activated:
        return LinkState.USED
    if shown is LinkState.OPEN and now >= expires_at:
        return LinkState.EXPIRED
    return shown


SCANNER_MARKS = (
    "bot", "scan", "proofpoint", "mimecast", "barracuda", "safelinks", "preview", "crawler", "spider",
    "python-", "curl", "wget", "go-http", "java/", "okhttp", "headless", "urldefense", "slurp",
)  # fmt: skip


def looks_like_a_scanner(agent: str | None, method: str) -> bool:
    """A guess for the timeline only ("probably by a scanner"); nothing is decided by it."""
    if method == "HEAD" or not agent:
        return True
    text = agent.lower()
    return any(mark in text for mark in SCANNER_MARKS)
