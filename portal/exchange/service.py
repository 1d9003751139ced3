"""Bring a patient file in (12.1): read it once to judge it, once more to apply it, in one
commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.base import ExecutableOption

from portal import clock
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused
from portal.exchange.record import (
    Field,
    FileProblem,
    PatientRecord,
    PatientSource,
    Reason,
    RejectedRow,
    RowProblem,
    UnreadableFile,
)
from portal.exchange.repeats import REPEATED, WithoutRepeats
from portal.exchange.report import ImportReport, VoidedInvitation
from portal.exchange.sniff import Format, open_patients
from portal.exchange.upsert import Providers, values_for_chart, values_for_new
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.invitations.state import InvitationState
from portal.people import bulk
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Practice, Provider
from portal.roster import service as roster
from portal.transaction import atomic, touch_patient

Rows = PatientSource | WithoutRepeats
T = TypeVar("T")

BATCH = 500
VERIFIED_HOW = "import"
"""Stands in the audit trail where a form would say how staff verified a change of address (3.7)."""


def import_patients(
    path: Path,
    *,
    practice: Practice,
    by: Actor,
    now: datetime,
    file_format: Format | None = None,
    provider: Provider | None = None,
    dry_run: bool = False,
    skip_rejected: bool = False,
) -> ImportReport:
    """Create and update the practice's patients from a file, by record number.

    All of it is one commit. Where a row is unusable nothing is applied, unless ``skip_rejected``; a
    bad value is left out of a row that is kept. A blank never erases. The same file a second time
    changes nothing.

    Args:
        file_format: None to look.
        provider: the primary provider of new patients for whom the file names none.
        dry_run: tell what the same call would do without it.

    Raises:
        UnreadableFile: nothing of the file can be used, or it changed meanwhile.
        Refused: ``record_number_taken``: somebody added one of these patients at the same moment.
    """
    before = _state(path)
    source = open_patients(
        path,
        today=clock.local_date(now, practice.time_zone),
        country=practice.country,
        file_format=file_format,
    )
    report = ImportReport(format=source.format, mapping=source.mapping, dry_run=dry_run)
    run = _Run(
        practice_id=practice.id,
        providers=Providers.of(
            ((p.id, p.name) for p in practices.providers(practice_id=practice.id)),
            default_id=provider.id if provider else None,
        ),
        by=by,
        now=now,
        report=report,
    )
    _judge(WithoutRepeats(source), run)
    report.passed_over = dict(source.passed_over)
    if report.rejected and not skip_rejected:
        return report
    # A file in which nothing comes twice needs no second look for it.
    clean = not report.rejected and REPEATED not in report.passed_over
    rows = source if clean else WithoutRepeats(source)
    if dry_run:
        run.compare(rows)
        return report
    try:
        with atomic():
            run.apply(rows)
            if _state(path) != before:
                raise UnreadableFile(FileProblem.CHANGED_MEANWHILE)
    except IntegrityError as error:
        raise Refused("record_number_taken") from error
    report.applied = True
    roster.grown(run.practice_id, added=report.created)
    return report


def _judge(rows: Rows, run: _Run) -> None:
    report = run.report
    for outcome in rows:
        if isinstance(outcome, RejectedRow):
            report.rejected += 1
            report.errors.add(outcome.problems)
            continue
        report.warnings.add(outcome.warnings)
        if outcome.provider and run.providers.find(outcome.provider) is None:
            unknown = RowProblem(outcome.row, Field.PROVIDER, Reason.PROVIDER_UNKNOWN)
            report.warnings.add([unknown])


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes when somebody writes to the file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


@dataclass(slots=True)
class _Run:
    """One import on its way."""

    practice_id: int
    providers: Providers
    by: Actor
    now: datetime
    report: ImportReport
    moved: list[tuple[int, str]] = field(default_factory=list)
    """Charts whose address on file changed, with the old one."""

    def compare(self, rows: Rows) -> None:
        """Count what :meth:`apply` would do; on copies, without a lock or a write."""
        for records in _batches(rows):
            held = self._charts(records, selectinload(Patient.search_words))
            for patient in held.values():
                db.session.expunge(patient)
            for record in records:
                if record.record_number in held:
                    self._write(record, held[record.record_number])
                else:
                    self.report.created += 1
        self._list_voided()

    def apply(self, rows: Rows) -> None:
        """Write it all, in the caller's transaction.

        Audit events come last: the end of the practice's chain is locked from the first of them to
        the commit, and everybody else's acts wait for it.
        """
        digest = hashlib.sha256()
        blank = bulk.blank_row(practice_id=self.practice_id, now=self.now)
        for records in _batches(rows):
            held = self._charts(records, lock=True)
            new = []
            for record in records:
                chart = held.get(record.record_number)
                if chart is None:
                    values = values_for_new(record, self.providers)
                    made = bulk.new_chart(values, blank=blank)
                    new.append(made)
                    digest.update(f"{made.public_id} created\n".encode())
                elif fields := self._write(record, chart):
                    touch_patient(chart.id)
                    digest.update(f"{chart.public_id} {','.join(sorted(fields))}\n".encode())
            bulk.insert_charts(new)
            self.report.created += len(new)
            db.session.flush()
        self._list_voided()
        self._announce()
        if self.report.created or self.report.updated:
            audit.record(
                "patients.imported",
                practice_id=self.practice_id,
                by=self.by,
                now=self.now,
                created=self.report.created,
                updated=self.report.updated,
                digest=digest.hexdigest(),
            )

    def _charts(
        self, records: list[PatientRecord], *more: ExecutableOption, lock: bool = False
    ) -> dict[str, Patient]:
        query = (
            select(Patient)
            .where(
                Patient.practice_id == self.practice_id,
                Patient.record_number.in_([record.record_number for record in records]),
            )
            .options(selectinload(Patient.phones), *more)
        )
        if lock:
            query = query.with_for_update(of=Patient)
        return {patient.record_number: patient for patient in db.session.scalars(query)}

    def _write(self, record: PatientRecord, chart: Patient) -> tuple[str, ...]:
        """Put the record into its chart; says which fields changed."""
        done = people.write(chart, values_for_chart(record, chart, self.providers), now=self.now)
        if done.fields:
            self.report.updated += 1
        else:
            self.report.unchanged += 1
        if done.old_email:
            self.moved.append((chart.id, done.old_email))
        return done.fields

    def _list_voided(self) -> None:
        """Whose open invitations a change of address ends (12.1: an import lists them)."""
        for moved in _chunks(iter(self.moved)):
            query = (
                select(Patient.record_number, Patient.public_id)
                .join(Invitation, Invitation.patient_id == Patient.id)
                .where(
                    Patient.id.in_([patient_id for patient_id, _old in moved]),
                    Invitation.state.in_([InvitationState.PREPARED, InvitationState.LIVE]),
                )
                .distinct()
                .order_by(Patient.record_number)
            )
            self.report.voided_invitations += [
                VoidedInvitation(*row) for row in db.session.execute(query)
            ]

    def _announce(self) -> None:
        """3.7 for each change of address: audit, void, tell both addresses."""
        for patient_id, old_email in self.moved:
            people.announce_email_change(
                db.session.get_one(Patient, patient_id),
                old_email,
                by=self.by,
                now=self.now,
                verified_how=VERIFIED_HOW,
            )


def _batches(rows: Rows) -> Iterator[list[PatientRecord]]:
    return _chunks(outcome for outcome in rows if isinstance(outcome, PatientRecord))


def _chunks(items: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(items, BATCH)):
        yield chunk
