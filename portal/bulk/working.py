"""Do a run, batch by batch. A batch is one commit: killed before it, nothing of it has happened; after it, all of it.

The run's row is locked for as long as a batch lasts. So one worker at a time works on a run, a pause or a cancel
comes between two batches, and the database itself lets go of what a killed worker had in hand.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Integer, bindparam, or_, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from portal import queue
from portal.access.charts import Chart, lock_charts
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.bulk import acts, flight, growing
from portal.bulk.acts import Standing
from portal.bulk.facts import reasons_of
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import moment_of
from portal.bulk.rules import AT_ONCE, BATCH, IN_FLIGHT, Moment, pace_of
from portal.bulk.states import ItemState, RunKind, RunState
from portal.extensions import db
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Practice
from portal.settings import settings
from portal.transaction import atomic, savepoint

log = structlog.get_logger()

CANNOT_ACT = "cannot_act"
"""The reason of a person at whom the program itself failed; the others of the batch are not held up."""

STARTER_LEFT = "starter_left"
MAILS_TAKE = timedelta(seconds=0.5)
"""When enough mails are on their way, or the last ones: look again after this at the latest."""

_WAITING = (
    select(BulkItem.patient_id)
    .where(
        BulkItem.run_id == bindparam("run"),
        BulkItem.state == ItemState.WAITING.value,
        BulkItem.reason.is_(None),
    )
    .order_by(BulkItem.patient_id)
    .limit(bindparam("most", type_=Integer()))
)


@dataclass(frozen=True, slots=True)
class Worked:
    """What one batch came to."""

    people: int
    over: bool = False
    """Nobody waits any more."""
    wait: timedelta = timedelta(0)
    """How long until there may be more to do: a pace is kept, or enough mails are on their way."""


def work_batch(public_id: str, *, now: datetime, settle: bool = True) -> Worked | None:
    """The next batch of a run, in one commit; None when it is not running, or another worker has it in hand.

    Args:
        settle: whether to write down first what became of mails on their way; it need not be each time.
    """
    worked, grown = None, False
    with atomic():
        run = lock_run(public_id)
        if run is not None and run.state == RunState.RUNNING:
            if growing.is_new(run):
                growing.look_anew()
            before = run.acted_upon
            worked = _go_on(run, settle=settle, now=now)
            grown = growing.has_grown(before, run.acted_upon)
    if grown:
        growing.look_anew()
    return worked


def _go_on(run: BulkRun, *, settle: bool, now: datetime) -> Worked | None:
    kind = RunKind(run.kind)
    if settle:
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
    if tally:
        run.worked_at = now
    _count(run, tally)
    nobody = tally.total() < number
    over = nobody and not flight.expects_more(run, now=now)
    if over:
        flight.settle(run, now=now)
        run.state, run.finished_at = RunState.DONE.value, now
    return Worked(tally.total(), over, MAILS_TAKE if nobody else timedelta(0))


def work_at_once(run: BulkRun, *, by: Actor, at: Moment) -> None:
    """All of a small run, in the caller's transaction."""
    _count(run, _work(run, by=by, at=at, limit=AT_ONCE))


def settle(public_id: str, *, now: datetime) -> None:
    """Write down what became of mails that a run has on their way, whether it goes on or not."""
    with atomic():
        run = lock_run(public_id)
        if run is not None:
            flight.settle(run, now=now)
            flight.go_on_after_trouble(run, now=now)


def to_look_after() -> list[str]:
    """The runs that go on, or wait for mails or for the mail server."""
    query = select(BulkRun.public_id).where(
        or_(BulkRun.state.in_([RunState.RUNNING.value, RunState.PAUSED.value]), BulkRun.mailing > 0)
    )
    return list(db.session.scalars(query.order_by(BulkRun.worked_at)))


def lock_run(public_id: str) -> BulkRun | None:
    """The run as it is now, locked until the commit; None where there is none, or somebody has it in hand."""
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
    if run.acted_upon and since < pause:
        return 0, pause - since
    room = IN_FLIGHT - flight.on_their_way(run, most=IN_FLIGHT, now=now)
    if 2 * room < min(number, IN_FLIGHT):
        return 0, MAILS_TAKE  # a few people cost nearly as much as a batch
    number = min(number, room)
    cap = settings().bulk_per_day
    if cap:
        left = cap - flight.issued_lately(run, most=cap, now=now)
        if left <= 0:
            return 0, timedelta(minutes=1)
        number = min(number, left)
    return number, timedelta(0)


def _work(run: BulkRun, *, by: Actor, at: Moment, limit: int) -> Counter[ItemState]:
    """Claim the next people, look at each as they are now, act."""
    asked = {"run": run.id, "most": limit}
    claimed = db.session.connection().scalars(_WAITING, asked).all()
    if not claimed:
        return Counter()
    kind = RunKind(run.kind)
    charts = lock_charts(claimed)
    reasons = reasons_of(kind, claimed, staff=run.staff_member, at=at)
    reached = [chart for chart in charts.values() if reasons[chart.id] is None]
    standings = {
        patient_id: Standing(ItemState.SKIPPED, reason)
        for patient_id, reason in reasons.items()
        if reason is not None
    }
    standings |= _act(kind, reached, practice=run.practice, by=by, now=at.now)
    _write(run, standings, now=at.now)
    tally = Counter(standing.state for standing in standings.values())
    _tell(run, charts, standings, tally, by=by, now=at.now)
    return tally


def _act(
    kind: RunKind, charts: Sequence[Chart], *, practice: Practice, by: Actor, now: datetime
) -> dict[int, Standing]:
    """Act upon all of them at once; one by one upon whom that leaves out, and upon everybody where it fails."""
    standings: dict[int, Standing] = {}
    try:
        with savepoint():
            standings = acts.act_by_set(kind, charts, practice=practice, by=by, now=now)
    except Exception as error:
        if _whole(error):
            raise
        log.warning("bulk.one_by_one", kind=kind.value, **queue.told(error))
    for chart in charts:
        if chart.id not in standings:
            standings[chart.id] = _act_upon(kind, chart.id, by=by, now=now)
    return standings


def _act_upon(kind: RunKind, patient_id: int, *, by: Actor, now: datetime) -> Standing:
    """Act upon one person; whatever fails with one leaves the others alone (faults.md F12)."""
    try:
        with savepoint():
            return acts.act(kind, db.session.get_one(Patient, patient_id), by=by, now=now)
    except Exception as error:
        if _whole(error):
            raise
        log.error("bulk.cannot_act", kind=kind.value, **queue.told(error))
        return Standing(ItemState.FAILED, CANNOT_ACT)


def _whole(error: Exception) -> bool:
    """Whether it is the database as a whole that fails, and not some values that it refuses."""
    return isinstance(error, DBAPIError) and not isinstance(error, (DataError, IntegrityError))


def _write(run: BulkRun, standings: Mapping[int, Standing], *, now: datetime) -> None:
    alike: dict[Standing, list[int]] = {}
    for patient_id, standing in standings.items():
        alike.setdefault(standing, []).append(patient_id)
    for standing, patient_ids in alike.items():
        flight.put(run, patient_ids, standing.state, standing.reason, now=now)


def _tell(
    run: BulkRun,
    charts: Mapping[int, Chart],
    standings: Mapping[int, Standing],
    tally: Counter[ItemState],
    *,
    by: Actor,
    now: datetime,
) -> None:
    """One chained event for the batch, with a digest of its people (12.3)."""
    lines = sorted(
        f"{charts[patient_id].public_id} {standing.state} {standing.reason or '-'}"
        for patient_id, standing in standings.items()
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
