"""The head of a chart, its left-hand navigation, and the Patient Information block (3.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal import clock
from portal.people import rules
from portal.people import service as people
from portal.people.models import Patient, PatientPhone
from portal.people.naming import chart_name
from portal.web.filters import day, short_day
from portal.web.language import LANGUAGES

PHONE_KINDS = {
    "mobile": _l("Mobile"),
    "home": _l("Home"),
    "work": _l("Work"),
    "other": _l("Other"),
}

_PAGES = (
    ("staff.chart", _l("Patient information")),
    ("staff.visits", _l("Appointments")),
    ("staff.messaging", _l("Patient messaging")),
    ("staff.portal_access", _l("Portal access")),
)


@dataclass(frozen=True, slots=True)
class ChartHead:
    """Who the chart is about, and where else in it one can go."""

    name: str
    born: str
    age: str
    record_number: str
    provider: str
    nav: tuple[tuple[str, str, bool], ...]


def chart_head(patient: Patient, *, here: str, now: datetime) -> ChartHead:
    """The head of every page of a chart; ``here`` is the endpoint whose item is marked."""
    today = clock.local_date(now, patient.practice.time_zone)
    return ChartHead(
        name=chart_name(patient),
        born=short_day(patient.birth_date),
        age=_age(patient, today),
        record_number=patient.record_number,
        provider=patient.provider.name if patient.provider else "",
        nav=tuple(
            (str(label), url_for(endpoint, public_id=patient.public_id), endpoint == here)
            for endpoint, label in _PAGES
        ),
    )


def information(patient: Patient) -> list[tuple[str, str]]:
    """The rows of the Patient Information block; an empty value reads "Not recorded"."""
    return [
        (_("Name"), chart_name(patient)),
        (_("Preferred name"), patient.preferred_name),
        (_("Date of birth"), day(patient.birth_date)),
        (_("Social security number"), masked_ssn(patient)),
        (_("Email"), patient.email or ""),
        *_phones(patient),
        (_("Address"), _address(patient)),
        (_("Language"), LANGUAGES.get(patient.language or "", "")),
        (_("Record number"), patient.record_number),
        (_("Provider"), patient.provider.name if patient.provider else ""),
        (_("End date"), day(patient.end_date) or _("None")),
        (_("Deceased"), _deceased(patient)),
    ]


def masked_ssn(patient: Patient) -> str:
    """XXX-XX-1234, or nothing (2.5)."""
    last_four = people.identifiers(patient).ssn_last_four
    return rules.mask_ssn(last_four) if last_four else ""


def phone_text(phone: PatientPhone, country: str) -> str:
    """A number on file as it is read, and as the form takes it back."""
    number = rules.format_phone(phone.e164, country)
    return f"{number} ext. {phone.extension}" if phone.extension else number


def _phones(patient: Patient) -> list[tuple[str, str]]:
    country = patient.practice.country
    found = [
        (
            _("Phone number (%(kind)s)", kind=str(PHONE_KINDS[phone.kind])),
            phone_text(phone, country),
        )
        for phone in patient.phones
    ]
    return found or [(_("Phone number"), "")]


def _address(patient: Patient) -> str:
    place = " ".join(part for part in (patient.region, patient.postal_code) if part)
    parts = (patient.street, patient.city, place, patient.country)
    return ", ".join(part for part in parts if part)


def _deceased(patient: Patient) -> str:
    if not patient.deceased:
        return _("No")
    return day(patient.deceased_on) or _("Yes, date not recorded")


def _age(patient: Patient, today: date) -> str:
    born = patient.birth_date
    if born is None or patient.deceased:
        return ""
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return str(years)
