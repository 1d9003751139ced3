"""The Missing Identifiers dialog: just the fields that are missing (2.3)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm

from portal.people import rules
from portal.people.rules import Identifier
from portal.people.service import PatientValues, PhoneValue
from portal.staff.forms.fields import ParsedField, SecretField


class IdentifiersForm(FlaskForm):  # type: ignore[misc]
    """Whatever is missing may be filled in; at least one must be."""

    email = ParsedField(_l("Email"), rules.parse_email)
    ssn = SecretField(_l("Social security number"), rules.parse_ssn)
    birth_date = ParsedField(_l("Date of birth"))
    phone = ParsedField(_l("Phone number"))

    def __init__(
        self, missing: tuple[Identifier, ...], *, today: date, country: str, **more: Any
    ) -> None:
        super().__init__(**more)
        self.missing = missing
        self.birth_date.parse = lambda text: rules.parse_birth_date(text, today)
        self.phone.parse = lambda text: rules.parse_phone(text, country)

    @property
    def asks_email(self) -> bool:
        """Whether the email address is missing."""
        return Identifier.EMAIL in self.missing

    @property
    def asks_birth_date(self) -> bool:
        """Whether the birth date is missing."""
        return Identifier.BIRTH_DATE in self.missing

    @property
    def asks_phone(self) -> bool:
        """Whether a phone number is missing."""
        return Identifier.PHONE in self.missing

    @property
    def either_way(self) -> bool:
        """Whether both ways of the identity check lack something, so that one of them suffices."""
        return Identifier.SSN in self.missing

    @property
    def overtaken(self) -> bool:
        """Whether something was typed that is on file by now: somebody else was quicker."""
        return any(
            self[identifier.value].text
            for identifier in Identifier
            if identifier not in self.missing
        )

    def validate(self, extra_validators: Any = None) -> bool:
        """Every field by its rule, and not all of them empty."""
        if not super().validate(extra_validators):
            return False
        if not any(self[identifier.value].text for identifier in self.missing):
            self.form_errors.append(_("Enter what is missing, or close this window."))
            return False
        return True

    def values(self) -> PatientValues:
        """What was typed, as the chart keeps it."""
        values = PatientValues()
        if self.email.value:
            values["email"] = self.email.value
        if self.ssn.value:
            values["ssn"] = self.ssn.value
        if self.birth_date.value:
            values["birth_date"] = self.birth_date.value
        if self.phone.value:
            e164, extension = self.phone.value
            values["phones"] = [PhoneValue(kind="other", e164=e164, extension=extension)]
        return values
