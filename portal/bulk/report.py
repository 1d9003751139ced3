"""The end report of a run as CSV, person by person: UTF-8 with a byte order mark, safe in a spreadsheet."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import IO
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.states import ItemState
from portal.extensions import db
from portal.people.models import Patient
from portal.people.naming import list_name
from portal.transaction import atomic

BOM = "\ufeff"
_CHUNK = 500
_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 64 * 1024
_STARTS_A_FORMULA = frozenset("=+-@\t\r\n\0")


def safe(cell: str) -> str:
    """The cell so that no spreadsheet takes it for a formula (CWE-1236): an apostrophe before it where need be.

    Full-width signs count too, for some programs fold them.
    """
    first = unicodedata.normalize("NFKC", cell[:1])[:1]
    return f"'{cell}" if first in _STARTS_A_FORMULA and cell else cell


def write(
    run: BulkRun,
    headings: Sequence[str],
    *,
    state: Callable[[ItemState], str],
    reason: Callable[[str | None], str],
) -> Iterator[bytes]:
    """The file in pieces, in the order of the run. It is complete before the first one; a large one lies on the disk.

    Args:
        state: the words for where a person stands.
        reason: the words for why.
    """
    zone = ZoneInfo(run.practice.time_zone)
    file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed by who reads it)
    for line in _lines(run.id, zone, headings, state, reason):
        file.write(line.encode())
    file.seek(0)
    return _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _lines(
    run_id: int,
    zone: ZoneInfo,
    headings: Sequence[str],
    state: Callable[[ItemState], str],
    reason: Callable[[str | None], str],
) -> Iterator[str]:
    after = 0
    yield BOM + _line(headings)
    while True:
        rows = db.session.execute(
            select(BulkItem, Patient)
            .join(Patient, Patient.id == BulkItem.patient_id)
            .where(BulkItem.run_id == run_id, BulkItem.patient_id > after)
            .order_by(BulkItem.patient_id)
            .limit(_CHUNK)
        ).all()
        for item, patient in rows:
            then = (
                item.settled_at.astimezone(zone).isoformat(" ", "minutes")
                if item.settled_at
                else ""
            )
            told = (state(ItemState(item.state)), reason(item.reason), then)
            yield _line([patient.record_number, list_name(patient), patient.email or "", *told])
            after = patient.id
        db.session.expunge_all()
        if len(rows) < _CHUNK:
            return


def record_export(run: BulkRun, *, by: Actor, now: datetime) -> None:
    """Names leave the portal: the trail tells of it."""
    run_id, practice_id, public_id = run.id, run.practice_id, run.public_id
    with atomic():
        audit.record(
            "bulk.exported",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("bulk_run", run_id),
            run=public_id,
        )


def _line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([safe(cell) for cell in cells])
    return out.getvalue()
