"""Usernames, e-mail codes, resets and passwords from the desk. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from enum import StrEnum

USERNAME = re.compile(r"[a-z0-9._-]{3,64}")
CODE_TRIES = 5
RESET_LIFE = timedelta(hours=1)
RESET_MAIL_LIFE = timedelta(hours=24)
"""A reset whose mail could not go out for so long is not sent any more."""
DESK_PASSWORD_LIFE = timedelta(hours=72)


class UsernameProblem(StrEnum):
    """Why a username is refused (8.9)."""

    SHAPE = "shape"
    TAKEN = "taken"


def clean_username(text: str) -> str:
    """As it is kept and looked up: trimmed, ASCII letters lower-cased, nothing else folded."""
    text = unicodedata.normalize("NFC", text).strip()
    return "".join(c.lower() if c.isascii() else c for c in text)


def well_formed(username: str) -> bool:
    """3–64 of a–z 0–9 . _ - and never an @ (8.9)."""
    return USERNAME.fullmatch(username) is not None


def suggestions(first_name: str, email: str) -> list[str]:
    """Usernames to offer from what was typed, best first; none of them is known to be free."""
    words = [_ascii(first_name), _ascii(email.partition("@")[0])]
    base = [word for word in words if len(word) >= 3]
    return list(dict.fromkeys([*base[::-1], *(f"{word}.{n}" for word in base for n in (2, 3))]))


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9._-]+", "", plain)[:60].strip("._-")


class ResetState(StrEnum):
    """The life of a reset link: open until one of the others."""

    OPEN = "open"
    USED = "used"
    REPLACED = "replaced"
    """By a newer one, or by a password that was handed over at the desk."""
    REVOKED = "revoked"
    """Its grant ended, or the e-mail on file changed."""
    LOCKED = "locked"
    FAILED = "failed"
    """Its mail failed for good."""


class ResetLink(StrEnum):
    """What somebody who opens a reset link is told."""

    OPEN = "open"
    EXPIRED = "expired"
    USED = "used"
    REPLACED = "replaced"
    REVOKED = "revoked"
    LOCKED = "locked"


def reset_link(
    state: ResetState, *, expires_at: datetime, grant_stands: bool, chart_ended: bool, now: datetime
) -> ResetLink:
    """What a reset link is worth at this moment: by the row, the grant, the chart and the clock."""
    if state is ResetState.FAILED:
        return ResetLink.REPLACED
    if state is not ResetState.OPEN:
        return ResetLink(state.value)
    if not grant_stands or chart_ended:
        return ResetLink.REVOKED
    return ResetLink.EXPIRED if now >= expires_at else ResetLink.OPEN


class ResetObstacle(StrEnum):
    """Why no reset may go to the address on file although an invitation might (3.7)."""

    NO_ACCOUNT = "no_account"
    WAITS = "reset_waits"
    """The address changed less than 24 hours ago."""
    UNCONFIRMED = "email_unconfirmed"
    """It changed, and the account's holder has not shown yet that they read mail there."""


def reset_obstacle(
    *,
    has_account: bool,
    blocked_until: datetime | None,
    changed: bool,
    confirmed: bool,
    now: datetime,
) -> ResetObstacle | None:
    """The gravest one; ``changed``: the address on file is not the first that it ever was."""
    if not has_account:
        return ResetObstacle.NO_ACCOUNT
    if blocked_until is not None and now < blocked_until:
        return ResetObstacle.WAITS
    return ResetObstacle.UNCONFIRMED if changed and not confirmed else None


class DeskRefusal(StrEnum):
    """Why staff may not set the password of an account (3.5)."""

    SECOND_FACTOR = "second_factor"
    OTHER_PERSON = "other_person"
    OTHER_PRACTICE = "other_practice"


def desk_refusal(
    *, second_factor: bool, other_person: bool, other_practice: bool
) -> DeskRefusal | None:
    """The first that holds; an account that is one person's, at one practice, with a password alone, has none."""
    found = (
        (DeskRefusal.SECOND_FACTOR, second_factor),
        (DeskRefusal.OTHER_PERSON, other_person),
        (DeskRefusal.OTHER_PRACTICE, other_practice),
    )
    return next((refusal for refusal, holds in found if holds), None)


def one_time_open(*, expires_at: datetime, used_at: datetime | None, now: datetime) -> bool:
    """Whether a password from the desk may still be used: once, and for 72 hours."""
    return used_at is None and now < expires_at
