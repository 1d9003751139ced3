"""When something goes out by itself, and to whom it does not (4.3, 7.3). Pure.

Quiet hours are what the clocks of the practice show: a moment is quiet when they do, on the two odd nights of the
year as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.access.rules import has_ended
from portal.bulk.rules import Facts, Moment, is_address, reason_for
from portal.bulk.states import RunKind, SkipReason
from portal.schedule.states import AppointmentState

STANDS = frozenset({AppointmentState.SCHEDULED, AppointmentState.CONFIRMED})
"""The patient is expected, and has not come yet."""
BEFORE_QUIET = timedelta(minutes=30)
"""So long before quiet hours goes out what could not wait for their end: a late tick must not fall into them."""
_MINUTE = timedelta(minutes=1)


class NoticeReason(StrEnum):
    """Why a notice was skipped, beside what stands in the way of any mail (:class:`portal.bulk.states.SkipReason`)."""

    SWITCHED_OFF = "switched_off"
    TOO_LATE = "too_late"
    """Its time lay before it was known, or it could not go out before the appointment."""
    QUIET_HOURS = "quiet_hours"
    """No moment was left between two quiet hours."""
    APPOINTMENT_OVER = "appointment_over"
    """Cancelled, or come to something else."""
    CANNOT_SEND = "cannot_send"
    """The program itself failed at it; the others are not held up."""
    PENDING = "pending"
    """An invitation is out there already: never more than one (4.3)."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Quiet hours of a practice."""

    zone: str
    begins: int
    """Minutes after local midnight; as ``ends``: there are none."""
    ends: int


@dataclass(frozen=True, slots=True)
class Due:
    """When something goes out, or why it never does."""

    at: datetime | None
    reason: NoticeReason | None = None


def is_quiet(at: datetime, quiet: Quiet) -> bool:
    """Whether the practice's clocks show quiet hours."""
    shown = at.astimezone(ZoneInfo(quiet.zone))
    return _covers(shown.hour * 60 + shown.minute, quiet)


def end_of_quiet(at: datetime, quiet: Quiet) -> datetime:
    """The first moment from ``at`` on at which mail may go out."""
    found = at
    while is_quiet(found, quiet):  # twice at most: in the hour that the clocks show twice
        day = found.astimezone(ZoneInfo(quiet.zone)).date()
        shown = _shown(found, quiet)
        wanted = day if shown < quiet.ends else day + timedelta(days=1)
        found = next(each for each in _moments(wanted, quiet.ends, quiet.zone) if each > found)
    return found


def before_quiet(at: datetime, quiet: Quiet) -> datetime:
    """The last moment to be used before the quiet hours that ``at`` lies in."""
    shown = _shown(at, quiet)
    day = at.astimezone(ZoneInfo(quiet.zone)).date()
    began = day if shown >= quiet.begins else day - timedelta(days=1)
    start = next(each for each in _moments(began, quiet.begins, quiet.zone)[::-1] if each <= at)
    early = start - BEFORE_QUIET
    return start - _MINUTE if is_quiet(early, quiet) else early


def confirmation_due(starts_at: datetime, *, quiet: Quiet, now: datetime) -> Due:
    """A confirmation goes out at once, or when quiet hours end."""
    if starts_at <= now:
        return Due(None, NoticeReason.TOO_LATE)
    at = end_of_quiet(now, quiet)
    return Due(at) if at < starts_at else Due(None, NoticeReason.QUIET_HOURS)


def reminder_due(starts_at: datetime, hours: int, *, quiet: Quiet, now: datetime) -> Due:
    """A reminder goes out so many hours before, out of quiet hours, and never after the start.

    Whole days are days of the practice's calendar: the day before at the same time, also where that night has 23 or
    25 hours. What falls into quiet hours goes out at their end; where that is too late, before they begin.
    """
    wished = _before(starts_at, hours, quiet.zone)
    if wished <= now:
        return Due(None, NoticeReason.TOO_LATE)
    at = end_of_quiet(wished, quiet)
    if at >= starts_at:
        at = before_quiet(wished, quiet)
    if is_quiet(at, quiet):
        return Due(None, NoticeReason.QUIET_HOURS)
    return Due(at) if at > now else Due(None, NoticeReason.QUIET_HOURS)


def put_off(starts_at: datetime | None, *, quiet: Quiet, now: datetime) -> Due:
    """What is due in quiet hours, because it was late, waits for their end; ``starts_at`` is when it is too late."""
    at = end_of_quiet(now, quiet)
    if starts_at is not None and at >= starts_at:
        return Due(None, NoticeReason.QUIET_HOURS)
    return Due(at)


def mail_reason(of: Facts, at: Moment) -> SkipReason | None:
    """Why no automatic mail goes to this patient at all, also none without a link."""
    stands_in_the_way = {
        SkipReason.DECEASED: has_ended(
            end_date=None, deceased=of.deceased, deceased_on=of.deceased_on, today=at.today
        ),
        SkipReason.END_DATED: has_ended(
            end_date=of.end_date, deceased=False, deceased_on=None, today=at.today
        ),
        SkipReason.OPTED_OUT: of.opted_out,
        SkipReason.NO_EMAIL: not of.email,
        SkipReason.NOT_AN_ADDRESS: not is_address(of.email or ""),
        SkipReason.ADDRESS_BLOCKED: of.blocked,
        SkipReason.BOUNCED: of.bounced,
        SkipReason.PLACEHOLDER: of.flagged,
    }
    return next((reason for reason, holds in stands_in_the_way.items() if holds), None)


def invitation_reason(of: Facts, at: Moment, *, pending: bool) -> SkipReason | NoticeReason | None:
    """Why no invitation goes out by itself: what holds for one in bulk (7.3), and one that is pending."""
    reason = reason_for(RunKind.INVITE, of, at)
    if reason is None and pending:
        return NoticeReason.PENDING
    return reason


def _covers(minute: int, quiet: Quiet) -> bool:
    if quiet.begins <= quiet.ends:
        return quiet.begins <= minute < quiet.ends
    return minute >= quiet.begins or minute < quiet.ends


def _shown(at: datetime, quiet: Quiet) -> int:
    shown = at.astimezone(ZoneInfo(quiet.zone))
    return shown.hour * 60 + shown.minute


def _moments(day: date, minute: int, zone: str) -> list[datetime]:
    """When the clocks show that minute of the day: once, twice, or, where they skip it, the first moment after."""
    wall = datetime.combine(day, time(minute // 60, minute % 60))
    there = [wall.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    if there[0] <= there[1]:
        return sorted(set(there))
    skips, after = there[1], there[0]  # PEP 495: in a gap the two folds lie on either side of it
    while after - skips > _MINUTE:
        middle = skips + (after - skips) // 2
        if _offset(middle, zone) == _offset(skips, zone):
            skips = middle
        else:
            after = middle
    return [after.replace(second=0, microsecond=0)]


def _offset(at: datetime, zone: str) -> timedelta | None:
    return at.astimezone(ZoneInfo(zone)).utcoffset()


def _before(starts_at: datetime, hours: int, zone: str) -> datetime:
    days, rest = divmod(hours, 24)
    local = starts_at.astimezone(ZoneInfo(zone))
    wall = (local.hour * 60 + local.minute, local.date() - timedelta(days=days))
    same_time = _moments(wall[1], wall[0], zone)[0] if days else starts_at
    return same_time - timedelta(hours=rest)
