"""Keep rows and counters true. The only writer of ``roster_row`` and ``roster_count``.

Everybody locks rows in the order of their patients, and counters after rows, at the end of a commit. So no two
commits wait for each other, and the later of two that touch one patient reads what both have done.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    RowMapping,
    Select,
    bindparam,
    case,
    delete,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite

from portal import clock, sweep
from portal.extensions import db
from portal.people.models import Patient
from portal.practices.models import Practice
from portal.roster.facts import FACTS_OF, row_values, rows_by_set
from portal.roster.models import RosterCount, RosterRow
from portal.roster.rules import STATUSES, Pill
from portal.rows import Values, among, insert_rows, table_of
from portal.transaction import atomic, before_commit

Tally = Counter[tuple[int, Pill]]
"""(practice, pill) -> how many."""

FEW = 100
"""Up to so many patients are worked out one by one by the rules, more of them by the database."""
MUCH = 1_000
"""New patients at once, from which on it may be worth to look anew."""
ANALYZED = ("roster_row", "patient_search_word", "access_grant")
CHUNK = 5_000
"""Patients to one statement."""
_FLAGS = (Pill.EXPIRED, Pill.BOUNCED, Pill.MISSING)
"""Pills that are a column each."""
_UPSERT = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_ROWS = table_of(RosterRow)
_OF = among(_ROWS.c.patient_id, "patients")
_HELD = select(_ROWS).where(_OF).order_by(_ROWS.c.patient_id).with_for_update()
_CHANGE = _ROWS.update().where(_ROWS.c.patient_id == bindparam("patient"))
_PRACTICES_OF = select(Practice.id, Practice.time_zone).where(
    Practice.id.in_(select(Patient.practice_id).where(among(Patient.id, "patients")))
)
_COUNT = text(
    "INSERT INTO roster_count (practice_id, pill, number) VALUES (:practice_id, :pill, :number)"
    " ON CONFLICT (practice_id, pill) DO UPDATE SET number = roster_count.number + excluded.number"
)


def refresh(patient_ids: Collection[int], *, now: datetime) -> None:
    """Make rows and counters of these patients true again, in the caller's transaction."""
    ids = sorted(patient_ids)
    if len(ids) <= FEW:
        _move(_refresh_few(ids, now=now))
        return
    moved: Tally = Counter()
    for begin in range(0, len(ids), CHUNK):
        chunk = ids[begin : begin + CHUNK]
        moved.subtract(_counted(_TALLY_LOCKED, chunk))
        _write_by_set(chunk, now=now)
        moved.update(_counted(_TALLY, chunk))
    _move(moved)


def rebuild(practice_id: int, *, now: datetime) -> None:
    """Make all rows and counters of a practice anew from the facts, whatever they are now."""
    with atomic():
        after = 0
        while True:
            ids = db.session.scalars(
                select(Patient.id)
                # the sum makes SQLite walk along the numbers, not through all of the practice each time
                .where(Patient.practice_id + 0 == practice_id, Patient.id > after)
                .order_by(Patient.id)
                .limit(CHUNK)
            ).all()
            if not ids:
                break
            _lock(ids)
            _write_by_set(ids, now=now)
            after = ids[-1]
        counters = select(RosterCount).where(RosterCount.practice_id == practice_id)
        db.session.execute(counters.order_by(RosterCount.pill).with_for_update())
        db.session.execute(delete(RosterCount).where(RosterCount.practice_id == practice_id))
        _move(tally(RosterRow.practice_id == practice_id))
    analyze()


def grown(practice_id: int, *, added: int) -> None:
    """So many patients came to a practice: where that is much, the database looks anew at what it holds."""
    if added < MUCH:
        return
    everybody = select(RosterCount.number).where(
        RosterCount.practice_id == practice_id, RosterCount.pill == Pill.ALL.value
    )
    if added * 10 >= (db.session.scalar(everybody) or 0):
        analyze()


def analyze() -> None:
    """Let the database look at the tables that the list is read from; a second or two for a million patients.

    All of them: from a sample SQLite concludes that a practice is small, and leaves the indexes for few unused.
    PostgreSQL does it by itself, but minutes later.
    """
    with atomic():
        if db.engine.dialect.name == "sqlite":
            db.session.execute(text("PRAGMA analysis_limit = 0"))
        for table in ANALYZED:
            db.session.execute(text(f"ANALYZE {table}"))


def tally(where: ColumnElement[bool]) -> Tally:
    """How many of the rows that ``where`` holds of each pill counts."""
    return _counted(_tally(_ROWS).where(where))


