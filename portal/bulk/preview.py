"""What a run would do, before it does anything (7.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, case, cast, func, literal, select

from portal import clock
from portal.access.models import Grant
from portal.bulk.facts import judged
from portal.bulk.models import BulkItem
from portal.bulk.rules import REASONS, Moment
from portal.bulk.scope import within
from portal.bulk.states import ItemState, RunKind, RunScope, SkipReason
from portal.extensions import db
from portal.people.models import Patient
from portal.practices.models import Practice, StaffMember
from portal.roster import selection as selections
from portal.roster.selection_models import Selection


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a run is about: the ticked, the practice as far as it is this person's, or whom an earlier run failed."""

    kind: RunScope
    staff: StaffMember
    selection: Selection | None = None
    run_id: int | None = None
    run_public_id: str = ""

    def narrow(
        self, query: Select[*tuple[Any, ...]], *, whole: bool = True
    ) -> Select[*tuple[Any, ...]]:
        """Just these of all patients.

        Args:
            whole: everybody of the scope is looked at, not the first few in an order.
        """
        mine = Patient.practice_id
        if whole and db.engine.dialect.name == "sqlite":
            # a sum makes SQLite walk along the numbers; by an index of the practice it would jump to and fro
            query = query.where(mine + 0 == self.staff.practice_id)
        else:
            query = query.where(mine == self.staff.practice_id)
        match self.kind:
            case RunScope.SELECTION if self.selection is not None:
                return query.where(Patient.id.in_(selections.patient_ids(self.selection)))
            case RunScope.FAILED:
                failed = select(BulkItem.patient_id).where(
                    BulkItem.run_id == self.run_id, BulkItem.state == ItemState.FAILED.value
                )
                return query.where(Patient.id.in_(failed))
            case RunScope.PRACTICE:
                return query.where(within(self.staff))
        raise ValueError(self.kind)


@dataclass(frozen=True, slots=True)
class Preview:
    """How many a run reaches, and how many it passes over for each reason; together that is everybody."""

    kind: RunKind
    total: int
    eligible: int
    reasons: Mapping[SkipReason, int]
    """Only those that hold of somebody, in their order."""
    ready: int = 0
    """Of the eligible: enabled and not invited. Counted for disabling only, like the next two."""
    pending: int = 0
    active: int = 0
    languages: Mapping[str, int] = field(default_factory=dict)
    """Of the eligible, in which language they are written to; counted for invitations only."""


def moment_of(practice: Practice, now: datetime) -> Moment:
    """The moment, with the practice's calendar day."""
    return Moment(now, clock.local_date(now, practice.time_zone))


def make(kind: RunKind, scope: Scope, *, now: datetime) -> Preview:
    """Count by one walk through the scope, each person once."""
    staff = scope.staff
    each = judged(kind, staff=staff, at=moment_of(staff.practice, now))
    each = scope.narrow(each.add_columns(_detail(kind, staff.practice).label("detail")))
    # materialised: else SQLite judges everybody twice, once to group and once to tell
    told = each.cte("told").prefix_with("MATERIALIZED")
    rows = db.session.execute(
        select(told.c.reason, told.c.detail, func.count()).group_by(told.c.reason, told.c.detail)
    )
    reasons: Counter[SkipReason] = Counter()
    details: Counter[str] = Counter()
    for reason, detail, number in rows:
        if reason is None:
            details[detail] += number
        else:
            reasons[SkipReason(reason)] += number
    eligible = details.total()
    return Preview(
        kind=kind,
        total=eligible + reasons.total(),
        eligible=eligible,
        reasons={reason: reasons[reason] for reason in REASONS[kind] if reasons[reason]},
        ready=details["ready"],
        pending=details["pending"],
        active=details["active"],
        languages={code: details[code] for code in sorted(details)}
        if kind is RunKind.INVITE
        else {},
    )


def _detail(kind: RunKind, practice: Practice) -> Any:
    match kind:
        case RunKind.INVITE:
            return func.coalesce(Patient.language, literal(practice.default_language))
        case RunKind.DISABLE:
            active = Grant.first_logon_at.is_not(None) | Grant.existing_account_since.is_not(None)
            return case(
                (active, literal("active")),
                (Grant.invited_at.is_not(None), literal("pending")),
                else_=literal("ready"),
            )
        case RunKind.ENABLE:
            return cast(literal(""), String)
