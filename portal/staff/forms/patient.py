"""Add a patient, Edit Information: everything a chart holds about who somebody is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any, cast

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FieldList,
    Form,
    FormField,
    HiddenField,
    RadioField,
    SelectField,
)

from portal.people import rules
from portal.people.models import Patient
from portal.people.service import PatientValues, PhoneValue
from portal.practices.models import Provider
from portal.staff.forms.fields import ParsedField, RememberedField, SecretField
from portal.staff.presenters.chart import PHONE_KINDS, phone_text
from portal.web.language import LANGUAGES

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""
SPARE_PHONES = 2
MOST_PHONES = 50
VERIFIED = {
    "in_person": _l("In person, with an ID"),
    "by_phone": _l("By phone, after checking the person's identity"),
    "in_writing": _l("In writing, with a signature"),
    "other": _l("Another way"),
}
TEXTS = ("given_name", "middle_name", "family_name", "preferred_name", "street", "city", "region",
         "postal_code", "country")  # fmt: skip
VALUES = ("birth_date", "email", "end_date", "deceased_on")
_SHOWN = (*TEXTS, *VALUES, "record_number", "language", "provider", "deceased")


def _text(longest: int) -> Any:
    return partial(rules.clean_text, longest=longest)


def _choices(words: Mapping[str, LazyString]) -> Any:
    """In the language of the request."""
    return {code: str(word) for code, word in words.items()}


class PhoneRow(Form):
    """One number; an empty row is none."""

    kind = SelectField(_l("Kind"), choices=lambda: _choices(PHONE_KINDS), default="mobile")
    number = ParsedField(_l("Phone number"))


class PatientForm(FlaskForm):  # type: ignore[misc]
    """Every field of a chart that staff may write. :meth:`values` holds only what was changed."""

    given_name = ParsedField(_l("First name"))
    middle_name = ParsedField(_l("Middle name"))
    family_name = ParsedField(_l("Last name"))
    preferred_name = ParsedField(_l("Preferred name"))
    birth_date = ParsedField(_l("Date of birth"))
    ssn = SecretField(_l("Social security number"), rules.parse_ssn)
    erase_ssn = BooleanField(_l("Remove the number on file"))
    email = ParsedField(_l("Email"), rules.parse_email)
    verified_how = RadioField(
        _l("How was the request verified?"),
        choices=lambda: _choices(VERIFIED),
        validate_choice=False,
    )
    phones = FieldList(FormField(PhoneRow), max_entries=MOST_PHONES)
    street = ParsedField(_l("Street"), _text(200))
    city = ParsedField(_l("City"))
    region = ParsedField(_l("State"), _text(60))
    postal_code = ParsedField(_l("ZIP code"), _text(20))
    country = ParsedField(_l("Country"), _text(60))
    language = SelectField(_l("Language"), default="")
    record_number = ParsedField(_l("Record number"))
    provider = SelectField(_l("Provider"), default="")
    end_date = ParsedField(_l("End date"))
    deceased = BooleanField(_l("The patient has died"))
    deceased_on = ParsedField(_l("Date of death"))
    seen = HiddenField()
    was = RememberedField()

    def __init__(
        self,
        patient: Patient | None,
        *,
        providers: Iterable[Provider],
        today: date,
        country: str,
        **more: Any,
    ) -> None:
        filled = _filled(patient, country) if patient else {}
        super().__init__(data=filled, **more)
        self.patient = patient
        self._providers = {provider.public_id: provider.id for provider in providers}
        self.language.choices = {"": _("Not recorded"), **LANGUAGES}
        self.provider.choices = {
            "": _("None"),
            **{provider.public_id: provider.name for provider in providers},
        }
        self.birth_date.parse = lambda text: rules.parse_birth_date(text, today)
        self.deceased_on.parse = lambda text: rules.parse_death_date(text, today)
        self.end_date.parse = rules.parse_end_date
        self._add_spare_rows()
        for row in self._rows:
            row.number.parse = lambda text: rules.parse_phone(text, country)

    def validate(self, extra_validators: Any = None) -> bool:
        """Every field by its rule, and what fields must agree upon."""
        right: bool = super().validate(extra_validators)
        if not self.given_name.text and not self.family_name.text:
            right = _refuse(self.given_name, _("Enter a first or a last name."))
        if self.patient and not self.record_number.text:
            right = _refuse(self.record_number, _("Enter the record number."))
        if self.deceased_on.text and not self.deceased.data:
            right = _refuse(
                self.deceased_on,
                _("Tick “The patient has died” as well, or remove the date of death."),
            )
        if self.ssn.text and self.erase_ssn.data:
            right = _refuse(self.ssn, _("Either enter a number or remove the one on file."))
        return right

    def values(self) -> PatientValues:
        """What was changed, as the chart keeps it."""
        changed: dict[str, Any] = {
            name: self[name].value or "" for name in TEXTS if self[name].changed
        }
        changed |= {name: self[name].value for name in VALUES if self[name].changed}
        if self.record_number.changed and self.record_number.text:
            changed["record_number"] = self.record_number.value
        if self.ssn.text or self.erase_ssn.data:
            changed["ssn"] = self.ssn.value
        if any(row.number.changed or row.kind.data != row.kind.object_data for row in self._rows):
            changed["phones"] = list(self._phone_values())
        changed["language"] = self.language.data or None
        changed["provider_id"] = self._providers.get(self.provider.data)
        changed["deceased"] = bool(self.deceased.data)
        return cast("PatientValues", changed)

    def take_over(self, current: PatientForm) -> None:
        """Show what is on file now in every field that was left as it was; what was typed stays."""
        was = self.was.held
        for name in set(was) & set(_SHOWN):
            if self[name].data == was[name]:
                self[name].data = current[name].data
        if self.phone_texts == was.get("phones"):
            self._fields["phones"] = self.phones = current.phones
        self.seen.data, self.was.data = current.seen.data, current.was.data

    @property
    def phone_texts(self) -> list[list[str]]:
        """Kind and number of every row that is not empty."""
        return [[row.kind.data, row.number.text] for row in self._rows if row.number.text]

    def refuse(self, name: str, sentence: str) -> None:
        """Say beside a field what only the service could know."""
        _refuse(self[name], sentence)

    @property
    def verification(self) -> str | None:
        """How staff made sure of a changed email address; None while they have not said it."""
        return self.verified_how.data if self.verified_how.data in VERIFIED else None

    @property
    def _rows(self) -> list[Any]:
        return [entry.form for entry in self.phones]

    def _add_spare_rows(self) -> None:
        empty = sum(not row.number.text for row in self._rows)
        for _row in range(min(SPARE_PHONES - empty, MOST_PHONES - len(self.phones))):
            self.phones.append_entry()

    def _phone_values(self) -> Iterable[PhoneValue]:
        held = self.patient.phones if self.patient else []
        for number, row in enumerate(self._rows):
            if not row.number.text:
                continue
            if row.number.changed:
                e164, extension = row.number.value
            else:
                e164, extension = held[number].e164, held[number].extension
            yield PhoneValue(kind=row.kind.data, e164=e164, extension=extension)


def _refuse(field: Any, sentence: str) -> bool:
    field.errors = [*field.errors, sentence]
    return False


def _filled(patient: Patient, country: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        **{name: getattr(patient, name) for name in TEXTS},
        "birth_date": _date_text(patient.birth_date),
        "email": patient.email or "",
        "phones": [
            {"kind": phone.kind, "number": phone_text(phone, country)} for phone in patient.phones
        ],
        "language": patient.language or "",
        "record_number": patient.record_number,
        "provider": patient.provider.public_id if patient.provider else "",
        "end_date": _date_text(patient.end_date),
        "deceased": patient.deceased,
        "deceased_on": _date_text(patient.deceased_on),
        "seen": patient.updated_at.isoformat(),
    }
    was = {name: shown[name] for name in _SHOWN}
    was["phones"] = [[phone["kind"], phone["number"]] for phone in shown["phones"]]
    return {**shown, "was": json.dumps(was)}


def _date_text(value: date | None) -> str:
    return f"{value.month}/{value.day}/{value.year}" if value else ""
