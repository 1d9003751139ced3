"""Visits from FHIR (R4; STU3 and R5 where they are the same): Appointment and Encounter, with the Practitioner,
Location and Organization that they refer to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from portal.exchange.cells import Cells
from portal.exchange.fhir_elements import Element, element, elements, string
from portal.exchange.fhir_patient import record_identifiers, record_number, types_of
from portal.exchange.fhir_reader import BROKEN, is_ndjson, resource_of, resources
from portal.exchange.record import Field, FileProblem, Reason, RejectedRow, UnreadableFile, in_file
from portal.exchange.schedule_csv import reason_of, without
from portal.exchange.schedule_record import Seen, VisitRecord, end_of, minutes_between, moment
from portal.schedule.states import AppointmentState as State

MAPPING: tuple[tuple[Field, str], ...] = (
    (Field.VISIT_ID, "id"),
    (Field.START, "Appointment: start; Encounter: period"),
    (Field.END, "Appointment: end, minutesDuration; Encounter: period"),
    (Field.PATIENT, "subject, participant: Patient"),
    (Field.PROVIDER, "participant: Practitioner"),
    (Field.OFFICE, "location, serviceProvider"),
    (Field.VISIT_REASON, "description, type, reasonCode"),
)
SUFFIXES = frozenset({".json", ".ndjson", ".jsonl"})
_STATES: dict[str, State] = {
    # Appointment
    "proposed": State.SCHEDULED,
    "pending": State.SCHEDULED,
    "booked": State.SCHEDULED,
    "arrived": State.ARRIVED,
    "checked-in": State.ARRIVED,
    "fulfilled": State.COMPLETED,
    "noshow": State.NO_SHOW,
    "cancelled": State.CANCELLED,
    # Encounter
    "planned": State.SCHEDULED,
    "triaged": State.ARRIVED,
    "in-progress": State.IN_ROOM,
    "onleave": State.IN_ROOM,
    "finished": State.COMPLETED,
    "completed": State.COMPLETED,
}
_NO_VISITS = frozenset({"entered-in-error", "waitlist"})
_NAMED = frozenset({"Practitioner", "Location", "Organization"})
_AT_HOME = frozenset({"VR", "virtual"})


@dataclass(slots=True)
class FhirSchedule:
    """A folder of such files; see :class:`portal.exchange.schedule_record.ScheduleSource`."""

    files: tuple[Path, ...]
    zone: ZoneInfo
    country: str
    today: date
    format: Literal["csv", "fhir"] = "fhir"
    mapping: tuple[tuple[Field, str], ...] = MAPPING
    passed_over: Counter[str] = field(default_factory=Counter)
    _known: dict[str, str] | None = None
    """Reference -> name, or record number of a patient whose is not the id."""

    def __iter__(self) -> Iterator[Seen]:
        if self._known is None:
            self._known = self._references()
        self.passed_over.clear()
        visits = 0
        for path in self.files:
            for row, address, resource in _read(path):
                for outcome in self._outcomes(row, address, resource):
                    visits += 1
                    yield Seen(path.name, outcome)
        if not visits:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in self.passed_over.items())
            raise UnreadableFile(FileProblem.NO_VISITS, kinds=kinds or "-")

    def _references(self) -> dict[str, str]:
        """What the visits may refer to. Memory grows with the practitioners and places, not with the visits."""
        known: dict[str, str] = {}
        for path in self.files:
            for _row, address, resource in _read(path):
                kind = resource.get("resourceType") if isinstance(resource, dict) else None
                if kind == "Patient":
                    known |= self._numbers(resource, address)
                elif kind in _NAMED and (name := _name(resource)):
                    keys = _keys(resource, address, elements(resource, "identifier"))
                    known |= dict.fromkeys(keys, name)
        return known

    def _numbers(self, patient: Element, address: str) -> dict[str, str]:
        number = record_number(patient, self.today)
        if not number:
            return {}
        keys = _keys(patient, address, record_identifiers(patient, self.today))
        # most files number their patients by id: those need no entry
        return {key: number for key in keys if key.rpartition("/")[2] != number}

    def _outcomes(
        self, row: int, address: str, resource: Any
    ) -> Iterator[VisitRecord | RejectedRow]:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if resource is None:
            self.passed_over["entry without a resource"] += 1
        elif not isinstance(kind, str):
            if isinstance(resource, dict) and {"exportId", "eventId"} <= resource.keys():
                self.passed_over["export log"] += 1
                return
            cells = Cells(row, self.today, self.country)
            cells.note(None, Reason.JSON_BROKEN if resource is BROKEN else Reason.NOT_A_RESOURCE)
            yield RejectedRow(row, tuple(cells.problems))
        elif kind == "Bundle":
            for entry in elements(resource, "entry"):
                yield from self._outcomes(row, string(entry, "fullUrl"), resource_of(entry))
        elif kind not in {"Appointment", "Encounter"}:
            self.passed_over[kind] += 1
        elif string(resource, "status") in _NO_VISITS:
            self.passed_over[f"{kind} ({resource['status']})"] += 1
        elif kind == "Encounter" and resource.get("appointment"):
            self.passed_over["Encounter of an Appointment"] += 1
        else:
            yield self._visit(row, address, resource)

    def _visit(self, row: int, address: str, resource: Element) -> VisitRecord | RejectedRow:
        cells = Cells(row, self.today, self.country)
        encounter = resource["resourceType"] == "Encounter"
        number = string(resource, "id") or _tail(address)
        if number and not encounter:
            number = f"Appointment/{number}"
        number = cells.text(Field.VISIT_ID, number) or ""
        actors = _actors(resource)
        patient = cells.text(Field.RECORD_NUMBER, self._patient(resource, actors))
        period = element(resource, "period") or element(resource, "actualPeriod")
        told = period if encounter else resource
        start = moment(string(told, "start"), self.zone)
        if not number or patient is None or start is None:
            return without(cells, number=number, patient=patient, start=start is not None)
        end, problem = end_of(string(told, "end"), start, self.zone)
        if problem:
            cells.note(Field.END, problem)
        minutes = minutes_between(start, end)
        lasting = resource.get("minutesDuration")
        if end is None and isinstance(lasting, int) and 1 <= lasting <= 1440:
            minutes = lasting
        return VisitRecord(
            row=row,
            source_id=number,
            patient=patient,
            starts_at=start,
            minutes=minutes,
            reason=reason_of(cells, _reason(resource)),
            provider=cells.text(Field.PROVIDER, self._named(actors, "Practitioner")),
            office=cells.text(Field.OFFICE, self._office(resource, actors)),
            video_visit=_class_codes(resource) & _AT_HOME != frozenset(),
            state=_STATES.get(string(resource, "status")),
            warnings=tuple(cells.problems),
        )

    def _patient(self, resource: Element, actors: list[Element]) -> str:
        subjects = [element(resource, "subject"), element(resource, "patient"), *actors]
        for reference in subjects:
            key = _key(reference)
            if key.startswith(("Patient/", "Patient|")) or (reference is subjects[0] and key):
                return self._find(key) or _number_of(key, reference)
        return ""

    def _named(self, actors: list[Element], kind: str) -> str:
        for reference in actors:
            key = _key(reference)
            bare = "/" not in key and "|" not in key
            if key.startswith((f"{kind}/", f"{kind}|")) or (bare and key):
                name = self._find(key) or string(reference, "display")
                if name:
                    return name
        return ""

    def _office(self, resource: Element, actors: list[Element]) -> str:
        places = [element(place, "location") for place in elements(resource, "location")]
        places += [a for a in actors if _key(a).startswith(("Location/", "Location|"))]
        places.append(element(resource, "serviceProvider"))
        found = (self._find(_key(place)) or string(place, "display") for place in places)
        return next((name for name in found if name), "")

    def _find(self, key: str) -> str:
        return (self._known or {}).get(key, "")


def _read(path: Path) -> Iterator[tuple[int, str, Any]]:
    with in_file(path):
        yield from resources(path, by_line=is_ndjson(path))


def _actors(resource: Element) -> list[Element]:
    """Who takes part, as references; in an Encounter ``individual`` (R5: ``actor``)."""
    found = [
        element(participant, name)
        for participant in elements(resource, "participant")
        for name in ("individual", "actor")
    ]
    return [reference for reference in found if reference]


def _number_of(key: str, reference: Element) -> str:
    """The record number that a reference to a patient who is in none of the files must mean (12.1)."""
    kind, named, told = key.partition("|")
    if not named:
        return kind.rpartition("/")[2]
    system, _, value = told.rpartition("|")
    return value if "MR" in types_of(element(reference, "identifier")) or not system else told


def _keys(resource: Element, address: str, identifiers: Iterable[Element]) -> list[str]:
    """By what a reference may find the resource."""
    kind, number = string(resource, "resourceType"), string(resource, "id")
    keys = [f"{kind}/{number}"] if number else []
    if address:
        keys += [_tail(address), f"{kind}/{_tail(address)}"]
    for identifier in identifiers:
        if value := string(identifier, "value"):
            keys.append(f"{kind}|{string(identifier, 'system')}|{value}")
    return keys


def _key(reference: Element) -> str:
    """A reference in the one form in which the known are kept: ``Kind/id``, ``Kind|system|value``, or a bare id."""
    text = string(reference, "reference").partition("/_history/")[0]
    kind, asked, what = text.partition("?identifier=")
    if asked:
        return f"{kind}|{what}"
    if text.startswith("urn:"):
        return _tail(text)
    if "/" in text:
        return "/".join(text.split("/")[-2:])
    identifier = element(reference, "identifier")
    if value := string(identifier, "value"):
        kind = string(reference, "type") or "Patient"
        return f"{kind}|{string(identifier, 'system')}|{value}"
    return text


def _tail(address: str) -> str:
    return address.rpartition("/")[2].rpartition(":")[2]


def _name(resource: Element) -> str:
    if name := string(resource, "name"):
        return name
    for name_ in elements(resource, "name"):
        parts = [
            *(text for text in name_.get("prefix") or [] if isinstance(text, str)),
            *(text for text in name_.get("given") or [] if isinstance(text, str)),
            string(name_, "family"),
        ]
        if told := " ".join(part for part in parts if part) or string(name_, "text"):
            return told
    return ""


def _reason(resource: Element) -> str:
    """What the visit is, in words."""
    if text := string(resource, "description"):
        return text
    concepts = [
        *elements(resource, "type"),
        *elements(resource, "serviceType"),
        element(resource, "appointmentType"),
        *elements(resource, "reasonCode"),
    ]
    for concept in concepts:
        coded = (string(coding, "display") for coding in elements(concept, "coding"))
        if told := string(concept, "text") or next((text for text in coded if text), ""):
            return told
    return ""


def _class_codes(resource: Element) -> frozenset[str]:
    found = resource.get("class")
    kinds = [found] if isinstance(found, dict) else elements(resource, "class")
    codes = {string(kind, "code") for kind in kinds if isinstance(kind, dict)}
    return frozenset(codes | {string(c, "code") for k in kinds for c in elements(k, "coding")})
