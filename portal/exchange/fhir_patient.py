"""One FHIR Patient (R4; STU3 where it is the same) as a patient record."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from portal.exchange.cells import Cells
from portal.exchange.fhir_elements import Element
from portal.exchange.fhir_elements import elements as _elements
from portal.exchange.fhir_elements import listed as _list
from portal.exchange.fhir_elements import string as _string
from portal.exchange.person_name import Parts, split_name
from portal.exchange.record import Field, PatientRecord, RejectedRow
from portal.people import rules

MAPPING: tuple[tuple[Field, str], ...] = (
    (Field.RECORD_NUMBER, "identifier of type MR, else system|value, else id"),
    (Field.GIVEN_NAME, "name (official, else usual): first given"),
    (Field.MIDDLE_NAME, "name: other given"),
    (Field.FAMILY_NAME, "name: family"),
    (Field.PREFERRED_NAME, "name (nickname, or usual beside official): given"),
    (Field.BIRTH_DATE, "birthDate"),
    (Field.EMAIL, "telecom: email"),
    (Field.PHONE_MOBILE, "telecom: phone (mobile), sms"),
    (Field.PHONE_HOME, "telecom: phone (home)"),
    (Field.PHONE_WORK, "telecom: phone (work)"),
    (Field.PHONE_OTHER, "telecom: phone"),
    (Field.SSN, "identifier: us-ssn"),
    (Field.STREET, "address: line"),
    (Field.CITY, "address: city"),
    (Field.REGION, "address: state"),
    (Field.POSTAL_CODE, "address: postalCode"),
    (Field.COUNTRY, "address: country"),
    (Field.LANGUAGE, "communication: language"),
    (Field.DECEASED, "deceasedBoolean"),
    (Field.DECEASED_ON, "deceasedDateTime"),
    (Field.PROVIDER, "generalPractitioner: display"),
)

_ANIMAL = "http://hl7.org/fhir/StructureDefinition/patient-animal"
_SSN_SYSTEMS = frozenset({"http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1"})
# Numbers that are secrets or change hands (v2 table 0203): never a record number.
_NOT_RECORD_NUMBERS = frozenset({"SS", "DL", "PPN"})
_NAME_USES = ("official", "usual", "", "temp", "anonymous")
_ADDRESS_USES = ("home", "", "temp", "work")
_PHONES = {"mobile": Field.PHONE_MOBILE, "home": Field.PHONE_HOME, "work": Field.PHONE_WORK}


def is_animal(resource: Element) -> bool:
    """Whether the Patient is one (R4 says so by an extension, STU3 by an element)."""
    return "animal" in resource or any(
        _string(extension, "url") == _ANIMAL for extension in _elements(resource, "extension")
    )


def to_record(
    resource: Element, *, row: int, today: date, country: str
) -> PatientRecord | RejectedRow:
    """The record that a Patient resource gives."""
    cells = Cells(row, today, country)
    name, preferred = _names(resource, today)
    telecoms = _current(resource, "telecom", today)
    address = _best(_current(resource, "address", today), _ADDRESS_USES)
    country_code = cells.country_code(_string(address, "country"))
    street = ", ".join(line for line in _list(address.get("line")) if isinstance(line, str))
    died_on = cells.death_date(_string(resource, "deceasedDateTime"))
    deceased = bool(_string(resource, "deceasedDateTime")) or resource.get("deceasedBoolean")
    return cells.finish(
        PatientRecord(
            row=row,
            record_number=cells.text(Field.RECORD_NUMBER, record_number(resource, today)) or "",
            given_name=cells.text(Field.GIVEN_NAME, name.given),
            middle_name=cells.text(Field.MIDDLE_NAME, name.middle),
            family_name=cells.text(Field.FAMILY_NAME, name.family),
            preferred_name=cells.text(Field.PREFERRED_NAME, preferred),
            birth_date=cells.birth_date(_string(resource, "birthDate")),
            email=cells.email(
                _string(telecom, "value")
                for telecom in telecoms
                if telecom.get("system") == "email"
            ),
            phones=cells.phones(_phones(telecoms), home=country_code),
            ssn=cells.ssn(_ssn(resource, today)),
            street=cells.text(Field.STREET, street),
            city=cells.text(Field.CITY, _string(address, "city")),
            region=cells.text(Field.REGION, _string(address, "state")),
            postal_code=cells.postal_code(
                _string(address, "postalCode"), is_zip=country_code == "US"
            ),
            country=country_code,
            language=_language(resource),
            deceased=True if deceased is True else None,
            deceased_on=died_on,
            provider=cells.text(Field.PROVIDER, _provider(resource)),
            warnings=tuple(cells.problems),
        )
    )


def record_number(resource: Element, today: date) -> str:
    """12.1: an identifier of type MR, else system and value of the first, else the id."""
    others = []
    for identifier in record_identifiers(resource, today):
        value = _string(identifier, "value").strip()
        if "MR" in types_of(identifier):
            return value
        if system := _string(identifier, "system").strip():
            others.append(f"{system}|{value}")
    return others[0] if others else _string(resource, "id").strip()


def record_identifiers(resource: Element, today: date) -> Iterator[Element]:
    """The identifiers that may stand in records.

    A social security number never does: record numbers are shown, searched and exported (2.5).
    """
    for identifier in _current(resource, "identifier", today):
        value = _string(identifier, "value").strip()
        if value and not _is_ssn(identifier) and not types_of(identifier) & _NOT_RECORD_NUMBERS:
            yield identifier


def _ssn(resource: Element, today: date) -> str:
    found = (i for i in _current(resource, "identifier", today) if _is_ssn(i))
    return next((value for i in found if (value := _string(i, "value"))), "")


def _is_ssn(identifier: Element) -> bool:
    return _string(identifier, "system") in _SSN_SYSTEMS or "SS" in types_of(identifier)


def types_of(identifier: Element) -> set[str]:
    """The codes of an identifier's type."""
    kind = identifier.get("type")
    return (
        {_string(c, "code") for c in _elements(kind, "coding")} if isinstance(kind, dict) else set()
    )


