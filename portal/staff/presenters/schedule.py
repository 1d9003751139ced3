"""The schedule: rows of a day, boxes of a week, what it can be narrowed by, what it says above itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, get_timezone_name
from flask import url_for
from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.access.rules import Status
from portal.people.naming import list_name, short_name
from portal.practices.models import Provider
from portal.schedule import rules
from portal.schedule.days import DayOfWeek
from portal.schedule.models import Appointment, Office
from portal.schedule.states import AppointmentState
from portal.staff.presenters.onboarding import Choice
from portal.staff.presenters.portal_cell import (
    ROW,
    PortalCell,
    Standing,
    portal_cell,
    standings,
    to_query,
)
from portal.staff.presenters.status import StatusView, status_view
from portal.staff.schedule_place import SchedulePlace, View
from portal.web.filters import clock_time, short_day

_KINDS = {
    "video_visit": _l("Video visit"),
    "walk_in": _l("Walk-in"),
    "transition_of_care": _l("Transition of care"),
    "referral": _l("Referral"),
}


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One appointment of a day."""

    public_id: str
    url: str
    time: str
    minutes: str
    name: str
    kinds: tuple[str, ...]
    """Video visit and its like, in a word each."""
    colour: str
    provider: str
    place: str
    reason: str
    status: str
    gone: bool
    """Cancelled, or given up."""
    portal: PortalCell


@dataclass(frozen=True, slots=True)
class WeekEntry:
    """One appointment in a week."""

    public_id: str
    url: str
    time: str
    name: str
    status: StatusView
    gone: bool


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One day of a week."""

    title: str
    url: str
    number: str
    today: bool
    entries: tuple[WeekEntry, ...]
    more: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One line of the check-in list."""

    time: str
    name: str
    url: str
    status: StatusView
    ask: str
    remarks: tuple[str, ...]
    provider: str


@dataclass(frozen=True, slots=True)
class ScheduleFilters:
    """The boxes above the list."""

    offices: tuple[Choice, ...]
    providers: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """The schedule at one place."""

    place: SchedulePlace
    title: str
    summary: str
    rows: tuple[ScheduleRow, ...]
    week: tuple[WeekDay, ...]
    asks: tuple[Ask, ...]
    previous_url: str
    next_url: str
    today_url: str
    day_url: str
    week_url: str
    only_url: str
    all_url: str
    new_url: str


def day_view(
    place: SchedulePlace, appointments: Sequence[Appointment], *, today: date, now: datetime
) -> ScheduleView:
    """One day; or of it those who are not yet on the portal, with what to ask them for."""
    stand = standings(appointments, now=now)
    taking_place = [a for a in appointments if not _gone(a)]
    missing = [a for a in taking_place if _to_ask(stand[a.patient_id])]
    summary = _summary(len(taking_place), len({a.patient_id for a in missing}))
    to = place.url()
    several = len({a.office_id for a in appointments}) > 1
    rows: tuple[ScheduleRow, ...] = ()
    asks: tuple[Ask, ...] = ()
    if place.only_missing:
        asks = tuple(_ask(a, stand[a.patient_id], to) for a in missing)
    else:
        rows = tuple(
            schedule_row(a, stand[a.patient_id], to, several=several, now=now) for a in appointments
        )
    title = long_day(place.day)
    if place.only_missing:
        title = _("Not yet on the portal: %(day)s", day=title)
    return _view(place, today, title=title, summary=summary, rows=rows, asks=asks)


def week_view(
    place: SchedulePlace, days: Sequence[DayOfWeek], *, today: date, now: datetime
) -> ScheduleView:
    """Seven days, of each the first appointments."""
    stand = standings([a for day in days for a in day.appointments], now=now)
    number = sum(day.number for day in days)
    return _view(
        place,
        today,
        title=_(
            "%(first)s to %(last)s", first=short_day(days[0].day), last=short_day(days[-1].day)
        ),
        summary=_counted(number),
        week=tuple(_week_day(place, day, stand, today) for day in days),
    )


def filters(
    place: SchedulePlace, *, offices: Sequence[Office], providers: Sequence[Provider]
) -> ScheduleFilters:
    """What the schedule can be narrowed by."""
    return ScheduleFilters(
        offices=(
            Choice("", _("All offices"), not place.office),
            *(Choice(o.public_id, o.name, o.public_id == place.office) for o in offices),
        ),
        providers=(
            Choice("", _("All providers"), not place.provider),
            *(Choice(p.public_id, p.name, p.public_id == place.provider) for p in providers),
        ),
    )


def schedule_row(
    appointment: Appointment, stands: Standing, to: str, *, several: bool, now: datetime
) -> ScheduleRow:
    """One appointment of a day; ``several``: the day is not all at one office."""
    room, office = appointment.exam_room, appointment.office
    place = (office.name if several or room is None else "", room.name if room else "")
    return ScheduleRow(
        public_id=appointment.public_id,
        url=window_url(appointment, to),
        time=time_of(appointment),
        minutes=_("%(num)s min", num=appointment.minutes),
        name=list_name(appointment.patient),
        kinds=kinds(appointment),
        colour=colour_of(appointment),
        provider=appointment.provider.name if appointment.provider else "",
        place=", ".join(part for part in place if part),
        reason=appointment.reason or (appointment.profile.name if appointment.profile else ""),
        status=appointment.status.name,
        gone=_gone(appointment),
        portal=portal_cell(appointment, stands, where=ROW, to=to, now=now),
    )


