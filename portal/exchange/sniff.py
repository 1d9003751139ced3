"""What kind of file it is, by its content: the name proves nothing."""

from __future__ import annotations

import codecs
import re
from datetime import date
from pathlib import Path
from typing import Literal

from portal.exchange.csv_reader import open_csv
from portal.exchange.fhir_reader import open_fhir
from portal.exchange.record import FileProblem, PatientSource, UnreadableFile

Format = Literal["csv", "fhir"]

_MAGIC = (
    (b"PK\x03\x04", FileProblem.WORKBOOK),
    (b"\xd0\xcf\x11\xe0", FileProblem.WORKBOOK),
    (b"\x1f\x8b", FileProblem.COMPRESSED),
    (b"BZh", FileProblem.COMPRESSED),
    (b"\xfd7zXZ", FileProblem.COMPRESSED),
    (b"7z\xbc\xaf", FileProblem.COMPRESSED),
    (b"%PDF", FileProblem.NOT_TEXT),
    (b"{\\rtf", FileProblem.NOT_TEXT),
)
_SQL = re.compile(
    rb"\s*(?:--|/\*|insert\s+into\b|create\s+(?:table|database)\b|drop\s+table\b|use\s+`)",
    re.IGNORECASE,
)
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKED_AT = 1 << 16


def open_patients(
    path: Path, *, today: date, country: str, file_format: Format | None = None
) -> PatientSource:
    """A reader for a file of patients.

    Args:
        today: the practice's calendar day.
        country: the practice's, ISO 3166: where phone numbers without a country code belong.
        file_format: what the caller says it is; None to look.

    Raises:
        UnreadableFile: it is neither a CSV file of patients nor FHIR; the problem says what it is
            instead.
    """
    found = detect(path)
    if (file_format or found) == "fhir":
        return open_fhir(path, today=today, country=country)
    return open_csv(path, today=today, country=country)


def detect(path: Path) -> Format:
    """CSV or FHIR.

    Raises:
        UnreadableFile: it is neither.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError as error:
        raise UnreadableFile(FileProblem.MISSING) from error
    for magic, problem in _MAGIC:
        if start.startswith(magic):
            raise UnreadableFile(problem)
    if not start.startswith(_WIDE) and b"\0" in start:
        raise UnreadableFile(FileProblem.NOT_TEXT)
    text = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if not text.strip(b"\xff\xfe\0"):
        raise UnreadableFile(FileProblem.EMPTY)
    if text.startswith(b"<"):
        raise UnreadableFile(FileProblem.XML)
    if _SQL.match(text):
        raise UnreadableFile(FileProblem.SQL)
    if text.startswith(b"["):
        raise UnreadableFile(FileProblem.NOT_FHIR)
    return "fhir" if text.startswith(b"{") else "csv"
