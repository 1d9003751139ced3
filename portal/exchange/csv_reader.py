"""Patients from a CSV file of whatever origin, row by row; memory does not grow with the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from portal.exchange.cells import Cells
from portal.exchange.columns import Columns, map_columns, recognised
from portal.exchange.csv_file import CsvFile, open_csv_file
from portal.exchange.person_name import split_name
from portal.exchange.record import (
    Field,
    FileProblem,
    PatientRecord,
    Reason,
    RejectedRow,
    UnreadableFile,
)
from portal.people import rules

# What database dumps write for nothing. Not taken as blank in names: people are called Null.
_BLANKS = frozenset({"NULL", "\\N", "0000-00-00", "0000-00-00 00:00:00"})
_NAMES = frozenset(
    {Field.GIVEN_NAME, Field.MIDDLE_NAME, Field.FAMILY_NAME, Field.PREFERRED_NAME, Field.FULL_NAME}
)
_YES = frozenset({"1", "y", "yes", "true", "t", "sí", "si"})


@dataclass(slots=True)
class CsvPatients:
    """A CSV file of patients; see :class:`portal.exchange.record.PatientSource`."""

    file: CsvFile
    columns: Columns
    today: date
    country: str
    format: Literal["csv", "fhir"] = "csv"
    passed_over: Counter[str] = field(default_factory=Counter)

    @property
    def mapping(self) -> tuple[tuple[Field, str], ...]:
        """Which columns give which field."""
        return self.columns.mapping

    def __iter__(self) -> Iterator[PatientRecord | RejectedRow]:
        self.passed_over.clear()
        told = False
        for row, cells in self.file:
            told = True
            yield self._broken(row) if cells is None else self._patient(row, cells)
        if not told:
            raise UnreadableFile(FileProblem.NO_ROWS)

    def _broken(self, row: int) -> RejectedRow:
        cells = Cells(row, self.today, self.country)
        cells.note(None, Reason.QUOTES_BROKEN)
        return RejectedRow(row, tuple(cells.problems))

    def _patient(self, row: int, values: list[str]) -> PatientRecord | RejectedRow:
        columns = self.columns
        cells = Cells(row, self.today, self.country)
        # Spreadsheets leave out blank cells at a row's end, or add some; anything else means that
        # the values stand in the wrong columns.
        if any(extra.strip() for extra in values[columns.width :]):
            cells.note(None, Reason.CELLS_TOO_MANY)
        elif len(values) < columns.identity_width:
            cells.note(None, Reason.CELLS_TOO_FEW)
        if cells.problems:
            return RejectedRow(row, tuple(cells.problems))
        if len(values) < columns.width:
            cells.note(None, Reason.CELLS_TOO_FEW)
        return cells.finish(self._record(cells, values))

    def _record(self, cells: Cells, values: list[str]) -> PatientRecord:
        columns = self.columns

        def cell(index: int, name: Field) -> str:
            text = values[index] if index < len(values) else ""
            return "" if name not in _NAMES and text.strip() in _BLANKS else text

        def of(name: Field) -> str:
            index = columns.single.get(name)
            return "" if index is None else cell(index, name)

        given, middle, family = (
            of(name) for name in (Field.GIVEN_NAME, Field.MIDDLE_NAME, Field.FAMILY_NAME)
        )
        if Field.FULL_NAME in columns.single:
            given, middle, family = split_name(of(Field.FULL_NAME))
        country = cells.country_code(of(Field.COUNTRY))
        is_zip = country == "US" or (country is None and columns.postal_code_is_zip)
        died_on = cells.death_date(of(Field.DECEASED_ON))
        return PatientRecord(
            row=cells.row,
            record_number=cells.text(Field.RECORD_NUMBER, of(Field.RECORD_NUMBER)) or "",
            given_name=cells.text(Field.GIVEN_NAME, given),
            middle_name=cells.text(Field.MIDDLE_NAME, middle),
            family_name=cells.text(Field.FAMILY_NAME, family),
            preferred_name=cells.text(Field.PREFERRED_NAME, of(Field.PREFERRED_NAME)),
            birth_date=cells.birth_date(of(Field.BIRTH_DATE)),
            email=cells.email(cell(index, Field.EMAIL) for index in columns.emails),
            phones=cells.phones(
                ((name, cell(index, name)) for name, index in columns.phones), home=country
            ),
            ssn=cells.ssn(of(Field.SSN)),
            street=cells.text(Field.STREET, self._street(cell)),
            city=cells.text(Field.CITY, of(Field.CITY)),
            region=cells.text(Field.REGION, of(Field.REGION)),
            postal_code=cells.postal_code(of(Field.POSTAL_CODE), is_zip=is_zip),
            country=country,
            language=rules.parse_language(of(Field.LANGUAGE)),
            deceased=True if died_on or of(Field.DECEASED).strip().casefold() in _YES else None,
            deceased_on=died_on,
            provider=cells.text(Field.PROVIDER, of(Field.PROVIDER)),
            balance_cents=cells.money(of(Field.BALANCE)),
            warnings=tuple(cells.problems),
        )

    def _street(self, cell: Callable[[int, Field], str]) -> str:
        parts = [cell(index, Field.STREET).strip() for index in self.columns.street]
        if self.columns.street_number is not None and parts:
            parts[0] = f"{cell(self.columns.street_number, Field.STREET).strip()} {parts[0]}"
        return ", ".join(part.strip() for part in parts if part.strip())


def open_csv(path: Path, *, today: date, country: str) -> CsvPatients:
    """Look at the file and its header; rows are read by iterating.

    Args:
        today: the practice's calendar day.
        country: the practice's, ISO 3166.

    Raises:
        UnreadableFile: it is no text, or its columns are not those of patients.
    """
    file = open_csv_file(path, known=recognised)
    return CsvPatients(file, map_columns(file.header), today=today, country=country)
