"""What the home page shows of a person's appointments: dates and places in words, and what may be done.

Never the reason or the notes of a visit: those are staff's words, and a page may be read by others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_name
from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.accounts.service import Held
from portal.patients.presenters import PracticeCard, practice_card
from portal.schedule import of_patient
from portal.schedule.models import Appointment, AppointmentRequest
from portal.schedule.states import AppointmentState as State
from portal.schedule.states import RequestOutcome
from portal.web import filters

_STATES: dict[State, tuple[LazyString, str]] = {
    State.SCHEDULED: (_l("Planned"), ""),
    State.CONFIRMED: (_l("You have confirmed it"), "done"),
    State.ARRIVED: (_l("You are checked in"), "done"),
    State.IN_ROOM: (_l("You are checked in"), "done"),
    State.CANCELLED: (_l("It is cancelled"), "over"),
}
_BY_STAFF = _l("Confirmed")


@dataclass(frozen=True, slots=True)
class RequestLine:
    """What was asked, and what became of it."""

    wish: str
    title: str
    """What it is about."""
    state: str
    take_back_url: str
    """"" once it is answered."""
    key: str


@dataclass(frozen=True, slots=True)
class AppointmentCard:
    """One appointment to come."""

    key: str
    day: str
    time: str
    iso: str
    where: str
    who: str
    what: str
    state: str
    tone: str
    confirm_url: str
    change_url: str
    """"" where it may not be done."""
    request: RequestLine | None
    """What was asked about it and waits for an answer."""


@dataclass(frozen=True, slots=True)
class VisitLine:
    """One visit that was."""

    day: str
    iso: str
    text: str


@dataclass(frozen=True, slots=True)
class AppointmentsCard:
    """The appointments of one person."""

    key: str
    title: str
    practice: PracticeCard
    coming: list[AppointmentCard]
    requests: list[RequestLine]
    """Those that stand with no appointment above."""
    visits: list[VisitLine]
    ask_url: str


def appointments_card(held: Held, *, alone: bool, now: datetime) -> AppointmentsCard:
    """The appointments of a person whose chart the account may read.

    Args:
        alone: whether the account has one person only, who then need not be named.
    """
    patient = held.patient
    coming = of_patient.coming(patient.id, now=now)
    asked = of_patient.requests(patient.id, now=now)
    waiting = {r.appointment_id: r for r in asked if r.settled_at is None and r.appointment_id}
    shown = {appointment.id for appointment in coming}
    apart = [r for r in asked if r.settled_at is not None or r.appointment_id not in shown]
    title = _("Upcoming appointments")
    if not alone:
        title = _("Upcoming appointments of %(name)s", name=patient.given_name or _("this person"))
    return AppointmentsCard(
        key=patient.public_id,
        title=title,
        practice=practice_card(patient.practice),
        coming=[_appointment(a, waiting.get(a.id), now=now) for a in coming],
        requests=[_request(request) for request in apart],
        visits=[_visit(a) for a in of_patient.visits(patient.id, now=now)],
        ask_url=url_for("patients.ask_for_appointment", public_id=patient.public_id),
    )


def when(appointment: Appointment) -> tuple[str, str]:
    """ "Tuesday, December 1, 2026" and "9:15 a.m. (Eastern Time)", by the clock of the office."""
    zone = ZoneInfo(appointment.office.time_zone)
    local = appointment.starts_at.astimezone(zone)
    name = get_timezone_name(zone, width="long", zone_variant="generic", locale=filters.locale())
    return _weekday(local), f"{filters.clock_time(local)} ({name})"


def _weekday(local: datetime) -> str:
    locale = filters.locale()
    pattern = "EEEE, d 'de' MMMM 'de' y" if locale.startswith("es") else "EEEE, MMMM d, y"
    text = format_date(local.date(), format=pattern, locale=locale)
    return text[:1].upper() + text[1:]


def _appointment(
    appointment: Appointment, request: AppointmentRequest | None, *, now: datetime
) -> AppointmentCard:
    day, time = when(appointment)
    state, tone = _STATES[State(appointment.state)]
    if appointment.state == State.CONFIRMED and appointment.confirmed_by != "patient":
        state = _BY_STAFF
    number = appointment.public_id
    confirm = of_patient.may_confirm(appointment, now=now) and request is None
    change = of_patient.may_ask_to_change(appointment, now=now) and request is None
    return AppointmentCard(
        key=number,
        day=day,
        time=time,
        iso=appointment.starts_at.isoformat(),
        where=_("Video visit") if appointment.video_visit else appointment.office.name,
        who=appointment.provider.name if appointment.provider else "",
        what=appointment.profile.name if appointment.profile else "",
        state=str(state),
        tone=tone,
        confirm_url=url_for("patients.confirm_appointment", public_id=number) if confirm else "",
        change_url=url_for("patients.change_appointment", public_id=number) if change else "",
        request=_request(request, beside=True) if request else None,
    )


def _request(request: AppointmentRequest, *, beside: bool = False) -> RequestLine:
    """``beside``: it stands with the appointment that it is about."""
    if beside:
        title = _("You asked for another time")
    elif request.appointment is not None:
        day, time = when(request.appointment)
        title = _("To change the appointment on %(day)s at %(time)s", day=day, time=time)
    else:
        title = _("A new appointment")
    match request.outcome:
        case None:
            state = _("The office has not answered yet.")
        case RequestOutcome.DONE:
            state = _("The office has taken care of it.")
        case _:
            state = _("The office could not do this. Please call.")
    take_back = url_for("patients.take_back_request", public_id=request.public_id)
    return RequestLine(
        wish=request.wish,
        title=title,
        state=state,
        take_back_url="" if request.settled_at else take_back,
        key=request.public_id,
    )


def _visit(appointment: Appointment) -> VisitLine:
    zone = appointment.office.time_zone
    who = appointment.provider.name if appointment.provider else ""
    return VisitLine(
        day=filters.day(appointment.starts_at, zone=zone),
        iso=appointment.starts_at.isoformat(),
        text=", ".join(part for part in (who, appointment.office.name) if part),
    )
