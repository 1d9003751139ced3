"""What goes out to a patient by itself because of appointments (4.3), in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.bulk.states import SkipReason
from portal.outreach import notices
from portal.outreach.rules import NoticeReason
from portal.practices.models import Practice
from portal.schedule.models import AppointmentNotice
from portal.schedule.states import NoticeKind, NoticeState
from portal.staff.presenters.bulk_reasons import reason_words
from portal.web.filters import moment

_KINDS: dict[NoticeKind, LazyString] = {
    NoticeKind.CONFIRMATION: _l("Confirmation"),
    NoticeKind.REMINDER: _l("Reminder"),
    NoticeKind.FIRST_VISIT: _l("Invitation after the first visit"),
}
_REASONS: dict[NoticeReason, LazyString] = {
    NoticeReason.SWITCHED_OFF: _l("Switched off"),
    NoticeReason.TOO_LATE: _l("Too late for this appointment"),
    NoticeReason.QUIET_HOURS: _l("No time was left outside of quiet hours"),
    NoticeReason.APPOINTMENT_OVER: _l("The appointment did not stand any more"),
    NoticeReason.CANNOT_SEND: _l("The program could not send it"),
    NoticeReason.PENDING: _l("An invitation is waiting already"),
}


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """One notice."""

    what: str
    appointment: str
    """When it is, or was."""
    became: str


def notice_rows(found: Iterable[AppointmentNotice], practice: Practice) -> tuple[NoticeRow, ...]:
    """The rows; what waits is shown as far as its switch is on."""
    return tuple(
        _row(notice, practice.time_zone)
        for notice in found
        if notice.state != NoticeState.PLANNED
        or notices.is_switched_on(practice, NoticeKind(notice.kind))
    )


def _row(notice: AppointmentNotice, zone: str) -> NoticeRow:
    return NoticeRow(
        what=str(_KINDS[NoticeKind(notice.kind)]),
        appointment=moment(notice.starts_at, zone),
        became=_became(notice, zone),
    )


def _became(notice: AppointmentNotice, zone: str) -> str:
    match NoticeState(notice.state):
        case NoticeState.PLANNED:
            return _("Goes out %(time)s", time=moment(notice.due_at, zone))
        case NoticeState.SENT if notice.invited:
            return _("Sent %(time)s, with an invitation", time=moment(notice.settled_at, zone))
        case NoticeState.SENT:
            return _("Sent %(time)s", time=moment(notice.settled_at, zone))
        case _:
            return _("Not sent: %(why)s", why=_why(notice.reason))


def _why(reason: str | None) -> str:
    if reason in set(NoticeReason):
        return str(_REASONS[NoticeReason(reason)])
    if reason in set(SkipReason):
        return reason_words(SkipReason(reason))
    return _("Unknown")
