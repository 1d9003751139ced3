"""Bring a schedule in: read it once to judge it, once more to apply it, in one commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from portal import clock
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused
from portal.exchange.record import (
    Field,
    FileProblem,
    Reason,
    RejectedRow,
    RowProblem,
    UnreadableFile,
)
from portal.exchange.repeats import REPEATED, Repeat, once
from portal.exchange.schedule_folder import open_schedule
from portal.exchange.schedule_places import Places, Providers
from portal.exchange.schedule_record import ScheduleSource, Seen, VisitRecord
from portal.exchange.schedule_report import ScheduleReport
from portal.exchange.schedule_shift import Weeks, shifted
from portal.people import bulk
from portal.practices.models import Practice
from portal.roster import service as roster
from portal.schedule import incoming, lists
from portal.schedule.incoming import Incoming
from portal.schedule.states import AppointmentState as State
from portal.transaction import atomic

BATCH = 1_000
MUCH = 1_000
"""New visits at once, from which on the database looks anew at who comes."""
_LOOKS = frozenset({0, 3, 15, 63})
"""Batches after which PostgreSQL looks at what has come in."""
_STAY = frozenset({State.CANCELLED, State.NO_SHOW})


def import_schedule(
    path: Path,
    *,
    practice: Practice,
    by: Actor,
    now: datetime,
    shift_to: date | None = None,
    dry_run: bool = False,
    skip_rejected: bool = False,
) -> ScheduleReport:
    """Create and update the practice's appointments from a folder (or one file), by the visits' own ids.

    All of it is one commit. Where a row is unusable nothing is applied, unless ``skip_rejected``; a visit of a
    patient whom the practice does not have is left out and told. The same folder with the same date a second time
    changes nothing.

    Args:
        shift_to: move everything by whole weeks so that it lies around this date (:mod:`schedule_shift`).
        dry_run: tell what the same call would do without it.

    Raises:
        UnreadableFile: nothing of the folder can be used, or it changed meanwhile.
        Refused: ``visit_taken``: somebody else brought one of these visits in at the same moment.
    """
    zone = practice.time_zone
    source = open_schedule(
        path, time_zone=zone, country=practice.country, today=clock.local_date(now, zone)
    )
    before = _state(source)
    report = ScheduleReport(format=source.format, mapping=source.mapping, dry_run=dry_run)
    weeks = _judge(source, report, zone=ZoneInfo(zone))
    report.passed_over = dict(source.passed_over)
    if report.rejected and not skip_rejected:
        return report
    report.weeks = 0 if shift_to is None else weeks.until(shift_to)
    run = _Run(practice, source, by, now, report, shift=shift_to is not None)
    if dry_run:
        run.compare()
        return report
    try:
        with atomic():
            lists.provide(run.practice_id, now)
            run.apply()
            if _state(source) != before:
                raise UnreadableFile(FileProblem.CHANGED_MEANWHILE)
    except IntegrityError as error:
        raise Refused("visit_taken") from error
    report.applied = True
    if report.created >= MUCH:
        roster.analyze()
    return report


def _judge(source: ScheduleSource, report: ScheduleReport, *, zone: ZoneInfo) -> Weeks:
    weeks = Weeks(zone)
    for seen in _whole(source):
        if isinstance(seen.outcome, RejectedRow):
            report.rejected += 1
            report.errors.add(seen.file, seen.outcome.problems)
        else:
            report.warnings.add(seen.file, seen.outcome.warnings)
            weeks.add(seen.outcome.starts_at)
    return weeks


def _whole(source: ScheduleSource) -> Iterator[Seen]:
    """The rows, each visit once: the same again is passed over, another under the same id cannot be used."""

    def number(outcome: VisitRecord | RejectedRow) -> str | None:
        return None if isinstance(outcome, RejectedRow) else outcome.source_id

    files: list[str] = [""]

    def outcomes() -> Iterator[VisitRecord | RejectedRow]:
        for seen in source:
            files[0] = seen.file
            yield seen.outcome

    for outcome, repeat in once(outcomes(), number_of=number):
        if repeat is None:
            yield Seen(files[0], outcome)
        elif repeat is Repeat.SAME:
            source.passed_over[REPEATED] += 1
        else:
            problem = RowProblem(outcome.row, Field.VISIT_ID, Reason.VISIT_ID_REPEATED)
            yield Seen(files[0], RejectedRow(outcome.row, (problem,)))


def _state(source: ScheduleSource) -> list[tuple[int, int, int]]:
    """What changes when somebody writes to one of the files."""
    return [
        (found.st_ino, found.st_size, found.st_mtime_ns) for found in map(Path.stat, source.files)
    ]


@dataclass(slots=True)
class _Run:
    """One import on its way."""

    practice: Practice
    source: ScheduleSource
    by: Actor
    now: datetime
    report: ScheduleReport
    shift: bool
    practice_id: int = 0
    zone: str = ""
    places: Places = field(init=False)
    providers: Providers = field(init=False)

    def __post_init__(self) -> None:
        self.practice_id, self.zone = self.practice.id, self.practice.time_zone

    def compare(self) -> None:
        """Count what :meth:`apply` would do, without a lock or a write."""
        self._begin(make=False)
        for visits in self._batches():
            self._count(incoming.compare(self.practice_id, visits))

    def apply(self) -> None:
        """Write it all, in the caller's transaction."""
        self._begin(make=True)
        digest = hashlib.sha256()
        for number, visits in enumerate(self._batches()):
            done = incoming.put(self.practice_id, visits, by=self.by, now=self.now)
            if number in _LOOKS:
                incoming.analyze()
            self._count(done)
            digest.update("".join(f"{line}\n" for line in done.told).encode())
        if self.report.created or self.report.updated:
            audit.record(
                "schedule.imported",
                practice_id=self.practice_id,
                by=self.by,
                now=self.now,
                created=self.report.created,
                updated=self.report.updated,
                weeks=self.report.weeks,
                digest=digest.hexdigest(),
            )

    def _begin(self, *, make: bool) -> None:
        self.places = Places(self.practice_id, self.zone, make=make)
        self.providers = Providers(self.practice, by=self.by, now=self.now, make=make)

    def _count(self, done: incoming.Outcome) -> None:
        self.report.created += done.created
        self.report.updated += done.updated
        self.report.unchanged += done.unchanged
        self.report.new_offices = self.places.added
        self.report.new_providers = self.providers.added

    def _batches(self) -> Iterator[list[Incoming]]:
        rows = (seen for seen in _whole(self.source) if isinstance(seen.outcome, VisitRecord))
        while chunk := list(islice(rows, BATCH)):
            numbers = {
                seen.outcome.patient for seen in chunk if isinstance(seen.outcome, VisitRecord)
            }
            known = bulk.ids_by_record_number(self.practice_id, numbers)
            visits = [visit for seen in chunk if (visit := self._visit(seen, known)) is not None]
            if visits:
                yield visits

    def _visit(self, seen: Seen, known: dict[str, int]) -> Incoming | None:
        record = seen.outcome
        if isinstance(record, RejectedRow):
            return None
        patient_id = known.get(record.patient)
        if patient_id is None:
            self.report.strangers += 1
            unknown = RowProblem(record.row, Field.PATIENT, Reason.PATIENT_UNKNOWN)
            self.report.left_out.add(seen.file, [unknown])
            return None
        office = self.places.at(record.office)
        starts_at = shifted(record.starts_at, weeks=self.report.weeks, zone=ZoneInfo(office.zone))
        day = clock.local_date(starts_at, office.zone)
        self.report.lies_on(day)
        return Incoming(
            source_id=record.source_id,
            patient_id=patient_id,
            office_id=office.number,
            office_told=record.office is not None,
            provider_id=self.providers.called(record.provider),
            starts_at=starts_at,
            day=day,
            minutes=record.minutes,
            reason=record.reason,
            video_visit=record.video_visit,
            state=state_at(record.state, starts_at, now=self.now, moved=self.shift),
            state_told=record.state is not None and not self.shift,
        )


def state_at(told: State | None, starts_at: datetime, *, now: datetime, moved: bool) -> State:
    """What a visit is.

    What is to come is scheduled or confirmed, whatever an old file says; what is over is complete, unless the file
    says otherwise, and one that was moved cannot be under way.

    Args:
        told: what the file says.
        moved: whether the file's schedule lies around another date.
    """
    if told in _STAY and not (moved and told is State.NO_SHOW and starts_at > now):
        return told
    if starts_at > now:
        return State.CONFIRMED if told is State.CONFIRMED else State.SCHEDULED
    return State.COMPLETED if told is None or moved else told
