"""The appointment window (4.1): filled from what stands, read back, and shown again when something is in the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from flask import Response, make_response, render_template, request, url_for

from portal import clock, tokens
from portal.people import search, views_log
from portal.people.models import Patient
from portal.people.naming import list_name
from portal.practices import service as practices
from portal.schedule import booking, consents, days, lists, rules
from portal.schedule.models import Appointment
from portal.schedule.slip import Slip
from portal.schedule.states import AppointmentState, ListKind
from portal.staff import answers
from portal.staff.forms.appointment import TICKS, AppointmentForm, Lists
from portal.staff.presenters.appointment import (
    changed_by,
    clash_words,
    differences,
    window_view,
)
from portal.staff.presenters.messaging import TO
from portal.staff.presenters.portal_cell import to_query
from portal.staff.schedule_answers import came_from, today
from portal.staff.schedule_place import read_day
from portal.web import htmx
from portal.web.filters import short_day
from portal.web.signed_on import staff_hand, staff_on

CARRIED = ("day", "time", "office", "provider", TO)
"""What the address of a new appointment may say beforehand."""
_FOUND = 10
Row = TypeVar("Row")


def form_of(appointment: Appointment, *, typed: bool = True) -> AppointmentForm:
    """The fields of one that stands; ``typed=False`` as it is on file, whatever this request has sent."""
    chosen = choices(appointment)
    local = rules.local(appointment.starts_at, appointment.office.time_zone)
    ticked = consents.of(appointment)
    filled: dict[str, Any] = {
        **{name: getattr(appointment, name) for name in TICKS},
        "provider": _public_id(appointment.provider),
        "supervising_provider": _public_id(appointment.supervising_provider),
        "office": appointment.office.public_id,
        "reason": appointment.reason,
        "profile": _public_id(appointment.profile),
        "eligibility": _public_id(
            next((e for e in chosen.eligibilities if e.id == appointment.eligibility_id), None)
        ),
        "day": appointment.day.isoformat(),
        "at": f"{local:%H:%M}",
        "minutes": str(appointment.minutes),
        "exam_room": _public_id(appointment.exam_room),
        "notes": appointment.notes,
        "colour": appointment.colour or "",
        "consents": [form.public_id for form in chosen.consents if form.id in ticked],
        "status": appointment.status.public_id,
        "version": str(appointment.version),
    }
    more = {} if typed else {"formdata": None}
    return _own_ids(AppointmentForm(chosen, data=filled, **more))


def new_form(patient: Patient) -> AppointmentForm:
    """The fields of one that is to be made, with what the address says and what is usual."""
    chosen = choices()
    asked = request.args
    provider = asked.get("provider") or _public_id(patient.provider)
    scheduled = next(s for s in chosen.statuses if s.meaning == AppointmentState.SCHEDULED)
    filled = {
        "provider": provider if provider in {p.public_id for p in chosen.providers} else "",
        "office": asked.get("office") or chosen.offices[0].public_id,
        "profile": next((p.public_id for p in chosen.profiles if p.preset), ""),
        "day": (read_day(asked.get("day", "")) or today()).isoformat(),
        "at": _asked_time(),
        "consents": [form.public_id for form in chosen.consents if form.preset],
        "status": scheduled.public_id,
        "key": tokens.public_id(),
    }
    return _own_ids(AppointmentForm(chosen, data=filled))


def choices(appointment: Appointment | None = None) -> Lists:
    """What the fields choose from; of one that stands also what it has and is offered no more."""
    practice_id = staff_on().practice_id
    lists.provide(practice_id, clock.now())
    made = Lists(
        offices=lists.offices(practice_id),
        providers=practices.providers(practice_id=practice_id),
        profiles=lists.entries(practice_id, ListKind.PROFILE),
        eligibilities=lists.entries(practice_id, ListKind.ELIGIBILITY),
        consents=lists.entries(practice_id, ListKind.CONSENT),
        statuses=lists.statuses(practice_id),
    )
    if appointment is not None:
        _keep(made.offices, appointment.office)
        _keep(made.profiles, appointment.profile)
        _keep(made.statuses, appointment.status)
    return made


def window(
    patient: Patient,
    form: AppointmentForm,
    *,
    appointment: Appointment | None = None,
    status: int = 200,
    clashes: Sequence[str] = (),
    current: AppointmentForm | None = None,
) -> Response:
    """The window; of an answer to its own form, only the form.

    Args:
        clashes: what would be in two places.
        current: the fields as somebody else has saved them meanwhile.
    """
    back = came_from(appointment)
    different = differences(form, current) if current is not None else []
    if current is not None:
        form.take_over(current)
    context: dict[str, Any] = {
        "form": form,
        "patient": patient,
        "appointment": appointment,
        "window": window_view(patient, appointment, form, to=back, now=clock.now()),
        "action": request.path,
        "close_url": back,
        "to": back,
        "clashes": clashes,
        "different": different,
        "stale": current is not None,
        "changed_by": changed_by(appointment) if appointment and current else "",
    }
    if status != 200 and htmx.wants_fragment():
        html = render_template("staff/fragments/appointment_form.html", as_page=False, **context)
        return htmx.part(html, "#appointment-form", status=status)
    response = answers.dialog("appointment", **context)
    response.status_code = status
    return response


def conflict(appointment: Appointment, form: AppointmentForm) -> Response:
    """Somebody else saved meanwhile (409): nothing is written, both versions are shown, what was typed stays."""
    current = form_of(appointment, typed=False)
    return window(appointment.patient, form, appointment=appointment, status=409, current=current)


def clashing(
    patient: Patient, form: AppointmentForm, slip: Slip, *, appointment: Appointment | None = None
) -> list[str]:
    """What the slip would put in two places, in words; nothing where it was said to do it anyway.

    Raises:
        rules.NoSuchTime: the clocks skip the time.
    """
    office = next(o for o in form.lists.offices if o.id == slip.office_id)
    profile = next((p.minutes for p in form.lists.profiles if p.id == slip.profile_id), None)
    minutes = rules.minutes_of(slip.minutes, profile=profile, usual=lists.USUAL_MINUTES)
    found = rules.occurrences(slip.day, slip.wall, office.time_zone, form.repeat)
    wanted = [
        rules.Use(rules.Span(start.at, minutes), patient.id, slip.provider_id, slip.exam_room_id)
        for _day, start in found
    ]
    if "anyway" in request.form or (appointment and _stays(appointment, wanted[0])):
        return []
    if booking.named(patient.id, form.new_id or ""):
        return []  # a double click: it is in its own way
    but = appointment.id if appointment else None
    taken = days.clashes(patient.practice_id, wanted, but=but)
    return clash_words(taken, office.time_zone)


def choose_patient(text: str = "") -> Response:
    """The first step of a new appointment: whom it is for."""
    carried = {name: request.values[name] for name in CARRIED if request.values.get(name)}
    found, more = _found(text, carried) if text else (None, False)
    context: dict[str, Any] = {
        "text": text,
        "found": found,
        "more": more,
        "carried": carried,
        "close_url": came_from(),
    }
    if text and htmx.wants_fragment():
        html = render_template("staff/fragments/appointment_patients.html", **context)
        return make_response(html)
    return answers.dialog("appointment_patient", **context)


def _keep(rows: list[Row], held: Row | None) -> None:
    if held is not None and held not in rows:
        rows.append(held)


def _found(text: str, carried: dict[str, str]) -> tuple[list[dict[str, str]], bool]:
    """The first who may be meant, and whether there are more."""
    practice, now = staff_on().practice, clock.now()
    practice_id, country = practice.id, practice.country
    found = search.page(practice_id=practice_id, text=text, now=now, country=country, size=_FOUND)
    kind = search.kind_of(text, today=now.date(), country=country)
    views_log.record_search(
        practice_id=practice_id, kind=kind, results=len(found.patients), by=staff_hand(), now=now
    )
    rows = [
        {
            "name": list_name(patient),
            "born": short_day(patient.birth_date),
            "record": patient.record_number,
            "url": _new_url(patient, carried),
        }
        for patient in found.patients
    ]
    return rows, found.next is not None


def _new_url(patient: Patient, carried: dict[str, str]) -> str:
    url = url_for("staff.new_appointment", patient=patient.public_id)
    return url + "".join(f"&{name}={to_query(value)}" for name, value in carried.items())


def _stays(appointment: Appointment, wanted: rules.Use) -> bool:
    """Whether nobody and nothing is taken up that was not before: who has booked it anyway is not asked again."""
    held = rules.Use(
        rules.Span(appointment.starts_at, appointment.minutes),
        appointment.patient_id,
        appointment.provider_id,
        appointment.exam_room_id,
    )
    return held == wanted


def _asked_time() -> str:
    wall = rules.parse_time(request.args.get("time", ""))
    return f"{wall:%H:%M}" if wall else ""


def _public_id(row: Any) -> str:
    return row.public_id if row is not None else ""


def _own_ids(form: AppointmentForm) -> AppointmentForm:
    """No id of the window is one of the page behind it."""
    for field in form:
        field.id = f"appointment-{field.id}"
    return form
