"""What a reader makes of a patient file: records, rejected rows, and files that cannot be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from portal.people.rules import Refusal


class Field(StrEnum):
    """A field of a patient record, by the name that columns, problems and reports use."""

    RECORD_NUMBER = "record_number"
    GIVEN_NAME = "given_name"
    MIDDLE_NAME = "middle_name"
    FAMILY_NAME = "family_name"
    PREFERRED_NAME = "preferred_name"
    FULL_NAME = "full_name"
    BIRTH_DATE = "birth_date"
    EMAIL = "email"
    PHONE_MOBILE = "phone_mobile"
    PHONE_HOME = "phone_home"
    PHONE_WORK = "phone_work"
    PHONE_OTHER = "phone_other"
    SSN = "ssn"
    STREET = "street"
    CITY = "city"
    REGION = "region"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    LANGUAGE = "language"
    DECEASED = "deceased"
    DECEASED_ON = "deceased_on"
    PROVIDER = "provider"
    BALANCE = "balance"
    # of a visit
    VISIT_ID = "visit_id"
    PATIENT = "patient"
    START = "start"
    END = "end"
    OFFICE = "office"
    VISIT_REASON = "reason"


class Reason(StrEnum):
    """Why a row is unusable or a value was left out, beyond what the value rules refuse."""

    RECORD_NUMBER_MISSING = "record_number_missing"
    NOBODY = "nobody"
    """Neither a name nor a birth date (12.1)."""
    RECORD_NUMBER_REPEATED = "record_number_repeated"
    CELLS_TOO_MANY = "cells_too_many"
    CELLS_TOO_FEW = "cells_too_few"
    QUOTES_BROKEN = "quotes_broken"
    JSON_BROKEN = "json_broken"
    NOT_A_RESOURCE = "not_a_resource"
    SSN_ZERO_LOST = "ssn_zero_lost"
    PROVIDER_UNKNOWN = "provider_unknown"
    BALANCE_UNREADABLE = "balance_unreadable"
    VISIT_ID_MISSING = "visit_id_missing"
    VISIT_ID_REPEATED = "visit_id_repeated"
    PATIENT_MISSING = "patient_missing"
    PATIENT_UNKNOWN = "patient_unknown"
    START_UNREADABLE = "start_unreadable"
    END_UNREADABLE = "end_unreadable"


class RowProblem(NamedTuple):
    """One thing wrong in one row. It never carries the value: a report may be printed or mailed."""

    row: int
    """As a person counts in the file: spreadsheet row, line of NDJSON, entry of a Bundle; from
    1."""
    field: Field | None
    reason: Refusal | Reason


PhoneKind = Literal["mobile", "home", "work", "other"]


class PhoneEntry(NamedTuple):
    """A phone number of a record."""

    kind: PhoneKind
    e164: str
    extension: str | None


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """One patient as a file tells of one. None is a blank, and a blank never erases (12.1).

    Two records are equal where they tell the same, in whichever row.
    """

    row: int = field(compare=False)
    record_number: str
    given_name: str | None = None
    middle_name: str | None = None
    family_name: str | None = None
    preferred_name: str | None = None
    birth_date: date | None = None
    email: str | None = None
    phones: tuple[PhoneEntry, ...] = ()
    ssn: str | None = None
    """Nine digits."""
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    language: Literal["en", "es"] | None = None
    deceased: bool | None = None
    deceased_on: date | None = None
    provider: str | None = None
    """The primary provider's name, as the file spells it."""
    balance_cents: int | None = None
    warnings: tuple[RowProblem, ...] = field(default=(), compare=False)
    """Values that were left out."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot be used, and everything that is wrong with it."""

    row: int
    problems: tuple[RowProblem, ...]


class FileProblem(StrEnum):
    """Why a whole file cannot be read."""

    MISSING = "missing"
    EMPTY = "empty"
    WORKBOOK = "workbook"
    COMPRESSED = "compressed"
    NOT_TEXT = "not_text"
    ENCODING = "encoding"
    XML = "xml"
    SQL = "sql"
    NO_PATIENT_COLUMNS = "no_patient_columns"
    NO_RECORD_NUMBER_COLUMN = "no_record_number_column"
    COLUMN_TWICE = "column_twice"
    QUOTE_OPEN = "quote_open"
    LINE_TOO_LONG = "line_too_long"
    NO_ROWS = "no_rows"
    JSON_BROKEN = "json_broken"
    NOT_FHIR = "not_fhir"
    NO_PATIENTS = "no_patients"
    NO_SCHEDULE = "no_schedule"
    NO_VISIT_COLUMNS = "no_visit_columns"
    NO_VISITS = "no_visits"
    CHANGED_MEANWHILE = "changed_meanwhile"


class UnreadableFile(Exception):
    """Nothing of the file can be used (exit status 2). :mod:`portal.exchange.wording` has the
    sentence.

    Args:
        problem: what is the matter.
        detail: what the sentence names: a row, a column, the kinds of record found instead; of several files,
            which ``file`` it is.
    """

    def __init__(self, problem: FileProblem, **detail: str | int) -> None:
        super().__init__(problem.value)
        self.problem = problem
        self.detail = detail


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """What is unreadable inside is told with the name of its file, where there are several."""
    try:
        yield
    except UnreadableFile as error:
        raise UnreadableFile(error.problem, **{**error.detail, "file": path.name}) from error


class PatientSource(Protocol):
    """A patient file that can be read several times over; nothing of it is kept in memory."""

    format: Literal["csv", "fhir"]
    passed_over: Counter[str]
    """What the last reading left aside, by kind: other resources, animals, repeated rows."""

    @property
    def mapping(self) -> tuple[tuple[Field, str], ...]:
        """Which columns (or FHIR elements) give which field."""
        ...

    def __iter__(self) -> Iterator[PatientRecord | RejectedRow]:
        """The rows in the file's order.

        Raises:
            UnreadableFile: the file turned out broken on the way.
        """
        ...
