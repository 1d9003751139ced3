"""A chart's appointments, past and coming; and the visit note of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _

from portal.people.models import Patient
from portal.schedule.days import Visits
from portal.schedule.models import Appointment, VisitNote
from portal.staff.presenters.portal_cell import to_query
from portal.staff.presenters.schedule import kinds, time_of, window_url
from portal.web.filters import moment, short_day


@dataclass(frozen=True, slots=True)
class VisitRow:
    """One appointment of a chart."""

    public_id: str
    day: str
    time: str
    url: str
    what: str
    provider: str
    office: str
    status: str
    coming: bool
    note_url: str


@dataclass(frozen=True, slots=True)
class VisitList:
    """A page of them, the latest first."""

    rows: tuple[VisitRow, ...]
    earlier_url: str | None
    later_url: str | None
    new_url: str


@dataclass(frozen=True, slots=True)
class NoteView:
    """What stands around the note of a visit."""

    title: str
    facts: tuple[tuple[str, str], ...]
    saved: str
    """Who wrote it last; empty while nobody has."""
    window_url: str


def visit_list(patient: Patient, visits: Visits, *, now: datetime) -> VisitList:
    """The page Appointments of a chart."""
    here = url_for("staff.visits", public_id=patient.public_id)
    rows = tuple(_row(appointment, here, now=now) for appointment in visits.appointments)
    new = url_for("staff.new_appointment", patient=patient.public_id)
    return VisitList(
        rows=rows,
        earlier_url=f"{here}?before={rows[-1].public_id}" if rows and visits.earlier else None,
        later_url=f"{here}?after={rows[0].public_id}" if rows and visits.later else None,
        new_url=f"{new}&to={to_query(here)}",
    )


def note_view(appointment: Appointment, note: VisitNote | None) -> NoteView:
    """The visit that a note is about."""
    zone = appointment.office.time_zone
    here = url_for("staff.visit_note", appointment_id=appointment.public_id)
    office, room = appointment.office.name, appointment.exam_room
    facts = (
        (_("Provider"), appointment.provider.name if appointment.provider else ""),
        (_("Office"), f"{office}, {room.name}" if room else office),
        (_("Reason"), appointment.reason),
        (_("Type"), ", ".join(kinds(appointment)) or _("Office visit")),
        (_("Status"), appointment.status.name),
    )
    saved = ""
    if note is not None:
        saved = _(
            "Last saved by %(name)s, %(time)s",
            name=note.updated_by_name,
            time=moment(note.updated_at, zone),
        )
    return NoteView(
        title=_("Visit on %(time)s", time=moment(appointment.starts_at, zone)),
        facts=facts,
        saved=saved,
        window_url=window_url(appointment, here),
    )


def _row(appointment: Appointment, here: str, *, now: datetime) -> VisitRow:
    what = appointment.reason or (appointment.profile.name if appointment.profile else "")
    return VisitRow(
        public_id=appointment.public_id,
        day=short_day(appointment.day),
        time=time_of(appointment),
        url=window_url(appointment, here),
        what=", ".join(part for part in (what, *kinds(appointment)) if part),
        provider=appointment.provider.name if appointment.provider else "",
        office=appointment.office.name,
        status=appointment.status.name,
        coming=appointment.starts_at >= now,
        note_url=url_for("staff.visit_note", appointment_id=appointment.public_id),
    )
