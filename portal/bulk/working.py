"""Do a run, batch by batch. A batch is one commit: killed before it, nothing of it has happened; after it, all of it.

The run's row is locked for as long as a batch lasts. So one worker at a time works on a run, a pause or a cancel
comes between two batches, and the database itself lets go of what a killed worker had in hand.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import selectinload

from portal import queue
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.bulk import acts, flight
from portal.bulk.facts import facts_of
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import moment_of
from portal.bulk.rules import BATCH, IN_FLIGHT, Moment, pace_of, reason_for
from portal.bulk.states import ItemState, RunKind, RunState
from portal.extensions import db
from portal.people.models import Patient
from portal.practices import service as practices
from portal.settings import settings
from portal.transaction import atomic, savepoint

log = structlog.get_logger()

CANNOT_ACT = "cannot_act"
"""The reason of a person at whom the program itself failed; the others of the batch are not held up."""

STARTER_LEFT = "starter_left"


@dataclass(frozen=True, slots=True)
class Worked:
    """What one batch came to."""

    people: int
    over: bool = False
    """Nobody waits any more."""
    wait: timedelta = timedelta(0)
    """How long until there may be more to do: a pace is kept, or enough mails are on their way."""


def work_batch(public_id: str, *, now: datetime) -> Worked | None:
    """The next batch of a run, in one commit; None when it is not running, or another worker has it in hand."""
    with atomic():
        run = _lock_run(public_id)
        if run is None or run.state != RunState.RUNNING:
            return None
        kind = RunKind(run.kind)
        flight.settle(run, now=now)
        if run.staff_member.ended_at is not None:
            _cancel_orphan(run, now=now)
            return None
        if kind is RunKind.INVITE and flight.stopped_by_server(run, now=now):
            return None
        number, wait = _room(run, kind, now=now)
        if not number:
            return Worked(0, wait=wait)
        by = practices.actor(run.staff_member, client=run.client)
        tally = _work(run, by=by, at=moment_of(run.practice, now), limit=number)
        _count(run, tally)
        over = tally.total() < number and not flight.expects_more(run, now=now)
        if tally:
            run.worked_at = now
        if over:
            run.state, run.finished_at = RunState.DONE.value, now
        nobody = tally.total() < number
        return Worked(tally.total(), over, timedelta(seconds=0.5) if nobody else timedelta(0))


def work_at_once(run: BulkRun, *, by: Actor, at: Moment) -> None:
    """All of a small run, in the caller's transaction."""
    _count(run, _work(run, by=by, at=at, limit=BATCH))


def settle(public_id: str, *, now: datetime) -> None:
    """Write down what became of mails that a run has on their way, whether it goes on or not."""
    with atomic():
        run = _lock_run(public_id)
        if run is not None:
            flight.settle(run, now=now)
            flight.go_on_after_trouble(run, now=now)


def to_look_after() -> list[str]:
    """The runs that go on, or wait for mails or for the mail server."""
    query = select(BulkRun.public_id).where(
        or_(BulkRun.state.in_([RunState.RUNNING.value, RunState.PAUSED.value]), BulkRun.mailing > 0)
    )
    return list(db.session.scalars(query.order_by(BulkRun.worked_at)))


def _lock_run(public_id: str) -> BulkRun | None:
    return db.session.scalar(
        select(BulkRun)
        .where(BulkRun.public_id == public_id)
        .with_for_update(of=BulkRun, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _cancel_orphan(run: BulkRun, *, now: datetime) -> None:
    """Whoever started it works here no more: nothing is done in their name (architecture, rule 4)."""
    run.state, run.finished_at = RunState.CANCELLED.value, now
    flight.tell_moved(run, reason=STARTER_LEFT, now=now)


def _room(run: BulkRun, kind: RunKind, *, now: datetime) -> tuple[int, timedelta]:
    """How many may be acted upon now, and else how long to wait."""
    if kind is not RunKind.INVITE:
        return BATCH, timedelta(0)
    number, pause = pace_of(settings().bulk_per_minute)
    since = now - run.worked_at
    if run.mailing + run.done + run.failed and since < pause:
        return 0, pause - since
    number = min(number, IN_FLIGHT - flight.on_their_way(run, now=now))
    if settings().bulk_per_day:
        left = settings().bulk_per_day - flight.issued_lately(run, now=now)
        if left <= 0:
            return 0, timedelta(minutes=1)
        number = min(number, left)
    return max(0, number), timedelta(seconds=0.5)


def _work(run: BulkRun, *, by: Actor, at: Moment, limit: int) -> Counter[ItemState]:
    """Claim the next people, look at each as they are now, act."""
    claimed = db.session.scalars(
        select(BulkItem)
        .where(
            BulkItem.run_id == run.id,
            BulkItem.state == ItemState.WAITING.value,
            BulkItem.reason.is_(None),
        )
        .order_by(BulkItem.patient_id)
        .limit(limit)
        .execution_options(populate_existing=True)
    ).all()
    patients = _lock([item.patient_id for item in claimed])
    kind = RunKind(run.kind)
    facts = facts_of(list(patients), staff=run.staff_member, at=at)
    for item in claimed:
        reason = reason_for(kind, facts[item.patient_id], at)
        item.settled_at = at.now
        if reason is not None:
            item.state, item.reason = ItemState.SKIPPED.value, reason.value
        else:
            _act(kind, item, patients[item.patient_id], by=by, now=at.now)
    db.session.flush()
    tally = Counter(ItemState(item.state) for item in claimed)
    if claimed:
        _tell(run, claimed, patients, tally, by=by, now=at.now)
    return tally


def _act(kind: RunKind, item: BulkItem, patient: Patient, *, by: Actor, now: datetime) -> None:
    """Act upon one person; whatever fails with one leaves the others alone (faults.md F12)."""
    try:
        with savepoint():
            item.state, item.invitation_id = acts.act(kind, patient, by=by, now=now)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 (see above)
        log.error("bulk.cannot_act", kind=kind.value, **queue.told(error))
        item.state, item.reason = ItemState.FAILED.value, CANNOT_ACT
        item.invitation_id, item.settled_at = None, now


def _lock(patient_ids: list[int]) -> dict[int, Patient]:
    """The batch's patients as they are now, locked until the commit, in the order of their numbers."""
    rows = db.session.scalars(
        select(Patient)
        .where(Patient.id.in_(patient_ids))
        .order_by(Patient.id)
        .with_for_update(of=Patient)
        .options(selectinload(Patient.phones))
        .execution_options(populate_existing=True)
    )
    return {patient.id: patient for patient in rows}


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
