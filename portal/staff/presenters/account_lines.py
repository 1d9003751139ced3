"""What an account adds to the timeline, in plain words: resets, and credentials from the desk (3.5, 3.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

from portal.accounts.timeline import AccountLine as Kind
from portal.mail import wording as mail_wording
from portal.mail.rules import Reason
from portal.staff.presenters.lines import Line, always, until_text, who


def _reset_queued(data: dict[str, Any], _zone: str) -> Line:
    return Line(_("Reset email queued"), who(data), "mail")


def _reset_waiting(data: dict[str, Any], zone: str) -> Line:
    words = _("Reset email waits until %(time)s", time=until_text(data, zone) or "")
    return Line(words, mail_wording.explain(Reason.WAITS_FOR_LIMIT), "clock", "warn")


def _reset_delayed(data: dict[str, Any], zone: str) -> Line:
    detail = mail_wording.explain(data.get("reason"), again_at=until_text(data, zone))
    return Line(_("Reset email delayed"), detail, "clock", "warn")


def _reset_accepted(data: dict[str, Any], _zone: str) -> Line:
    twice = _("It may have arrived twice: an earlier try broke off at the very end.")
    words = _("Reset email accepted by the mail server")
    return Line(words, twice if data.get("twice") else "", "mail", "good")


def _reset_maybe(_data: dict[str, Any], _zone: str) -> Line:
    words = _("Reset email perhaps accepted by the mail server")
    return Line(words, mail_wording.explain(Reason.CUT_OFF), "mail", "warn")


def _reset_failed(data: dict[str, Any], _zone: str) -> Line:
    words = _("The reset email could not be delivered")
    return Line(words, mail_wording.explain(data.get("reason")), "cross", "bad")


def _reset_opened(data: dict[str, Any], _zone: str) -> Line:
    if data.get("by") == "person":
        return Line(_("Reset link opened"), icon="eye")
    return Line(_("Reset link opened, probably by a mail scanner"), icon="eye")


def _identity_failed(data: dict[str, Any], _zone: str) -> Line:
    words = _(
        "Identity check for a reset failed %(count)s of %(most)s",
        count=data["failures"],
        most=data["of"],
    )
    return Line(words, icon="warning", tone="warn")


def _handed_over(data: dict[str, Any], zone: str) -> Line:
    words = _("Credentials handed over at the desk by %(name)s", name=data.get("by", ""))
    detail = _("The password works once, until %(time)s", time=until_text(data, zone) or "")
    return Line(words, detail, "person")


def _username_changed(data: dict[str, Any], _zone: str) -> Line:
    return Line(_("Username changed"), who(data), "pencil")


LINES: dict[str, Callable[[dict[str, Any], str], Line]] = {
    Kind.RESET_QUEUED: _reset_queued,
    Kind.RESET_WAITING: _reset_waiting,
    Kind.RESET_DELAYED: _reset_delayed,
    Kind.RESET_ACCEPTED: _reset_accepted,
    Kind.RESET_MAYBE_ACCEPTED: _reset_maybe,
    Kind.RESET_FAILED: _reset_failed,
    Kind.RESET_OPENED: _reset_opened,
    Kind.RESET_IDENTITY_FAILED: _identity_failed,
    Kind.RESET_LOCKED: always(lambda: _("Reset link locked"), "lock", "bad"),
    Kind.RESET_USED: always(lambda: _("Reset used: password changed"), "tick", "good"),
    Kind.RESET_REPLACED: always(lambda: _("Reset link replaced"), "slash"),
    Kind.RESET_REVOKED: always(lambda: _("Reset link void"), "slash"),
    Kind.HANDED_OVER: _handed_over,
    Kind.PASSWORD_CHOSEN: always(
        lambda: _("Logged on with the password from the desk, and chose a new one"), "tick", "good"
    ),
    Kind.USERNAME_CHANGED: _username_changed,
    Kind.EMAIL_CODE_SENT: always(lambda: _("Code sent to the new email"), "mail"),
    Kind.EMAIL_CONFIRMED: always(lambda: _("New email confirmed by code"), "tick", "good"),
}
