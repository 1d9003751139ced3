"""What a record changes in a chart (12.1): what it tells replaces, a blank never erases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from portal.exchange.record import PatientRecord, PhoneEntry
from portal.people import rules
from portal.people.models import Patient
from portal.people.service import PatientValues, PhoneValue

_PLAIN = (
    "given_name",
    "middle_name",
    "family_name",
    "preferred_name",
    "birth_date",
    "ssn",
    "street",
    "city",
    "region",
    "postal_code",
    "country",
    "language",
    "deceased",
    "deceased_on",
    "balance_cents",
)
# "Adam Careful, MD" in the file is the practice's "Dr. Adam Careful".
_TITLES = frozenset({"dr", "prof", "md", "do", "np", "pa", "rn", "phd", "mr", "mrs", "ms"})


@dataclass(frozen=True, slots=True)
class Providers:
    """The practice's providers by name, and who gets the new patients for whom the file names
    none."""

    by_name: dict[frozenset[str], int]
    default_id: int | None

    @classmethod
    def of(cls, named: Iterable[tuple[int, str]], *, default_id: int | None) -> Providers:
        """From (id, name) pairs; a name that two bear finds neither."""
        found: dict[frozenset[str], int] = {}
        twice = set()
        for number, name in named:
            key = _name_key(name)
            if key in found:
                twice.add(key)
            found[key] = number
        return cls({key: number for key, number in found.items() if key not in twice}, default_id)

    def find(self, name: str) -> int | None:
        """The id of the provider who is called so, in any order, with or without title."""
        return self.by_name.get(_name_key(name))


def values_for_new(record: PatientRecord, providers: Providers) -> PatientValues:
    """All that the record tells, for a chart that is not there yet."""
    values = _told(record, providers)
    values.setdefault("provider_id", providers.default_id)
    values["record_number"] = record.record_number
    if record.email:
        values["email"] = record.email
    if record.phones:
        values["phones"] = [_phone(entry) for entry in record.phones]
    return values


def values_for_chart(
    record: PatientRecord, patient: Patient, providers: Providers
) -> PatientValues:
    """What the record would write over the chart.

    Phone numbers replace those of the kinds that the record has, and leave the others, which staff
    may have added. An address that differs in ASCII case only is the same mailbox, hence no change
    of the address (3.7).
    """
    values = _told(record, providers)
    if record.email and rules.email_key(record.email) != patient.email_key:
        values["email"] = record.email
    if record.phones:
        kinds = {entry.kind for entry in record.phones}
        numbers = {entry.e164 for entry in record.phones}
        kept: list[PhoneValue] = [
            {"kind": phone.kind, "e164": phone.e164, "extension": phone.extension}
            for phone in patient.phones
            if phone.kind not in kinds and phone.e164 not in numbers
        ]
        values["phones"] = [_phone(entry) for entry in record.phones] + kept
    return values


def _told(record: PatientRecord, providers: Providers) -> PatientValues:
    values = {name: value for name in _PLAIN if (value := getattr(record, name)) is not None}
    provider_id = providers.find(record.provider) if record.provider else None
    if provider_id is not None:
        values["provider_id"] = provider_id
    return cast(PatientValues, values)


def _phone(entry: PhoneEntry) -> PhoneValue:
    return {"kind": entry.kind, "e164": entry.e164, "extension": entry.extension}


def _name_key(name: str) -> frozenset[str]:
    return frozenset(rules.search_words(name) - _TITLES)