def _names(resource: Element, today: date) -> tuple[Parts, str]:
    """The name that counts, and what the person is called, where that is another given name."""
    current = _current(resource, "name", today)
    name = _parts(_best(current, _NAME_USES))
    called = [_parts(n) for n in current if n.get("use") == "nickname"]
    if any(n.get("use") == "official" for n in current):
        called += [_parts(n) for n in current if n.get("use") == "usual"]
    preferred = next((c.given or c.family for c in called if c.given or c.family), "")
    return name, "" if preferred == name.given else preferred


def _parts(name: Element) -> Parts:
    # DSTU2, which some systems still export, gave the family name as a list.
    surnames = [f for f in _list(name.get("family")) if isinstance(f, str)]
    family = _string(name, "family") or " ".join(surnames)
    given = [g for g in _list(name.get("given")) if isinstance(g, str)]
    if not given and not family:
        return split_name(_string(name, "text"))
    return Parts(given[0] if given else "", " ".join(given[1:]), family)


def _phones(telecoms: list[Element]) -> Iterator[tuple[Field, str]]:
    for telecom in telecoms:
        use = _string(telecom, "use")
        if telecom.get("system") == "sms":
            yield Field.PHONE_MOBILE, _string(telecom, "value")
        elif telecom.get("system") == "phone":
            yield _PHONES.get(use, Field.PHONE_OTHER), _string(telecom, "value")


def _language(resource: Element) -> Any:
    """The preferred language, else the first that is offered."""
    spoken = _elements(resource, "communication")
    for communication in sorted(spoken, key=lambda c: c.get("preferred") is not True):
        language = communication.get("language")
        if not isinstance(language, dict):
            continue
        codes = [_string(coding, "code") for coding in _elements(language, "coding")]
        for text in (*codes, _string(language, "text")):
            if found := rules.parse_language(text):
                return found
        if communication.get("preferred") is True:
            return None
    return None


def _provider(resource: Element) -> str:
    practitioners = _elements(resource, "generalPractitioner")
    return next((d for p in practitioners if (d := _string(p, "display"))), "")


def _current(resource: Element, name: str, today: date) -> list[Element]:
    """The elements that hold today (not old, period not over nor to come), by rank where they have
    one."""
    held = [
        element
        for element in _elements(resource, name)
        if _string(element, "use") not in {"old", "maiden"} and _holds(element.get("period"), today)
    ]
    return sorted(held, key=_rank)


def _rank(element: Element) -> int:
    rank = element.get("rank")
    return rank if isinstance(rank, int) else 1_000_000


def _holds(period: object, today: date) -> bool:
    """Whether a Period contains the day. Its ends may be a year or a month only; ISO texts compare
    as they stand."""
    if not isinstance(period, dict):
        return True
    day = today.isoformat()
    start, end = _string(period, "start")[:10], _string(period, "end")[:10]
    return (not start or start <= day) and (not end or end >= day[: len(end)])


def _best(elements: list[Element], uses: tuple[str, ...]) -> Element:
    """The element with the use that comes first in ``uses``; {} where there is none."""
    usable = [e for e in elements if _string(e, "use") in uses]
    return min(usable, key=lambda e: uses.index(_string(e, "use")), default={})
