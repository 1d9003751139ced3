"""When a mail goes out, when again, and when no more (security.md, faults.md). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from portal.limits.rules import Limit
from portal.mail.state import OutboxState as S

TRANSITIONS: dict[S, frozenset[S]] = {
    S.QUEUED: frozenset({S.SENDING, S.CANCELLED, S.BOUNCED}),
    S.SENDING: frozenset({S.ACCEPTED, S.FAILED, S.UNKNOWN, S.QUEUED, S.CANCELLED}),
    S.ACCEPTED: frozenset({S.BOUNCED}),
    S.FAILED: frozenset(),
    S.UNKNOWN: frozenset({S.BOUNCED}),
    S.CANCELLED: frozenset(),
    S.BOUNCED: frozenset(),
}
"""A queued mail comes back only after a try whose end nobody knew."""
SETTLED = frozenset({S.ACCEPTED, S.FAILED, S.UNKNOWN, S.CANCELLED, S.BOUNCED})
"""Nothing more is done to send it."""


class MailKind(StrEnum):
    """Whose wish a mail is, which decides what the hourly limit does to it."""

    STAFF = "staff"
    """Beyond the limit it waits; it is never dropped."""
    SELF_SERVICE = "self_service"
    """Beyond the limit there is none, and the page answers the same."""
    SECURITY = "security"
    """Never counted, never held back."""


class Reason(StrEnum):
    """Why a mail waits or failed."""

    WAITS_FOR_LIMIT = "waits_for_limit"
    WAITS_FOR_SERVER = "waits_for_server"
    """Not tried: the server as a whole is known to be in trouble."""
    # the server as a whole
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    TLS_FAILED = "tls_failed"
    LOGON_FAILED = "logon_failed"
    SENDER_REFUSED = "sender_refused"
    SERVER_REFUSES = "server_refuses"
    # this mail
    CONNECTION_LOST = "connection_lost"
    TIMED_OUT = "timed_out"
    TRY_LATER = "try_later"
    MAILBOX_FULL = "mailbox_full"
    NO_SUCH_MAILBOX = "no_such_mailbox"
    MAILBOX_DISABLED = "mailbox_disabled"
    NO_SUCH_DOMAIN = "no_such_domain"
    CONTENT_REFUSED = "content_refused"
    REFUSED = "refused"
    BAD_ADDRESS = "bad_address"
    # what came back later
    MOVED = "moved"
    TOO_LARGE = "too_large"
    NOT_IN_TIME = "not_in_time"
    """Other servers could not pass it on."""
    RETURNED = "returned"
    """It came back, and nothing says why."""
    CANNOT_COMPOSE = "cannot_compose"
    GAVE_UP = "gave_up"
    NOT_WANTED = "not_wanted"
    # nobody knows
    CUT_OFF = "cut_off"
    """The connection broke after the message had been handed over."""
    SENDER_DIED = "sender_died"
    """The worker was killed between handing over and writing the answer down."""


class Kind(StrEnum):
    """What one try came to."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"
    NOT_TRIED = "not_tried"
    """The server is known to be in trouble, so nobody asked it."""
    NOT_WANTED = "not_wanted"


@dataclass(frozen=True, slots=True)
class Result:
    """What one try came to, and what the server said."""

    kind: Kind
    reason: Reason | None = None
    said: str | None = None
    whole_server: bool = False
    """Whether the trouble is the server's and not this mail's: no other mail would fare better."""
    retry_at: datetime | None = None
    """For what was not tried: when the server is asked again."""


class Stage(StrEnum):
    """Where in the conversation the server answered (RFC 5321)."""

    GREETING = "greeting"
    TLS = "tls"
    LOGON = "logon"
    SENDER = "sender"
    RECIPIENT = "recipient"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Next:
    """Where a mail goes after a try."""

    state: S
    reason: Reason | None = None
    next_attempt_at: datetime | None = None


WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (30, 2 * 60, 10 * 60, 30 * 60, 3600, 2 * 3600)
)
"""Before the second try, the third, ...; the last one for every further try."""
GIVE_UP_AFTER = timedelta(hours=24)
DOUBT_WAIT = timedelta(minutes=15)
DOUBTFUL_TRIES = 2
"""So often may the end of a try be unknown; a mail thus repeats once at most."""
PROBES = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 20, 40, 60))
"""How long a server in trouble is left alone."""

