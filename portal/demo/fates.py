"""What has become of the portal access of many: how often each fate is met, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from portal.access.models import EndReason
from portal.access.rules import Status
from portal.attention.models import AttentionKind
from portal.demo.history import SWEEP
from portal.demo.teller import Teller
from portal.invitations.state import InvitationState
from portal.limits.rules import IDENTITY_PER_INVITATION
from portal.mail.rules import Reason

_PATIENT = "Holder of the invitation link"
_ANSWERED_WITHIN = timedelta(days=6)


class Fate(StrEnum):
    """Where a patient's portal access stands, and how it came there."""

    UNTOLD = "untold"
    READY = "ready"
    INVITED = "invited"
    EXPIRED = "expired"
    MAIL_FAILED = "mail_failed"
    LOCKED = "locked"
    NOT_ME = "not_me"
    REVOKED = "revoked"
    ACTIVE = "active"
    BACK = "back"
    DISABLED = "disabled"
    LEFT = "left"
    DIED = "died"


FREQUENCY: dict[Fate, float] = {
    Fate.UNTOLD: 24,
    Fate.READY: 4,
    Fate.INVITED: 12,
    Fate.EXPIRED: 11,
    Fate.MAIL_FAILED: 1,
    Fate.LOCKED: 0.5,
    Fate.NOT_ME: 0.5,
    Fate.REVOKED: 2,
    Fate.ACTIVE: 36,
    Fate.BACK: 1,
    Fate.DISABLED: 3,
    Fate.LEFT: 3,
    Fate.DIED: 2,
}
"""Per cent of those who can be invited; the others are all untold."""

STATUS: dict[Fate, Status] = {
    Fate.UNTOLD: Status.NOT_ENABLED,
    Fate.READY: Status.READY,
    Fate.INVITED: Status.INVITED,
    Fate.EXPIRED: Status.INVITED,
    Fate.MAIL_FAILED: Status.INVITED,
    Fate.LOCKED: Status.NOT_ENABLED,
    Fate.NOT_ME: Status.NOT_ENABLED,
    Fate.REVOKED: Status.NOT_ENABLED,
    Fate.ACTIVE: Status.ACTIVE,
    Fate.BACK: Status.ACTIVE,
    Fate.DISABLED: Status.NOT_ENABLED,
    Fate.LEFT: Status.NOT_ENABLED,
    Fate.DIED: Status.NOT_ENABLED,
}
"""The status that each must come to by the rules of 1.1."""


def _untold(_teller: Teller) -> None:
    """No grant ever."""


def _ready(teller: Teller) -> None:
    teller.grant(teller.moment(teller.day(60)), invited=False)


def _invited(teller: Teller) -> None:
    _one_invitation(teller, teller.day(6))


def _expired(teller: Teller) -> None:
    _one_invitation(teller, teller.day(150, 9))


def _one_invitation(teller: Teller, day: int) -> None:
    at = teller.moment(day)
    teller.invitation(teller.grant(at), day, at, InvitationState.LIVE)


def _mail_failed(teller: Teller) -> None:
    day = teller.day(90)
    at = teller.moment(day)
    failed_at = at + timedelta(seconds=20)
    teller.invitation(
        teller.grant(at),
        day,
        at,
        InvitationState.FAILED,
        ended_at=failed_at,
    )
    reason = Reason.NO_SUCH_MAILBOX.value
    teller.attention(AttentionKind.MAIL_FAILED, failed_at, reason=reason)


def _locked(teller: Teller) -> None:
    day = teller.day(120)
    at = teller.moment(day)
    ended_at = teller.later(at, within=_ANSWERED_WITHIN)
    grant = teller.grant(at, ended_at=ended_at, reason=EndReason.IDENTITY_LOCKED, ended_by=_PATIENT)
    teller.invitation(
        grant,
        day,
        at,
        InvitationState.LOCKED,
        ended_at=ended_at,
        identity_failures=IDENTITY_PER_INVITATION,
    )
    teller.attention(AttentionKind.IDENTITY_LOCKED, ended_at)


def _not_me(teller: Teller) -> None:
    day = teller.day(120)
    at = teller.moment(day)
    ended_at = teller.later(at, within=_ANSWERED_WITHIN)
    grant = teller.grant(at, ended_at=ended_at, reason=EndReason.NOT_ME, ended_by=_PATIENT)
    teller.invitation(grant, day, at, InvitationState.NOT_ME, ended_at=ended_at)
    teller.blocked(ended_at)
    teller.attention(AttentionKind.NOT_ME, ended_at)


def _revoked(teller: Teller) -> None:
    day = teller.day(300)
    at = teller.moment(day)
    ended_at = teller.later(at, within=timedelta(days=30))
    grant = teller.grant(at, ended_at=ended_at, reason=EndReason.REVOKED)
    teller.invitation(grant, day, at, InvitationState.REVOKED, ended_at=ended_at)


def _active(teller: Teller) -> None:
    _registered(teller, before=0)


def _disabled(teller: Teller) -> None:
    day = teller.day(180)
    _registered(teller, before=day, ended_at=teller.moment(day), reason=EndReason.DISABLED)


def _back(teller: Teller) -> None:
    day = teller.day(180, 8)
    ended_at = teller.moment(day)
    since = _registered(teller, before=day, ended_at=ended_at, reason=EndReason.DISABLED)
    teller.grant(teller.later(ended_at), invited=False, account_since=since)


def _left(teller: Teller) -> None:
    day = teller.day(180)
    teller.chart["end_date"] = teller.calendar.dates[day]
    _ended_by_sweep(teller, day, EndReason.END_DATED)


def _died(teller: Teller) -> None:
    day = teller.day(180)
    teller.chart.update(deceased=True, deceased_on=teller.calendar.dates[day])
    _ended_by_sweep(teller, day, EndReason.DECEASED)


def _ended_by_sweep(teller: Teller, day: int, reason: EndReason) -> None:
    ended_at = teller.calendar.begins[day] + timedelta(seconds=40)
    _registered(teller, before=day, ended_at=ended_at, reason=reason, ended_by=SWEEP.name)


def _registered(
    teller: Teller,
    *,
    before: int,
    ended_at: datetime | None = None,
    reason: EndReason | None = None,
    ended_by: str | None = None,
) -> datetime:
    """Invited and signed up, all of it before that many days ago; returns when the account was activated."""
    day = before + _ANSWERED_WITHIN.days + teller.day(150)
    at = teller.moment(day)
    activated_at = teller.later(at, within=_ANSWERED_WITHIN)
    grant = teller.grant(
        at, activated_at=activated_at, ended_at=ended_at, reason=reason, ended_by=ended_by
    )
    teller.invitation(
        grant,
        day,
        at,
        InvitationState.USED,
        ended_at=activated_at,
    )
    teller.account(activated_at)
    return activated_at


TELL: dict[Fate, Callable[[Teller], None]] = {
    Fate.UNTOLD: _untold,
    Fate.READY: _ready,
    Fate.INVITED: _invited,
    Fate.EXPIRED: _expired,
    Fate.MAIL_FAILED: _mail_failed,
    Fate.LOCKED: _locked,
    Fate.NOT_ME: _not_me,
    Fate.REVOKED: _revoked,
    Fate.ACTIVE: _active,
    Fate.BACK: _back,
    Fate.DISABLED: _disabled,
    Fate.LEFT: _left,
    Fate.DIED: _died,
}
