"""Who is passed over, or stands where in a run: one page of a list, with the fix at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import joinedload

from portal.access.models import Grant
from portal.bulk.facts import judged
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import Scope, moment_of
from portal.bulk.states import ItemState, RunKind, SkipReason
from portal.extensions import db
from portal.people.models import Patient

PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the list."""

    patient: Patient
    last_grant: Grant | None
    """The newest, which tells by whom and when access ended."""
    reason: str | None
    state: ItemState | None = None
    """Where they stand in the run; None in a preview."""


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some people, and where the next page begins (the public id of the last one); None at the end."""

    lines: tuple[Line, ...]
    next: str | None


def passed_over(
    kind: RunKind, scope: Scope, reason: SkipReason, *, after: str | None, now: datetime
) -> PeoplePage:
    """Whom a run would pass over for this reason, by name."""
    at = moment_of(scope.staff.practice, now)
    each = judged(kind, staff=scope.staff, at=at, only=reason)
    each = scope.narrow(each.add_columns(Patient.sort_name.label("sort_name")), whole=False)
    last = _last(scope.staff.practice_id, after)
    if last is not None:
        here = tuple_(literal(last.sort_name), literal(last.id))
        each = each.where(tuple_(Patient.sort_name, Patient.id) > here)
    told = each.subquery()
    numbers = db.session.scalars(
        select(told.c.patient_id)
        .where(told.c.reason == reason.value)
        .order_by(told.c.sort_name, told.c.patient_id)
        .limit(PAGE + 1)
    ).all()
    return _page(numbers, dict.fromkeys(numbers, reason.value), {})


def of_run(run: BulkRun, state: ItemState, reason: str | None, *, after: str | None) -> PeoplePage:
    """Who stands there in a run (for this reason, where one is given), in the order of the run."""
    query: Select[int, str | None] = select(BulkItem.patient_id, BulkItem.reason).where(
        BulkItem.run_id == run.id, BulkItem.state == state.value
    )
    query = query.where(BulkItem.reason == reason) if reason else query
    last = _last(run.practice_id, after)
    if last is not None:
        query = query.where(BulkItem.patient_id > last.id)
    rows = db.session.execute(query.order_by(BulkItem.patient_id).limit(PAGE + 1)).all()
    reasons = {number: why for number, why in rows}  # noqa: C416 (typed rows)
    return _page([*reasons], reasons, dict.fromkeys(reasons, state))


def reasons_of(run: BulkRun) -> list[tuple[ItemState, str | None, int]]:
    """How many stand where, and why."""
    rows = db.session.execute(
        select(BulkItem.state, BulkItem.reason, func.count())
        .where(BulkItem.run_id == run.id)
        .group_by(BulkItem.state, BulkItem.reason)
    )
    return [(ItemState(state), reason, number) for state, reason, number in rows]


def _last(practice_id: int, public_id: str | None) -> Patient | None:
    if not public_id:
        return None
    return db.session.scalar(
        select(Patient).where(Patient.public_id == public_id, Patient.practice_id == practice_id)
    )


def _page(
    numbers: Sequence[int], reasons: dict[int, str | None], states: dict[int, ItemState]
) -> PeoplePage:
    shown = list(numbers[:PAGE])
    patients = {
        patient.id: patient
        for patient in db.session.scalars(
            select(Patient).where(Patient.id.in_(shown)).options(joinedload(Patient.practice))
        )
    }
    newest = (
        select(func.max(Grant.id)).where(Grant.patient_id.in_(shown)).group_by(Grant.patient_id)
    )
    grants = {
        grant.patient_id: grant
        for grant in db.session.scalars(select(Grant).where(Grant.id.in_(newest)))
    }
    lines = tuple(
        Line(patients[number], grants.get(number), reasons.get(number), states.get(number))
        for number in shown
    )
    return PeoplePage(lines, lines[-1].patient.public_id if len(numbers) > PAGE else None)
