"""The timeline under the Access History in plain words (3.8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from portal.accounts.recovery_models import AccountEvent
from portal.invitations.models import InvitationEvent
from portal.invitations.timeline import TimelineKind as Kind
from portal.mail import wording as mail_wording
from portal.mail.rules import Reason
from portal.staff.presenters.account_lines import LINES
from portal.staff.presenters.lines import Line, always, until_text, who
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


def timeline_line(event: InvitationEvent | AccountEvent, *, zone: str) -> TimelineLine:
    """One line; times in the practice's ``zone``."""
    write = LINES[event.kind] if isinstance(event, AccountEvent) else _LINES[Kind(event.kind)]
    line = write(event.data, zone)
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


def _queued(data: dict[str, Any], _zone: str) -> Line:
    if data.get("fresh"):
        return Line(_("Fresh link asked for, invitation queued"), icon="mail")
    return Line(_("Invitation queued"), who(data), "mail")


def _waiting(data: dict[str, Any], zone: str) -> Line:
    until = until_text(data, zone)
    words = _("Waits until %(time)s", time=until) if until else _("Waits")
    return Line(words, mail_wording.explain(Reason.WAITS_FOR_LIMIT), "clock", "warn")


def _delayed(data: dict[str, Any], zone: str) -> Line:
    detail = mail_wording.explain(data.get("reason"), again_at=until_text(data, zone))
    return Line(_("Delayed"), detail, "clock", "warn")


def _accepted(data: dict[str, Any], _zone: str) -> Line:
    twice = _("It may have arrived twice: an earlier try broke off at the very end.")
    return Line(
        _("Accepted by the mail server"), twice if data.get("twice") else "", "mail", "good"
    )


def _maybe_accepted(data: dict[str, Any], _zone: str) -> Line:
    detail = mail_wording.explain(data.get("reason")) or mail_wording.explain(Reason.CUT_OFF)
    return Line(_("Perhaps accepted by the mail server"), detail, "mail", "warn")


def _mail_failed(data: dict[str, Any], _zone: str) -> Line:
    return Line(_("The mail could not be delivered"), _why_not(data), "cross", "bad")


def _came_back(data: dict[str, Any], _zone: str) -> Line:
    return Line(_("Bounced: the mail came back"), _why_not(data), "cross", "bad")


def _why_not(data: dict[str, Any]) -> str:
    why = mail_wording.explain(data.get("reason"))
    if not data.get("too_often"):
        return why
    third = _("It is the third such mail within 30 days, so the address counts as bounced.")
    return f"{why} {third}"


def _late(data: dict[str, Any], _zone: str) -> Line:
    detail = mail_wording.explain(data.get("reason"))
    return Line(_("Delayed on its way, other mail servers are trying"), detail, "clock", "warn")


def _opened(data: dict[str, Any], _zone: str) -> Line:
    if data.get("by") == "person":
        return Line(_("Link opened"), icon="eye")
    return Line(_("Link opened, probably by a mail scanner"), icon="eye")


def _identity_failed(data: dict[str, Any], _zone: str) -> Line:
    words = _(
        "Identity check failed %(count)s of %(most)s", count=data["failures"], most=data["of"]
    )
    return Line(words, icon="warning", tone="warn")


def _revoked(data: dict[str, Any], _zone: str) -> Line:
    return Line(_("Invitation revoked"), who(data), "slash")


_LINES: dict[Kind, Callable[[dict[str, Any], str], Line]] = {
    Kind.QUEUED: _queued,
    Kind.WAITING: _waiting,
    Kind.DELAYED: _delayed,
    Kind.ACCEPTED: _accepted,
    Kind.MAYBE_ACCEPTED: _maybe_accepted,
    Kind.MAIL_FAILED: _mail_failed,
    Kind.MAIL_CANCELLED: always(lambda: _("Mail not sent: no longer needed"), "slash"),
    Kind.LATE: _late,
    Kind.BOUNCED: _came_back,
    Kind.RETURNED: _came_back,
    Kind.AUTO_REPLY: always(lambda: _("An automatic answer came (away, on leave)"), "mail"),
    Kind.CHALLENGE: always(
        lambda: _("A spam filter asks for a person before it lets the mail through"), "mail", "warn"
    ),
    Kind.COMPLAINT: always(lambda: _("The reader marked the mail as spam"), "warning", "bad"),
    Kind.UNSUBSCRIBED: always(lambda: _("Opted out by the link in the mail"), "slash", "warn"),
    Kind.REMINDED: always(lambda: _("Reminder queued"), "mail"),
    Kind.OPENED: _opened,
    Kind.IDENTITY_FAILED: _identity_failed,
    Kind.LOCKED: always(lambda: _("Identity check locked"), "lock", "bad"),
    Kind.REGISTERED: always(lambda: _("Registered"), "person", "good"),
    Kind.LINKED: always(lambda: _("Linked to an account from before"), "link", "good"),
    Kind.FIRST_LOGON: always(lambda: _("First log-on"), "tick", "good"),
    Kind.FRESH_LINK: always(lambda: _("Fresh link asked for"), "mail"),
    Kind.REPLACED: always(lambda: _("Replaced by a newer invitation"), "slash"),
    Kind.REVOKED: _revoked,
    Kind.VOIDED: always(lambda: _("Invitation void"), "slash"),
    Kind.NOT_ME: always(lambda: _("“This is not me”"), "cross", "bad"),
}
