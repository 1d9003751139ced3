"""Visits from CSV: Synthea's ``encounters.csv`` with its ``providers.csv`` and ``organizations.csv``, whichever
version wrote them, or any list whose columns say what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from portal.exchange.cells import Cells
from portal.exchange.record import Field, FileProblem, Reason, RejectedRow, UnreadableFile
from portal.exchange.schedule_record import Seen, VisitRecord, end_of, minutes_between, moment
from portal.exchange.table import BrokenRow, NamedRow, Table, open_table

VISITS = ("encounters.csv", "appointments.csv")
"""Files of visits, by lower-case name."""
PROVIDERS, OFFICES = "providers.csv", "organizations.csv"

# Plain column names in the order of preference. Synthea: ID/DATE (2017), Id/START/STOP with the organization
# as PROVIDER (2018), ORGANIZATION and PROVIDER apart (since 2020).
_NAMES: dict[Field, tuple[str, ...]] = {
    Field.VISIT_ID: ("id", "encounterid", "appointmentid", "visitid"),
    Field.START: ("start", "starttime", "startsat", "startdate", "datetime", "date"),
    Field.END: ("stop", "end", "endtime", "endsat"),
    Field.PATIENT: ("patient", "patientid", "recordnumber", "mrn"),
    Field.PROVIDER: ("provider", "providerid", "providername"),
    Field.OFFICE: ("organization", "organizationid", "office", "location", "facility"),
    Field.VISIT_REASON: ("description", "reason", "visittype", "type"),
}
_CLASS = ("encounterclass", "class")
_NEEDED = (Field.VISIT_ID, Field.START, Field.PATIENT)
_KNOWN = frozenset(name for names in _NAMES.values() for name in names)
_SHOWN = 12


@dataclass(slots=True)
class CsvSchedule:
    """A folder with such files; see :class:`portal.exchange.schedule_record.ScheduleSource`."""

    tables: tuple[Table, ...]
    files: tuple[Path, ...]
    zone: ZoneInfo
    country: str
    providers: dict[str, str]
    """Source id -> name."""
    offices: dict[str, str]
    format: Literal["csv", "fhir"] = "csv"
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def mapping(self) -> tuple[tuple[Field, str], ...]:
        """Which columns give which field."""
        return tuple(
            (name, spelled)
            for table in self.tables
            for name, wanted in _NAMES.items()
            if (spelled := _spelled(table, wanted))
        )

    def __iter__(self) -> Iterator[Seen]:
        self.passed_over.clear()
        told = False
        for table in self.tables:
            for row in table:
                told = True
                yield Seen(table.path.name, self._outcome(row))
        if not told:
            raise UnreadableFile(FileProblem.NO_ROWS, file=self.tables[0].path.name)

    def _outcome(self, row: NamedRow | BrokenRow) -> VisitRecord | RejectedRow:
        cells = Cells(row.row, date.max, self.country)
        if isinstance(row, BrokenRow):
            cells.note(None, Reason.QUOTES_BROKEN)
            return RejectedRow(row.row, tuple(cells.problems))
        if row.spilled:
            cells.note(None, Reason.CELLS_TOO_MANY)
            return RejectedRow(row.row, tuple(cells.problems))
        return self._visit(row, cells)

    def _visit(self, row: NamedRow, cells: Cells) -> VisitRecord | RejectedRow:
        def of(name: Field) -> str:
            return row.first(_NAMES[name])

        number = cells.text(Field.VISIT_ID, of(Field.VISIT_ID))
        patient = cells.text(Field.RECORD_NUMBER, of(Field.PATIENT))
        start = moment(of(Field.START), self.zone)
        if number is None or patient is None or start is None:
            return without(cells, number=number, patient=patient, start=start is not None)
        end, problem = end_of(of(Field.END), start, self.zone)
        if problem:
            cells.note(Field.END, problem)
        provider, office = self._who_and_where(of(Field.PROVIDER), of(Field.OFFICE))
        return VisitRecord(
            row=row.row,
            source_id=number,
            patient=patient,
            starts_at=start,
            minutes=minutes_between(start, end),
            reason=reason_of(cells, of(Field.VISIT_REASON)),
            provider=cells.text(Field.PROVIDER, provider),
            office=cells.text(Field.OFFICE, office),
            video_visit=row.first(_CLASS).casefold() == "virtual",
            warnings=tuple(cells.problems),
        )

    def _who_and_where(self, provider: str, office: str) -> tuple[str, str]:
        """Their names. In 2018 the column PROVIDER held the organization."""
        if not office and provider in self.offices and provider not in self.providers:
            provider, office = "", provider
        if self.providers:
            provider = self.providers.get(provider, "")
        if self.offices:
            office = self.offices.get(office, "")
        return ("" if _is_id(provider) else provider), ("" if _is_id(office) else office)


def open_csv_schedule(folder: list[Path], *, zone: ZoneInfo, country: str) -> CsvSchedule:
    """The visits of a folder's files.

    Raises:
        UnreadableFile: their columns are not those of visits.
    """
    named = {path.name.casefold(): path for path in folder}
    tables = tuple(open_table(named[name], known=_KNOWN) for name in VISITS if name in named)
    for table in tables:
        if not all(_spelled(table, _NAMES[name]) for name in _NEEDED):
            columns = ", ".join(" ".join(name.split())[:30] for name in table.names[:_SHOWN])
            raise UnreadableFile(
                FileProblem.NO_VISIT_COLUMNS, file=table.path.name, columns=columns
            )
    beside = [named[name] for name in (PROVIDERS, OFFICES) if name in named]
    return CsvSchedule(
        tables=tables,
        files=(*(table.path for table in tables), *beside),
        zone=zone,
        country=country,
        providers=_names(named.get(PROVIDERS)),
        offices=_names(named.get(OFFICES)),
    )


def without(cells: Cells, *, number: str | None, patient: str | None, start: bool) -> RejectedRow:
    """A row that lacks what a visit cannot be without."""
    for there, name, reason in (
        (number, Field.VISIT_ID, Reason.VISIT_ID_MISSING),
        (patient, Field.PATIENT, Reason.PATIENT_MISSING),
        (start, Field.START, Reason.START_UNREADABLE),
    ):
        if not there:
            cells.note(name, reason)
    return RejectedRow(cells.row, tuple(cells.problems))


def reason_of(cells: Cells, text: str) -> str:
    """What the visit is for, as long as there is room for it."""
    return cells.text(Field.VISIT_REASON, " ".join(text.split())[:300]) or ""


def _names(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    found = {}
    for row in open_table(path, known={"id", "name"}):
        if isinstance(row, NamedRow) and (number := row.first(("id",))):
            found[number] = row.first(("name",))
    return found


def _spelled(table: Table, wanted: tuple[str, ...]) -> str:
    return next(
        (table.names[table.header.index(name)].strip() for name in wanted if name in table.header),
        "",
    )


def _is_id(text: str) -> bool:
    """Whether it is a UUID: an id whose name no file tells is nobody's name."""
    return len(text) == 36 and text.count("-") == 4 and " " not in text
