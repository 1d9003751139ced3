"""How the schedule answers: its part to htmx, the whole page or a redirect to everybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import NotFound
from portal.practices import service as practices
from portal.practices.models import Provider
from portal.schedule import days, lists, of_patient
from portal.schedule.models import Appointment, Office
from portal.staff import said
from portal.staff.isolation import appointment_of
from portal.staff.presenters.messaging import TO
from portal.staff.presenters.schedule import ScheduleView, day_view, filters, week_view
from portal.staff.schedule_place import SchedulePlace, View
from portal.staff.wording import Said, sentence
from portal.web import htmx
from portal.web.places import safe_path
from portal.web.signed_on import staff_on


@dataclass(frozen=True, slots=True)
class Undo:
    """A form beside the sentence that takes the act back."""

    url: str
    fields: dict[str, str]


def today() -> date:
    """By the practice's calendar."""
    return clock.local_date(clock.now(), staff_on().practice.time_zone)


def came_from(appointment: Appointment | None = None) -> str:
    """The path of the page that this request was sent from; without one, the day of the appointment."""
    here = safe_path(request.values.get(TO), below="/staff/")
    day = appointment.day if appointment else today()
    return here or url_for("staff.schedule", day=day.isoformat())


def page(place: SchedulePlace, *, alert: str = "") -> str:
    """The whole page.

    Raises:
        NotFound: the office or the provider of the address is none of the practice's.
    """
    practice_id = staff_on().practice_id
    lists.provide(practice_id, clock.now())
    offices, providers = lists.offices(practice_id), practices.providers(practice_id=practice_id)
    return render_template(
        "staff/pages/schedule.html",
        schedule=_shown(place, offices, providers),
        filters=filters(place, offices=offices, providers=providers),
        requests=of_patient.count_open(practice_id),
        said_alert=alert,
    )


def done(what: Said, appointment: Appointment, *, undo: Undo | None = None) -> ResponseReturnValue:
    """It is done: the schedule as it is now and a sentence; or a redirect to the page that says it."""
    patient, day, back = appointment.patient, appointment.day, came_from(appointment)
    place = SchedulePlace.of_path(back, today=today())
    if not htmx.wants_fragment() or place is None:
        said.remember(what, patient, expires=day)
        return htmx.go(back) if htmx.wants_fragment() else redirect(back, code=303)
    return _part(place, words=sentence(what, patient, expires=day), undo=undo)


def undo_cancel(appointment: Appointment) -> Undo:
    """Lets a cancelled appointment take place after all."""
    url = url_for("staff.reopen_appointment", appointment_id=appointment.public_id)
    return Undo(url, {TO: came_from(appointment), "version": str(appointment.version)})


def refused(words: str, public_id: str) -> ResponseReturnValue:
    """Nothing was done, and why (409); the schedule as it is now."""
    appointment = appointment_of(public_id)
    place = SchedulePlace.of_path(came_from(appointment), today=today())
    place = place or SchedulePlace(appointment.day)
    if htmx.wants_fragment():
        return _part(place, alert=words, status=409)
    return page(place, alert=words), 409


def _part(
    place: SchedulePlace,
    *,
    words: str = "",
    alert: str = "",
    status: int = 200,
    undo: Undo | None = None,
) -> Response:
    practice_id = staff_on().practice_id
    shown = _shown(place, lists.offices(practice_id), practices.providers(practice_id=practice_id))
    html = render_template(
        "staff/fragments/schedule_answer.html",
        schedule=shown,
        said_now=words,
        said_alert=alert,
        undo=undo,
    )
    return htmx.part(html, "#schedule", status=status, closing=True)


def _shown(
    place: SchedulePlace, offices: Sequence[Office], providers: Sequence[Provider]
) -> ScheduleView:
    practice_id, now = staff_on().practice_id, clock.now()
    wanted = days.Filter(
        office_id=_number(offices, place.office), provider_id=_number(providers, place.provider)
    )
    if place.view is View.WEEK:
        week = days.of_week(practice_id, place.first, wanted)
        return week_view(place, week, today=today(), now=now)
    appointments = days.of_day(practice_id, place.day, wanted)
    return day_view(place, appointments, today=today(), now=now)


def _number(rows: Sequence[Office] | Sequence[Provider], public_id: str) -> int | None:
    if not public_id:
        return None
    for row in rows:
        if row.public_id == public_id:
            return row.id
    raise NotFound("office or provider")
