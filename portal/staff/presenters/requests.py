"""What patients ask for about appointments, in words for staff."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from portal.people.naming import list_name
from portal.schedule import of_patient
from portal.schedule.models import AppointmentRequest
from portal.schedule.states import RequestKind
from portal.web.filters import moment


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request that waits."""

    key: str
    title: str
    wish: str
    about: str
    """The patient, to be read out after a button's words."""
    appointment: str
    """Which one it is about; "" for a new one."""
    chart_url: str
    when: str
    iso: str
    done_url: str
    declined_url: str


@dataclass(frozen=True, slots=True)
class RequestList:
    """All that wait, as far as they are shown, and how many they are."""

    rows: list[RequestRow]
    number: int


def request_list(practice_id: int, *, zone: str) -> RequestList:
    """What the practice's patients wait for, times by its ``zone``."""
    rows = [_row(request, zone=zone) for request in of_patient.open_requests(practice_id)]
    return RequestList(rows, of_patient.count_open(practice_id))


def _row(request: AppointmentRequest, *, zone: str) -> RequestRow:
    name = list_name(request.patient)
    title = _("%(name)s asks for an appointment", name=name)
    if request.kind == RequestKind.CHANGE:
        title = _("%(name)s asks for another time", name=name)
    return RequestRow(
        key=request.public_id,
        title=title,
        wish=request.wish,
        about=name,
        appointment=_appointment(request),
        chart_url=url_for("staff.chart", public_id=request.patient.public_id),
        when=moment(request.created_at, zone),
        iso=request.created_at.isoformat(),
        done_url=url_for("staff.schedule_request_done", public_id=request.public_id),
        declined_url=url_for("staff.schedule_request_declined", public_id=request.public_id),
    )


def _appointment(request: AppointmentRequest) -> str:
    visit = request.appointment
    if visit is None:
        return ""
    told = [moment(visit.starts_at, visit.office.time_zone), visit.office.name]
    if visit.provider is not None:
        told.append(visit.provider.name)
    return " · ".join(told)
