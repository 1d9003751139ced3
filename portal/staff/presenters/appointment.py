"""The appointment window: who it is about, warnings, links, and what somebody else changed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import service as access
from portal.people.models import Patient
from portal.people.naming import chart_name
from portal.schedule import days, rules
from portal.schedule.models import Appointment
from portal.schedule.states import AppointmentState
from portal.staff.forms.appointment import AppointmentForm
from portal.staff.presenters.portal_cell import WINDOW, PortalCell, portal_cell, standings
from portal.staff.presenters.schedule import zone_name
from portal.web.filters import clock_time, moment, short_day


@dataclass(frozen=True, slots=True)
class Caution:
    """One line above the fields; perhaps it leads somewhere."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that somebody else changed while it was being edited."""

    label: str
    yours: str
    on_file: str


@dataclass(frozen=True, slots=True)
class WindowView:
    """What stands around the fields."""

    who: str
    born: str
    zone: str
    """The zone of the offices, or of each where they differ."""
    warnings: tuple[Caution, ...]
    links: tuple[tuple[str, str], ...]
    portal: PortalCell | None
    standing: str
    """Who made it and who changed it last; empty for a new one."""
    closed: bool
    """It is over in one way or another: it may be reopened."""
    may_cancel: bool
    may_complete: bool


def window_view(
    patient: Patient,
    appointment: Appointment | None,
    form: AppointmentForm,
    *,
    to: str,
    now: datetime,
) -> WindowView:
    """The window of an appointment, or of one that is to be made."""
    state = AppointmentState(appointment.state) if appointment else AppointmentState.SCHEDULED
    portal = None
    if appointment is not None:
        stands = standings([appointment], now=now)[patient.id]
        portal = portal_cell(appointment, stands, where=WINDOW, to=to, now=now)
    return WindowView(
        who=chart_name(patient),
        born=short_day(patient.birth_date),
        zone=_zones(form),
        warnings=_warnings(patient, appointment, now=now),
        links=_links(patient, appointment, to),
        portal=portal,
        standing=_standing(appointment) if appointment else "",
        closed=state in rules.CLOSED,
        may_cancel=rules.may_become(state, AppointmentState.CANCELLED)
        and state is not AppointmentState.CANCELLED,
        may_complete=rules.may_become(state, AppointmentState.COMPLETED)
        and state is not AppointmentState.COMPLETED,
    )


def differences(typed: AppointmentForm, current: AppointmentForm) -> list[Difference]:
    """Every field that no longer holds what the typist was shown: theirs beside what is on file now."""
    was, now = typed.was.held, current.was.held
    return [
        Difference(str(typed[name].label.text), _shown(typed[name]), _shown(current[name]))
        for name in now
        if name in was and was[name] != now[name]
    ]


def changed_by(appointment: Appointment) -> str:
    """ "on file by NAME, TIME" for the heading of what somebody else saved."""
    zone = appointment.office.time_zone
    return _(
        "On file now, by %(name)s, %(time)s",
        name=appointment.updated_by_name,
        time=moment(appointment.updated_at, zone),
    )


def clash_words(found: Sequence[tuple[rules.Use, tuple[str, ...]]], zone: str) -> list[str]:
    """A sentence for each time that is taken, five at most."""
    words = {
        "patient": _("the patient has another appointment"),
        "provider": _("the provider has another appointment"),
        "room": _("the room is taken"),
    }
    told = []
    for use, what in found[:5]:
        local = rules.local(use.span.starts_at, zone)
        when = f"{short_day(local.date())}, {clock_time(local)}"
        told.append(f"{when}: {', '.join(words[name] for name in what)}")
    if len(found) > 5:
        told.append(_("%(num)s more", num=len(found) - 5))
    return told


def no_such_time(skipped: rules.NoSuchTime) -> str:
    """Why a time cannot be had, and the next one there is."""
    after = skipped.following
    following = clock_time(after)
    if after.date() != skipped.wanted.date():
        following = f"{short_day(after.date())}, {following}"
    return _(
        "The clocks skip %(time)s on %(day)s. The next time there is: %(next)s.",
        time=clock_time(skipped.wanted),
        day=short_day(skipped.wanted.date()),
        next=following,
    )


def _warnings(
    patient: Patient, appointment: Appointment | None, *, now: datetime
) -> tuple[Caution, ...]:
    found = []
    if access.chart_ended(patient, now=now):
        ended = short_day(patient.end_date)
        left = _("End-dated %(day)s", day=ended) if ended else ""
        found.append(Caution(_("Recorded as deceased") if patient.deceased else left))
    if not (patient.street and patient.city):
        edit = url_for("staff.edit_patient", public_id=patient.public_id)
        found.append(Caution(_("Missing patient address"), edit))
    if patient.balance_cents and patient.balance_cents > 0:
        amount = f"${patient.balance_cents / 100:,.2f}"
        found.append(Caution(_("Patient statement balance: %(amount)s", amount=amount)))
    past = days.past_of(patient.id, now=now, but=appointment.id if appointment else None)
    if past:
        words = ngettext("%(num)s past appointment", "%(num)s past appointments", past)
        found.append(Caution(words, url_for("staff.visits", public_id=patient.public_id)))
    if appointment is not None and _comes_twice(appointment):
        found.append(
            Caution(_("The clocks show this time twice on that day. The first one is meant."))
        )
    return tuple(found)


def _comes_twice(appointment: Appointment) -> bool:
    zone = appointment.office.time_zone
    wall = rules.local(appointment.starts_at, zone).time().replace(fold=0)
    found = rules.start(appointment.day, wall, zone)
    return found.twice and found.at == appointment.starts_at


def _links(
    patient: Patient, appointment: Appointment | None, to: str
) -> tuple[tuple[str, str], ...]:
    links = [
        (_("View All Appointments"), url_for("staff.visits", public_id=patient.public_id)),
        (_("Patient chart"), url_for("staff.chart", public_id=patient.public_id)),
    ]
    if appointment is None:
        return tuple(links)
    note = url_for("staff.visit_note", appointment_id=appointment.public_id)
    return ((_("View Clinical Note"), note), *links)


def _standing(appointment: Appointment) -> str:
    zone = appointment.office.time_zone
    words = _(
        "Booked by %(name)s, %(time)s",
        name=appointment.created_by_name,
        time=moment(appointment.created_at, zone),
    )
    if appointment.version == 1:
        return words
    changed = _(
        "Last changed by %(name)s, %(time)s",
        name=appointment.updated_by_name,
        time=moment(appointment.updated_at, zone),
    )
    return f"{words} · {changed}"


def _zones(form: AppointmentForm) -> str:
    offices = form.lists.offices
    zones = {office.time_zone for office in offices}
    if len(zones) == 1:
        return zone_name(zones.pop())
    return ", ".join(f"{office.name}: {zone_name(office.time_zone)}" for office in offices)


def _shown(field: Any) -> str:
    if field.data is True or field.data is False:
        return _("Yes") if field.data else _("No")
    choices = dict(_flat(getattr(field, "choices", None) or ()))
    if isinstance(field.data, list):
        return ", ".join(str(choices.get(code, code)) for code in field.data) or _("None")
    return str(choices.get(field.data, field.data) or _("None"))


def _flat(choices: Any) -> Any:
    if isinstance(choices, dict):
        for group in choices.values():
            yield from group
    else:
        yield from choices
