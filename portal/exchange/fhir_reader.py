"""Patients from FHIR files: a Bundle of any type, NDJSON, or one Patient; read piece by piece."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from portal.exchange.cells import Cells
from portal.exchange.fhir_elements import string
from portal.exchange.fhir_patient import MAPPING, is_animal, to_record
from portal.exchange.json_document import LARGEST_VALUE, members
from portal.exchange.record import (
    Field,
    FileProblem,
    PatientRecord,
    Reason,
    RejectedRow,
    UnreadableFile,
)

_NDJSON_SUFFIXES = frozenset({".ndjson", ".jsonl"})


@dataclass(slots=True)
class FhirPatients:
    """A FHIR file with patients in it; see :class:`portal.exchange.record.PatientSource`."""

    path: Path
    by_line: bool
    """Whether it is NDJSON: one resource a line."""
    today: date
    country: str
    format: Literal["csv", "fhir"] = "fhir"
    mapping: tuple[tuple[Field, str], ...] = MAPPING
    passed_over: Counter[str] = field(default_factory=Counter)
    _patients: int = 0

    def __iter__(self) -> Iterator[PatientRecord | RejectedRow]:
        self.passed_over.clear()
        self._patients = 0
        for row, _address, resource in resources(self.path, by_line=self.by_line):
            yield from self._outcomes(row, resource)
        if not self._patients:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in self.passed_over.items())
            raise UnreadableFile(FileProblem.NO_PATIENTS, kinds=kinds or "-")

    def _outcomes(self, row: int, resource: Any) -> Iterator[PatientRecord | RejectedRow]:
        kind = resource.get("resourceType") if isinstance(resource, dict) else None
        if resource is None:
            self.passed_over["entry without a resource"] += 1
        elif not isinstance(kind, str):
            yield self._broken(row, resource)
        elif kind == "Bundle":
            # A batch's answer holds one Bundle per search.
            entries = resource.get("entry")
            for entry in entries if isinstance(entries, list) else []:
                yield from self._outcomes(row, resource_of(entry))
        elif kind != "Patient":
            self.passed_over[kind] += 1
        elif is_animal(resource):
            self.passed_over["animal"] += 1
        else:
            self._patients += 1
            yield to_record(resource, row=row, today=self.today, country=self.country)

    def _broken(self, row: int, resource: Any) -> RejectedRow:
        cells = Cells(row, self.today, self.country)
        broken = resource is BROKEN
        cells.note(None, Reason.JSON_BROKEN if broken else Reason.NOT_A_RESOURCE)
        return RejectedRow(row, tuple(cells.problems))


BROKEN: Any = object()
"""Stands where a line is no JSON."""


def resources(path: Path, *, by_line: bool) -> Iterator[tuple[int, str, Any]]:
    """What the file holds, whatever it is: the row that a person would count, the address that a Bundle gives
    it (else ""), and the thing itself.

    Raises:
        UnreadableFile: the file is broken, or no FHIR.
    """
    return _lines(path) if by_line else _entries(path)


def _lines(path: Path) -> Iterator[tuple[int, str, Any]]:
    with path.open("rb") as file:
        row = 0
        while line := file.readline(LARGEST_VALUE):
            row += 1
            if row == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if len(line) == LARGEST_VALUE:
                raise UnreadableFile(FileProblem.LINE_TOO_LONG, row=row)
            if not line.isspace():
                yield row, "", _loads(line)


def _entries(path: Path) -> Iterator[tuple[int, str, Any]]:
    """The resources of a Bundle by number of entry, or the one resource that the file is."""
    whole: dict[str, Any] = {}
    row = 0
    for name, value in members(path, stream="entry"):
        if name == "entry":
            row += 1
            yield row, _address_of(value), resource_of(value)
        else:
            whole[name] = value
    if whole.get("resourceType") != "Bundle":
        if row or not isinstance(whole.get("resourceType"), str):
            raise UnreadableFile(FileProblem.NOT_FHIR)
        yield 1, "", whole


def _loads(line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except (ValueError, RecursionError):
        return BROKEN


def resource_of(entry: Any) -> Any:
    """The resource of a Bundle's entry."""
    return entry.get("resource") if isinstance(entry, dict) else entry


def _address_of(entry: Any) -> str:
    return string(entry, "fullUrl") if isinstance(entry, dict) else ""


def open_fhir(path: Path, *, today: date, country: str) -> FhirPatients:
    """Look at the file; resources are read by iterating.

    Args:
        today: the practice's calendar day.
        country: the practice's, ISO 3166: where phone numbers without a country code belong.
    """
    return FhirPatients(path=path, by_line=is_ndjson(path), today=today, country=country)


def is_ndjson(path: Path) -> bool:
    """By its name, or by a first line that is a whole object with another line behind it."""
    if path.suffix.lower() in _NDJSON_SUFFIXES:
        return True
    with path.open("rb") as file:
        first = file.readline(LARGEST_VALUE).removeprefix(b"\xef\xbb\xbf")
        if len(first) == LARGEST_VALUE or _loads(first) is BROKEN:
            return False
        return any(not line.isspace() for line in iter(lambda: file.readline(_CHUNK), b""))


_CHUNK = 1 << 16
