"""The timeline under the Access History in plain words (3.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from portal.invitations.models import InvitationEvent
from portal.invitations.timeline import TimelineKind as Kind
from portal.mail import wording as mail_wording
from portal.mail.rules import Reason
from portal.web.filters import moment


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """What happened, when, and how it looks."""

    words: str
    detail: str
    when: str
    iso: str
    icon: str
    tone: str


@dataclass(frozen=True, slots=True)
class _Line:
    words: str
    detail: str = ""
    icon: str = "circle"
    tone: str = ""


def timeline_line(event: InvitationEvent, *, zone: str) -> TimelineLine:
    """One line; times in the practice's ``zone``."""
    line = _LINES[Kind(event.kind)](event.data, zone)
    return TimelineLine(
        words=_of_reminder(line.words) if event.data.get("reminder") else line.words,
        detail=line.detail,
        when=moment(event.at, zone),
        iso=event.at.isoformat(),
        icon=line.icon,
        tone=line.tone,
    )


def _of_reminder(words: str) -> str:
    return _("Reminder: %(what)s", what=words)


def _until(data: dict[str, Any], zone: str) -> str | None:
    return moment(datetime.fromisoformat(data["until"]), zone) if data.get("until") else None


def _by(data: dict[str, Any]) -> str:
    return _("By: %(name)s", name=data["by"]) if data.get("by") else ""


def _queued(data: dict[str, Any], _zone: str) -> _Line:
    if data.get("fresh"):
        return _Line(_("Fresh link asked for, invitation queued"), icon="mail")
    return _Line(_("Invitation queued"), _by(data), "mail")


def _waiting(data: dict[str, Any], zone: str) -> _Line:
    until = _until(data, zone)
    words = _("Waits until %(time)s", time=until) if until else _("Waits")
    return _Line(words, mail_wording.explain(Reason.WAITS_FOR_LIMIT), "clock", "warn")


def _delayed(data: dict[str, Any], zone: str) -> _Line:
    detail = mail_wording.explain(data.get("reason"), again_at=_until(data, zone))
    return _Line(_("Delayed"), detail, "clock", "warn")


def _accepted(data: dict[str, Any], _zone: str) -> _Line:
    twice = _("It may have arrived twice: an earlier try broke off at the very end.")
    return _Line(
        _("Accepted by the mail server"), twice if data.get("twice") else "", "mail", "good"
    )


def _maybe_accepted(data: dict[str, Any], _zone: str) -> _Line:
    detail = mail_wording.explain(data.get("reason")) or mail_wording.explain(Reason.CUT_OFF)
    return _Line(_("Perhaps accepted by the mail server"), detail, "mail", "warn")


def _mail_failed(data: dict[str, Any], _zone: str) -> _Line:
    detail = mail_wording.explain(data.get("reason"))
    return _Line(_("The mail could not be delivered"), detail, "cross", "bad")


def _came_back(data: dict[str, Any], _zone: str) -> _Line:
    return _Line(
        _("Bounced: the mail came back"), mail_wording.explain(data.get("reason")), "cross", "bad"
    )


def _late(data: dict[str, Any], _zone: str) -> _Line:
    detail = mail_wording.explain(data.get("reason"))
    return _Line(_("Delayed on its way, other mail servers are trying"), detail, "clock", "warn")


def _opened(data: dict[str, Any], _zone: str) -> _Line:
    if data.get("by") == "person":
        return _Line(_("Link opened"), icon="eye")
    return _Line(_("Link opened, probably by a mail scanner"), icon="eye")


def _identity_failed(data: dict[str, Any], _zone: str) -> _Line:
    words = _(
        "Identity check failed %(count)s of %(most)s", count=data["failures"], most=data["of"]
    )
    return _Line(words, icon="warning", tone="warn")


def _revoked(data: dict[str, Any], _zone: str) -> _Line:
    return _Line(_("Invitation revoked"), _by(data), "slash")


def _always(words: Callable[[], str], icon: str, tone: str = "") -> Callable[..., _Line]:
    return lambda _data, _zone: _Line(words(), icon=icon, tone=tone)


_LINES: dict[Kind, Callable[[dict[str, Any], str], _Line]] = {
    Kind.QUEUED: _queued,
    Kind.WAITING: _waiting,
    Kind.DELAYED: _delayed,
    Kind.ACCEPTED: _accepted,
    Kind.MAYBE_ACCEPTED: _maybe_accepted,
    Kind.MAIL_FAILED: _mail_failed,
    Kind.MAIL_CANCELLED: _always(lambda: _("Mail not sent: no longer needed"), "slash"),
    Kind.LATE: _late,
    Kind.BOUNCED: _came_back,
    Kind.RETURNED: _came_back,
    Kind.AUTO_REPLY: _always(lambda: _("An automatic answer came (away, on leave)"), "mail"),
    Kind.CHALLENGE: _always(
        lambda: _("A spam filter asks for a person before it lets the mail through"), "mail", "warn"
    ),
    Kind.COMPLAINT: _always(lambda: _("The reader marked the mail as spam"), "warning", "bad"),
    Kind.UNSUBSCRIBED: _always(lambda: _("Opted out by the link in the mail"), "slash", "warn"),
    Kind.REMINDED: _always(lambda: _("Reminder queued"), "mail"),
    Kind.OPENED: _opened,
    Kind.IDENTITY_FAILED: _identity_failed,
    Kind.LOCKED: _always(lambda: _("Identity check locked"), "lock", "bad"),
    Kind.REGISTERED: _always(lambda: _("Registered"), "person", "good"),
    Kind.LINKED: _always(lambda: _("Linked to an account from before"), "link", "good"),
    Kind.FIRST_LOGON: _always(lambda: _("First log-on"), "tick", "good"),
    Kind.FRESH_LINK: _always(lambda: _("Fresh link asked for"), "mail"),
    Kind.REPLACED: _always(lambda: _("Replaced by a newer invitation"), "slash"),
    Kind.REVOKED: _revoked,
    Kind.VOIDED: _always(lambda: _("Invitation void"), "slash"),
    Kind.NOT_ME: _always(lambda: _("“This is not me”"), "cross", "bad"),
}