STAGE_REASONS = {
    Stage.GREETING: Reason.SERVER_REFUSES,
    Stage.TLS: Reason.TLS_FAILED,
    Stage.LOGON: Reason.LOGON_FAILED,
    Stage.SENDER: Reason.SENDER_REFUSED,
}
"""What a "no" means before a recipient was named: it is said to all mail."""
_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_BY_DETAIL = {
    ("1", "0"): Reason.NO_SUCH_MAILBOX,
    ("1", "1"): Reason.NO_SUCH_MAILBOX,
    ("1", "2"): Reason.NO_SUCH_DOMAIN,
    ("1", "6"): Reason.NO_SUCH_MAILBOX,
    ("1", "10"): Reason.NO_SUCH_DOMAIN,
    ("2", "1"): Reason.MAILBOX_DISABLED,
    ("2", "2"): Reason.MAILBOX_FULL,
    ("2", "3"): Reason.TOO_LARGE,
    ("3", "4"): Reason.TOO_LARGE,
    ("4", "4"): Reason.NO_SUCH_DOMAIN,
}
"""Subject and detail of an enhanced status code (RFC 3463, RFC 7505)."""
_CLOSING = 421
_NO_ROOM = 552
_STORAGE = frozenset({452, _NO_ROOM})
_FULL = re.compile(r"\bfull\b|quota|(?<!system )storage", re.IGNORECASE)
"""In the words of a 452 or 552 without an enhanced code: it is the mailbox that is full, not the mail server's disk."""


def judge(code: int, text: str, stage: Stage) -> Result:
    """What an answer other than "yes" means: 5xx is for good, all else for now; before RCPT it is the server's."""
    said = f"{code} {text}".strip()
    detail = _detail(code, text)
    if stage is Stage.SENDER and (code == _NO_ROOM or (code >= 500 and detail is Reason.TOO_LARGE)):
        # the size of a mail is named with its sender (RFC 1870 §6.1): a smaller one would be taken
        return Result(Kind.PERMANENT, Reason.TOO_LARGE, said)
    if stage in STAGE_REASONS or code == _CLOSING:
        reason = STAGE_REASONS.get(stage, Reason.SERVER_REFUSES)
        return Result(Kind.TEMPORARY, reason, said, whole_server=True)
    if not 500 <= code < 600:
        full = detail is Reason.MAILBOX_FULL
        return Result(Kind.TEMPORARY, detail if full else Reason.TRY_LATER, said)
    otherwise = Reason.REFUSED if stage is Stage.RECIPIENT else Reason.CONTENT_REFUSED
    return Result(Kind.PERMANENT, detail or otherwise, said)


def after(
    result: Result,
    *,
    attempts: int,
    doubtful_tries: int,
    due_at: datetime,
    now: datetime,
    scale: float = 1.0,
) -> Next:
    """Where a mail goes after a try.

    Args:
        attempts: tries so far, with this one.
        doubtful_tries: those of them whose end nobody knows, with this one.
        scale: multiplies every wait; 1 in real life.
    """
    match result.kind:
        case Kind.ACCEPTED:
            return Next(S.ACCEPTED)
        case Kind.PERMANENT:
            return Next(S.FAILED, result.reason)
        case Kind.NOT_WANTED:
            return Next(S.CANCELLED, Reason.NOT_WANTED)
        case Kind.UNKNOWN:
            if doubtful_tries >= DOUBTFUL_TRIES:
                return Next(S.UNKNOWN, result.reason)
            wait = timedelta(0) if result.reason is Reason.SENDER_DIED else DOUBT_WAIT * scale
            return Next(S.QUEUED, result.reason, now + wait)
        case Kind.NOT_TRIED:
            return _again(result.retry_at or now, result.reason, due_at=due_at, scale=scale)
        case Kind.TEMPORARY:
            wait = WAITS[min(attempts, len(WAITS)) - 1] * scale
            return _again(now + wait, result.reason, due_at=due_at, scale=scale)


def probe_wait(failures: int, *, scale: float = 1.0) -> timedelta:
    """How long a server is left alone after so many failures in a row."""
    return PROBES[min(failures, len(PROBES)) - 1] * scale


def slot(earlier: Sequence[datetime], limit: Limit, *, now: datetime) -> datetime:
    """The first moment from ``now`` on at which one more mail keeps within the limit.

    Args:
        earlier: when the counted mails to the same address went or go out, in any order.
    """
    newest = sorted(earlier)[-limit.most :]
    if len(newest) < limit.most:
        return now
    return max(now, newest[0] + limit.window)


def tidy(text: str, *, longest: int = 200) -> str:
    """What a server said on one line, without control characters, cut to what the column holds."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:longest]


def _again(when: datetime, reason: Reason | None, *, due_at: datetime, scale: float) -> Next:
    if when > due_at + GIVE_UP_AFTER * scale:
        # "still full" tells more than that a day has passed, and counts (portal.mail.repeats)
        full = reason is Reason.MAILBOX_FULL
        return Next(S.FAILED, reason if full else Reason.GAVE_UP)
    return Next(S.QUEUED, reason, when)


def _detail(code: int, text: str) -> Reason | None:
    found = _ENHANCED.search(text)
    if found:
        return _BY_DETAIL.get((found[2], found[3]))
    return Reason.MAILBOX_FULL if code in _STORAGE and _FULL.search(text) else None
