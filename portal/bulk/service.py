"""Start, pause, resume and cancel runs. This and :mod:`portal.bulk.working` alone write ``bulk_run`` and ``bulk_item``.

Everybody locks in one order: the run, then patients, and the practice's audit chain last: no two wait for each other.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case, func, insert, literal, null, select, update
from sqlalchemy.exc import IntegrityError

from portal import queue
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.bulk import working
from portal.bulk.facts import judged
from portal.bulk.flight import WORK
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import Preview, Scope, moment_of
from portal.bulk.rules import AT_ONCE, OPEN, TRANSITIONS
from portal.bulk.scope import may_run
from portal.bulk.states import ItemState, PausedBy, RunKind, RunState
from portal.errors import NotAllowed, NotFound, Refused, Stale
from portal.extensions import db
from portal.practices.models import StaffMember
from portal.roster import selection as selections
from portal.transaction import atomic


def find(*, practice_id: int, public_id: str) -> BulkRun:
    """One run of the practice.

    Raises:
        NotFound: there is none, or it is another practice's.
    """
    run = db.session.scalar(
        select(BulkRun).where(BulkRun.public_id == public_id, BulkRun.practice_id == practice_id)
    )
    if run is None:
        raise NotFound("bulk run")
    return run


def open_run(*, practice_id: int) -> BulkRun | None:
    """The practice's run that is not over; there is one at most."""
    return db.session.scalar(
        select(BulkRun).where(
            BulkRun.practice_id == practice_id, BulkRun.state.in_([state.value for state in OPEN])
        )
    )


def latest_runs(*, practice_id: int, limit: int = 20) -> list[BulkRun]:
    """The practice's runs, the newest first."""
    query = select(BulkRun).where(BulkRun.practice_id == practice_id)
    newest = query.order_by(BulkRun.started_at.desc(), BulkRun.id.desc())
    return list(db.session.scalars(newest.limit(limit)))


def start(kind: RunKind, scope: Scope, *, shown: Preview, by: Actor, now: datetime) -> BulkRun:
    """Take the snapshot and begin. Up to :data:`portal.bulk.rules.AT_ONCE` people are done in the same commit.

    Args:
        shown: the numbers on the button; if they are others by now nothing is done.

    Returns:
        The new run.

    Raises:
        NotAllowed: this person's role does not include it.
        Stale: the snapshot reaches other numbers than were shown, or nobody.
        Refused: ``run_open``: another run of the practice is not over.
    """
    staff, practice = scope.staff, scope.staff.practice
    at = moment_of(practice, now)
    if not may_run(staff, scope=scope.kind, number=shown.total):
        raise NotAllowed
    at_once = shown.total <= AT_ONCE and kind is not RunKind.INVITE
    try:
        with atomic():
            run = _new_run(kind, scope, staff, at_once=at_once, by=by, now=now)
            _take_snapshot(run, kind, scope, now=now)
            reached = _count(run, now=now)
            if reached == 0 or (run.total, reached) != (shown.total, shown.eligible):
                raise Stale
            audit.record(
                "bulk.started",
                practice_id=run.practice_id,
                by=by,
                now=now,
                subject=("bulk_run", run.id),
                run=run.public_id,
                kind=run.kind,
                scope=run.scope,
                total=run.total,
                reached=reached,
            )
            if scope.selection is not None and scope.selection.logon_id is not None:
                selections.clear(logon_id=scope.selection.logon_id)
            if at_once:
                working.work_at_once(run, by=by, at=at)
            else:
                queue.ring_after_commit(WORK, run.public_id)
            return run
    except IntegrityError as error:
        raise Refused("run_open") from error


def pause(run: BulkRun, *, by: Actor, now: datetime) -> bool:
    """Stop after the batch in hand, until a person resumes; False when it was not running."""
    values = {"paused_by": PausedBy.PERSON.value, "paused_by_name": by.name, "pause_reason": None}
    return move(run, RunState.PAUSED, by=by, now=now, **values)


def resume(run: BulkRun, *, by: Actor, now: datetime) -> bool:
    """Go on; False when it was not paused."""
    return move(run, RunState.RUNNING, by=by, now=now)


def cancel(run: BulkRun, *, by: Actor, now: datetime) -> bool:
    """Stop after the batch in hand for good; whom nobody has come to yet is left as they are."""
    return move(run, RunState.CANCELLED, by=by, now=now)


def move(
    run: BulkRun,
    to: RunState,
    *,
    by: Actor,
    now: datetime,
    paused_by: str | None = None,
    paused_by_name: str | None = None,
    pause_reason: str | None = None,
) -> bool:
    """One step of the table of transitions, with its audit event; False when the run is not where it begins."""
    run_id, practice_id, public_id = run.id, run.practice_id, run.public_id
    before = [state.value for state, moves in TRANSITIONS.items() if to in moves]
    with atomic():
        done = db.session.execute(
            update(BulkRun)
            .where(BulkRun.id == run_id, BulkRun.state.in_(before))
            .values(
                state=to.value,
                paused_by=paused_by,
                paused_by_name=paused_by_name,
                pause_reason=pause_reason,
                finished_at=None if TRANSITIONS[to] else now,
            )
        )
        if getattr(done, "rowcount", 0) != 1:
            return False
        audit.record(
            "bulk.moved",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("bulk_run", run_id),
            run=public_id,
            state=to.value,
            reason=pause_reason,
        )
        if to is RunState.RUNNING:
            queue.ring_after_commit(WORK, public_id)
        return True


def _new_run(
    kind: RunKind, scope: Scope, staff: StaffMember, *, at_once: bool, by: Actor, now: datetime
) -> BulkRun:
    run = BulkRun(
        practice_id=staff.practice_id,
        kind=kind.value,
        scope=scope.kind.value,
        # what is done in one commit is never seen open, and keeps no other run waiting
        state=(RunState.DONE if at_once else RunState.RUNNING).value,
        staff_member_id=staff.id,
        started_by_name=by.name,
        client=by.client,
        started_at=now,
        worked_at=now,
        finished_at=now if at_once else None,
        total=0,
        done=0,
        skipped=0,
        failed=0,
        mailing=0,
    )
    db.session.add(run)
    db.session.flush()
    return run


def _take_snapshot(run: BulkRun, kind: RunKind, scope: Scope, *, now: datetime) -> None:
    at = moment_of(run.practice, now)
    each = scope.narrow(judged(kind, staff=scope.staff, at=at)).subquery()
    skipped = each.c.reason.is_not(None)
    db.session.execute(
        insert(BulkItem).from_select(
            ["run_id", "patient_id", "state", "reason", "settled_at"],
            select(
                literal(run.id),
                each.c.patient_id,
                case(
                    (skipped, literal(ItemState.SKIPPED.value)),
                    else_=literal(ItemState.WAITING.value),
                ),
                each.c.reason,
                case((skipped, literal(now, BulkItem.settled_at.type)), else_=null()),
            ),
        )
    )


def _count(run: BulkRun, *, now: datetime) -> int:
    """Write down how many the snapshot holds; returns how many of them the run reaches."""
    rows = db.session.execute(
        select(BulkItem.state, func.count())
        .where(BulkItem.run_id == run.id)
        .group_by(BulkItem.state)
    )
    counted: dict[str, int] = dict(rows.all())
    run.skipped = counted.get(ItemState.SKIPPED, 0)
    run.total = sum(counted.values())
    db.session.flush()
    return counted.get(ItemState.WAITING, 0)