def kinds(appointment: Appointment) -> tuple[str, ...]:
    """The type ticks that are set, as words."""
    return tuple(str(word) for name, word in _KINDS.items() if getattr(appointment, name))


def colour_of(appointment: Appointment) -> str:
    """Its own, else its profile's."""
    profile = appointment.profile
    return appointment.colour or (profile.colour if profile else None) or ""


def time_of(appointment: Appointment) -> str:
    """ "9:00 a.m." by the office's clock, with the zone where that is not the practice's."""
    zone = appointment.office.time_zone
    local = rules.local(appointment.starts_at, zone)
    words = clock_time(local)
    return words if zone == appointment.practice.time_zone else f"{words} {local.tzname()}"


def window_url(appointment: Appointment, to: str) -> str:
    """Where the appointment window is; it knows the page that it was opened from."""
    url = url_for("staff.appointment", appointment_id=appointment.public_id)
    return f"{url}?to={to_query(to)}"


def long_day(day: date) -> str:
    """ "Monday, November 23, 2026" in the language of the page."""
    words = format_date(day, format="full", locale=_locale())
    return words[:1].upper() + words[1:]


def zone_name(zone: str) -> str:
    """ "Eastern Time" for an IANA time zone."""
    return str(get_timezone_name(zone, locale=_locale()))


def _view(place: SchedulePlace, today: date, **more: Any) -> ScheduleView:
    empty: dict[str, Any] = {"rows": (), "week": (), "asks": ()}
    return ScheduleView(
        place=place,
        previous_url=place.neighbour(ahead=False),
        next_url=place.neighbour(ahead=True),
        today_url=place.url(day=today),
        day_url=place.url(view=View.DAY),
        week_url=place.url(view=View.WEEK, only_missing=False),
        only_url=place.url(view=View.DAY, only_missing=True),
        all_url=place.url(only_missing=False),
        new_url=_new_url(place),
        **(empty | more),
    )


def _new_url(place: SchedulePlace) -> str:
    """A new appointment on that day, under the filters that are set."""
    known = {"office": place.office, "provider": place.provider}
    values: dict[str, Any] = {key: value for key, value in known.items() if value}
    url = url_for("staff.new_appointment", day=place.day.isoformat(), **values)
    return f"{url}&to={to_query(place.url())}"


def _to_ask(stands: Standing) -> bool:
    return stands.status is not Status.ACTIVE and not stands.ended


def _ask(appointment: Appointment, stands: Standing, to: str) -> Ask:
    return Ask(
        time=time_of(appointment),
        name=list_name(appointment.patient),
        url=window_url(appointment, to),
        status=status_view(stands.status),
        ask=_what_to_ask(stands),
        remarks=_remarks(stands),
        provider=appointment.provider.name if appointment.provider else "",
    )


def _what_to_ask(stands: Standing) -> str:
    """In words only: what is on file is not printed."""
    if stands.missing:
        return stands.missing
    if stands.barred:
        return ""
    if stands.status is Status.INVITED:
        return _("Did the invitation arrive? Resend it if not.")
    return _("Nothing is missing: offer the invitation.")


def _remarks(stands: Standing) -> tuple[str, ...]:
    if stands.status is Status.READY and not stands.barred:
        return ()
    return tuple(note.text for note in stands.notes)


def _summary(number: int, missing: int) -> str:
    if not number:
        return ""
    offline = ngettext(
        "%(num)s patient is not yet on the portal",
        "%(num)s patients are not yet on the portal",
        missing,
    )
    return f"{_counted(number)} · {offline}"


def _counted(number: int) -> str:
    words: str = ngettext("%(num)s appointment", "%(num)s appointments", number)
    return words


def _week_day(
    place: SchedulePlace, shown: DayOfWeek, stand: dict[int, Standing], today: date
) -> WeekDay:
    to = place.url()
    return WeekDay(
        title=format_date(shown.day, format="EEE, MMM d", locale=_locale()),
        url=place.url(day=shown.day, view=View.DAY),
        number=_counted(shown.number),
        today=shown.day == today,
        entries=tuple(
            WeekEntry(
                public_id=a.public_id,
                url=window_url(a, to),
                time=time_of(a),
                name=short_name(a.patient),
                status=status_view(stand[a.patient_id].status),
                gone=_gone(a),
            )
            for a in shown.appointments
        ),
        more=_("%(num)s more", num=shown.more) if shown.more else "",
    )


def _gone(appointment: Appointment) -> bool:
    return not rules.holds_its_time(AppointmentState(appointment.state))


def _locale() -> Any:
    return get_locale() or "en"