def _tally(rows: FromClause) -> Select[*tuple[Any, ...]]:
    flags = (func.sum(case((rows.c[pill.value], 1), else_=0)) for pill in _FLAGS)
    of = (rows.c.practice_id, rows.c.status)
    return select(*of, func.count(), *flags).group_by(*of)


_TALLY, _TALLY_LOCKED = _tally(_ROWS).where(_OF), _tally(_HELD.cte("held"))
"""Of these ``patients``; the one locks their rows first, in order."""


def _counted(query: Select[*tuple[Any, ...]], ids: Sequence[int] = ()) -> Tally:
    counted: Tally = Counter()
    rows = db.session.connection().execute(query, {"patients": ids})
    for practice_id, status, number, *flagged in rows:
        counted[practice_id, Pill.ALL] += number
        counted[practice_id, Pill(STATUSES[status].value)] += number
        for pill, times in zip(_FLAGS, flagged, strict=True):
            counted[practice_id, pill] += times
    return counted


def catch_up(*, now: datetime) -> int:
    """The sweep: renew the rows that the clock has overtaken; returns how many. Refusals never wait for it."""
    done = 0
    while True:
        with atomic():
            due = db.session.scalars(
                select(RosterRow.patient_id)
                .where(RosterRow.changes_at <= now)
                .order_by(RosterRow.changes_at)
                .limit(FEW)
            ).all()
            refresh(due, now=now)
        done += len(due)
        if len(due) < FEW:
            return done


def _refresh_few(ids: Sequence[int], *, now: datetime) -> Tally:
    if not ids:
        return Counter()
    connection = db.session.connection()
    held = {
        row["patient_id"]: row for row in connection.execute(_HELD, {"patients": ids}).mappings()
    }
    moved: Tally = Counter()
    new: list[Values] = []
    changed: dict[tuple[str, ...], list[Values]] = defaultdict(list)
    for facts in connection.execute(FACTS_OF, {"patients": ids, "now": now}).all():
        row = row_values(facts, now=now)
        moved.update(_pills(row))
        before = held.get(facts.patient_id)
        if before is None:
            new.append(row)
            continue
        moved.subtract(_pills(before))
        changes = {name: value for name, value in row.items() if value != before[name]}
        if changes:
            changed[tuple(changes)].append({"patient": facts.patient_id, **changes})
    for rows in changed.values():
        connection.execute(_CHANGE, rows)
    insert_rows(RosterRow, new)
    return moved


def _pills(row: Values | RowMapping) -> list[tuple[int, Pill]]:
    held = [Pill.ALL, Pill(STATUSES[row["status"]].value)]
    held += [pill for pill in _FLAGS if row[pill.value]]
    return [(row["practice_id"], pill) for pill in held]


def _lock(ids: Sequence[int]) -> None:
    locked = select(RosterRow.patient_id).where(among(RosterRow.patient_id, ids))
    db.session.execute(locked.order_by(RosterRow.patient_id).with_for_update()).all()


def _write_by_set(ids: Sequence[int], *, now: datetime) -> None:
    connection = db.session.connection()
    put = _put(db.engine.dialect.name)
    for practice_id, zone in connection.execute(_PRACTICES_OF, {"patients": ids}).all():
        asked = {"practice": practice_id, "today": clock.local_date(now, zone), "now": now}
        connection.execute(put, {"patients": ids, **asked})


@lru_cache(maxsize=2)
def _put(dialect: str) -> Any:
    mine = (Patient.practice_id == bindparam("practice")) & among(Patient.id, "patients")
    rows = rows_by_set(mine)
    names = rows.selected_columns.keys()
    put: Any = _UPSERT[dialect](_ROWS).from_select(names, rows)
    changed = {name: put.excluded[name] for name in names if name != "patient_id"}
    return put.on_conflict_do_update(index_elements=["patient_id"], set_=changed)


def _move(moved: Tally) -> None:
    rows = [
        {"practice_id": practice_id, "pill": pill.value, "number": number}
        for (practice_id, pill), number in sorted(moved.items())
        if number
    ]
    if not rows:
        return
    db.session.connection().execute(_COUNT, rows)


def register() -> None:
    """Follow every commit, and the clock."""
    before_commit(_follow)
    sweep.task("roster")(_catch_up)


def _follow(patient_ids: set[int]) -> None:
    refresh(patient_ids, now=clock.now())


def _catch_up(now: datetime) -> None:
    catch_up(now=now)
