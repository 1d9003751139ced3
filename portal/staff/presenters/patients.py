"""The patient list: its rows, what it says it searched, and the addresses of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.access import service as access
from portal.people import rules, search
from portal.people.models import Patient
from portal.people.naming import list_name
from portal.staff.presenters.status import StatusView, status_view
from portal.web.filters import short_day


@dataclass(frozen=True, slots=True)
class PatientRow:
    """One line of the list."""

    status: StatusView
    name: str
    url: str
    born: str
    phone: str
    record_number: str
    provider: str


@dataclass(frozen=True, slots=True)
class PatientList:
    """What the list shows, and what it says above itself."""

    rows: tuple[PatientRow, ...]
    summary: str
    text: str
    search_id: str | None
    next_url: str | None
    previous_url: str | None


def patient_list(
    found: search.Page, *, text: str, matches: int | None, search_id: str | None, now: datetime
) -> PatientList:
    """A page of patients; ``matches`` counts those of a search, None of the whole list."""
    statuses = access.statuses(found.patients, now=now)
    return PatientList(
        rows=tuple(_row(patient, status_view(statuses[patient.id])) for patient in found.patients),
        summary=_summary(text, matches),
        text=text,
        search_id=search_id,
        next_url=_neighbour(found, search_id, after=True) if found.next else None,
        previous_url=_neighbour(found, search_id, after=False) if found.previous else None,
    )


def _row(patient: Patient, status: StatusView) -> PatientRow:
    first = patient.phones[0].e164 if patient.phones else None
    return PatientRow(
        status=status,
        name=list_name(patient),
        url=url_for("staff.chart", public_id=patient.public_id),
        born=short_day(patient.birth_date),
        phone=rules.format_phone(first, patient.practice.country) if first else "",
        record_number=patient.record_number,
        provider=patient.provider.name if patient.provider else "",
    )


def _summary(text: str, matches: int | None) -> str:
    if matches is None:
        return ""
    if matches > search.COUNTED:
        return _("%(count)s+ patients for “%(text)s”", count=f"{search.COUNTED:,}", text=text)
    return ngettext(
        "%(num)s patient for “%(text)s”", "%(num)s patients for “%(text)s”", matches, text=text
    )


def _neighbour(found: search.Page, search_id: str | None, *, after: bool) -> str:
    row = found.patients[-1] if after else found.patients[0]
    if after:
        return url_for("staff.patients", s=search_id, after=row.public_id)
    return url_for("staff.patients", s=search_id, before=row.public_id)
