"""Do a run, batch by batch. A batch is one commit: killed before it, nothing of it has happened; after it, all of it.

The run's row is locked for as long as a batch lasts. So one worker at a time works on a run, a pause or a cancel
comes between two batches, and the database itself lets go of what a killed worker had in hand.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.bulk.facts import facts_of
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import moment_of
from portal.bulk.rules import BATCH, Moment, reason_for
from portal.bulk.states import ItemState, RunKind, RunState
from portal.extensions import db
from portal.people.models import Patient
from portal.practices import service as practices
from portal.transaction import atomic


@dataclass(frozen=True, slots=True)
class Worked:
    """What one batch came to."""

    people: int
    over: bool
    """Nobody waits any more."""


def work_batch(public_id: str, *, now: datetime) -> Worked | None:
    """The next batch of a run, in one commit; None when it is not running, or another worker has it in hand."""
    with atomic():
        run = db.session.scalar(
            select(BulkRun)
            .where(BulkRun.public_id == public_id, BulkRun.state == RunState.RUNNING.value)
            .with_for_update(of=BulkRun, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if run is None:
            return None
        by = practices.actor(run.staff_member, client=run.client)
        tally = _work(run, by=by, at=moment_of(run.practice, now))
        over = tally.total() < BATCH
        _count(run, tally)
        run.worked_at = now
        if over:
            run.state, run.finished_at = RunState.DONE.value, now
        return Worked(tally.total(), over)


def work_at_once(run: BulkRun, *, by: Actor, at: Moment) -> None:
    """All of a small run, in the caller's transaction."""
    _count(run, _work(run, by=by, at=at))


def running() -> list[str]:
    """The runs that somebody should work on, whether somebody does or not."""
    query = select(BulkRun.public_id).where(BulkRun.state == RunState.RUNNING.value)
    return list(db.session.scalars(query.order_by(BulkRun.worked_at)))


def _work(run: BulkRun, *, by: Actor, at: Moment) -> Counter[ItemState]:
    """Claim the next people, look at each as they are now, act."""
    claimed = db.session.scalars(
        select(BulkItem)
        .where(
            BulkItem.run_id == run.id,
            BulkItem.state == ItemState.WAITING.value,
            BulkItem.reason.is_(None),
        )
        .order_by(BulkItem.patient_id)
        .limit(BATCH)
        .execution_options(populate_existing=True)
    ).all()
    patients = _lock([item.patient_id for item in claimed])
    kind = RunKind(run.kind)
    facts = facts_of(list(patients), staff=run.staff_member, at=at)
    tally: Counter[ItemState] = Counter()
    for item in claimed:
        reason = reason_for(kind, facts[item.patient_id], at)
        if reason is None:
            _act(kind, patients[item.patient_id], by=by, now=at.now)
        item.state = (ItemState.DONE if reason is None else ItemState.SKIPPED).value
        item.reason = reason.value if reason else None
        item.settled_at = at.now
        tally[ItemState(item.state)] += 1
    db.session.flush()
    if claimed:
        _tell(run, claimed, patients, tally, by=by, now=at.now)
    return tally


def _lock(patient_ids: list[int]) -> dict[int, Patient]:
    """The batch's patients as they are now, locked until the commit, in the order of their numbers."""
    rows = db.session.scalars(
        select(Patient)
        .where(Patient.id.in_(patient_ids))
        .order_by(Patient.id)
        .with_for_update(of=Patient)
        .execution_options(populate_existing=True)
    )
    return {patient.id: patient for patient in rows}


def _act(kind: RunKind, patient: Patient, *, by: Actor, now: datetime) -> None:
    match kind:
        case RunKind.ENABLE:
            access.enable(patient=patient, by=by, now=now)
        case RunKind.DISABLE:
            _disable(patient, by=by, now=now)
        case RunKind.INVITE:
            raise NotImplementedError


def _disable(patient: Patient, *, by: Actor, now: datetime) -> None:
    grant = access.current_grant(patient.id)
    if grant is None:
        return
    active = access.status_of(patient, grant, now=now) is Status.ACTIVE
    reason = EndReason.DISABLED if active else EndReason.REVOKED
    access.end(grant=grant, reason=reason, by=by, now=now)


def _tell(
    run: BulkRun,
    items: Sequence[BulkItem],
    patients: dict[int, Patient],
    tally: Counter[ItemState],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """One chained event for the batch, with a digest of its people (12.3)."""
    lines = sorted(
        f"{patients[item.patient_id].public_id} {item.state} {item.reason or '-'}" for item in items
    )
    audit.record(
        "bulk.batch",
        practice_id=run.practice_id,
        by=by,
        now=now,
        subject=("bulk_run", run.id),
        run=run.public_id,
        done=tally[ItemState.DONE],
        skipped=tally[ItemState.SKIPPED],
        failed=tally[ItemState.FAILED],
        mailing=tally[ItemState.MAILING],
        digest=hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    )


def _count(run: BulkRun, tally: Counter[ItemState]) -> None:
    for state, number in tally.items():
        setattr(run, state.value, getattr(run, state.value) + number)
    db.session.flush()
