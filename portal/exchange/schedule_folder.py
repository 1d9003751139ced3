"""Which visits a folder holds: CSV where there is a file of visits, else FHIR."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from portal.exchange.record import FileProblem, UnreadableFile, in_file
from portal.exchange.schedule_csv import VISITS, open_csv_schedule
from portal.exchange.schedule_fhir import SUFFIXES, FhirSchedule
from portal.exchange.schedule_record import ScheduleSource
from portal.exchange.sniff import detect


def open_schedule(path: Path, *, time_zone: str, country: str, today: date) -> ScheduleSource:
    """A reader for a folder of visits, or for one file of them.

    Args:
        time_zone: of the practice: where times without an offset belong.
        today: the practice's calendar day.

    Raises:
        UnreadableFile: there are none, or a file is of another kind than its name says.
    """
    try:
        found = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
    except OSError as error:
        raise UnreadableFile(FileProblem.MISSING) from error
    zone = ZoneInfo(time_zone)
    if tables := [p for p in found if p.name.casefold() in VISITS]:
        for table in tables:
            _must_be(table, "csv")
        return open_csv_schedule(found, zone=zone, country=country)
    documents = tuple(p for p in found if p.suffix.casefold() in SUFFIXES)
    if not documents:
        raise UnreadableFile(FileProblem.NO_SCHEDULE)
    for document in documents:
        _must_be(document, "fhir")
    return FhirSchedule(files=documents, zone=zone, country=country, today=today)


def _must_be(path: Path, kind: str) -> None:
    with in_file(path):
        found = detect(path)
    if found != kind:
        problem = FileProblem.NOT_FHIR if kind == "fhir" else FileProblem.NO_VISIT_COLUMNS
        raise UnreadableFile(problem, file=path.name, columns="-")
