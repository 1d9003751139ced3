"""Many appointments at once, out of a file, written by set and found again by the file's own id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select, text, update

from portal import tokens
from portal.audit.actor import Actor
from portal.extensions import db
from portal.people.locking import lock_patients
from portal.rows import insert_numbered, table_of
from portal.schedule import changes
from portal.schedule.models import Appointment, AppointmentStatus, Office
from portal.schedule.states import AppointmentState as State
from portal.transaction import touch_patients

_OVER = frozenset({State.COMPLETED, State.NO_SHOW, State.CANCELLED})
_COMPARED = (
    "patient_id",
    "office_id",
    "provider_id",
    "starts_at",
    "day",
    "minutes",
    "reason",
    "video_visit",
    "profile_id",
    "exam_room_id",
)
_KEPT_BY_A_BLANK = ("provider_id", "reason", "profile_id", "exam_room_id")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A visit as the file tells of it, in the practice's own numbers."""

    source_id: str
    patient_id: int
    office_id: int
    office_told: bool
    """Whether the file names the office; one that it does not name moves no appointment."""
    provider_id: int | None
    """None: the file names none, and one that is on file stays."""
    starts_at: datetime
    day: date
    """Of the start, by the office's calendar."""
    minutes: int
    reason: str
    """"": the file tells none, and one that is on file stays."""
    video_visit: bool
    state: State
    state_told: bool
    """Whether the file says so; else it follows from the clock."""
    profile_id: int | None = None
    exam_room_id: int | None = None


@dataclass(slots=True)
class Outcome:
    """What became of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    told: list[str] = field(default_factory=list)
    """One line for each that changed, for a digest: public id and the fields."""


def analyze() -> None:
    """Tell PostgreSQL, in the caller's transaction, that the tables have grown.

    Of tables that were filled a moment ago it believes that they are small, and walks through them for each batch.
    SQLite goes by the indexes anyhow.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("ANALYZE patient, appointment"))


def find_office(practice_id: int, name: str) -> Office | None:
    """The practice's office of that name, open or closed; None where it has none."""
    return db.session.scalar(
        select(Office).where(Office.practice_id == practice_id, Office.name == name)
    )


def compare(practice_id: int, visits: Sequence[Incoming]) -> Outcome:
    """What :func:`put` would do; nothing is locked or written."""
    held = _held(practice_id, visits, lock=False)
    done = Outcome()
    for visit in visits:
        row = held.get(visit.source_id)
        if row is None:
            done.created += 1
        elif _changes(row, visit):
            done.updated += 1
        else:
            done.unchanged += 1
    return done


def put(practice_id: int, visits: Sequence[Incoming], *, by: Actor, now: datetime) -> Outcome:
    """Make or change these appointments, in the caller's transaction; each source id comes once.

    Time alone moves no state of an appointment that is on file: that is staff's, unless the file says what
    became of it.

    Raises:
        sqlalchemy.exc.IntegrityError: somebody else brings one of them in at this moment.
    """
    lock_patients({visit.patient_id for visit in visits})
    held = _held(practice_id, visits, lock=True)
    statuses = _statuses(practice_id)
    done = Outcome()
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    touched: set[int] = set()
    for visit in visits:
        row = held.get(visit.source_id)
        if row is None:
            new.append(_new(practice_id, visit, statuses, by=by, now=now))
            done.told.append(f"{new[-1]['public_id']} created")
            touched.add(visit.patient_id)
        elif values := _changes(row, visit):
            done.told.append(f"{row.public_id} {','.join(sorted(values))}")
            changed.append(_changed(row, values, statuses, by=by, now=now))
            touched |= {visit.patient_id, row.patient_id}
        else:
            done.unchanged += 1
    done.created, done.updated = len(new), len(changed)
    ids = _write(new, changed)
    if ids:
        touch_patients(touched)
        changes.imported(ids, by, now)
    return done


def _write(new: list[dict[str, Any]], changed: list[dict[str, Any]]) -> list[int]:
    ids = list(insert_numbered(Appointment, new).values()) if new else []
    if changed:
        table = table_of(Appointment)
        columns = [name for name in changed[0] if name != "number"]
        db.session.execute(
            update(table)
            .where(table.c.id == bindparam("number"))
            .values({name: bindparam(f"new_{name}") for name in columns}),
            [
                {"number": row["number"]} | {f"new_{name}": row[name] for name in columns}
                for row in changed
            ],
            execution_options={"synchronize_session": False},
        )
        ids += [row["number"] for row in changed]
    return ids


def _held(
    practice_id: int, visits: Sequence[Incoming], *, lock: bool
) -> dict[str, Row[*tuple[Any, ...]]]:
    columns = table_of(Appointment).c
    query = select(*columns).where(
        columns.practice_id == practice_id,
        columns.source_id.in_([visit.source_id for visit in visits]),
    )
    if lock:
        query = query.order_by(columns.id).with_for_update()
    return {row.source_id: row for row in db.session.execute(query)}


def _statuses(practice_id: int) -> dict[State, int]:
    """The practice's first status of each meaning; a closed one where none is open."""
    rows = db.session.execute(
        select(AppointmentStatus.meaning, AppointmentStatus.id)
        .where(AppointmentStatus.practice_id == practice_id)
        .order_by(
            AppointmentStatus.closed_at.is_not(None),
            AppointmentStatus.position,
            AppointmentStatus.id,
        )
    )
    found: dict[State, int] = {}
    for meaning, number in rows:
        found.setdefault(State(meaning), number)
    return found


def _changes(row: Row[*tuple[Any, ...]], visit: Incoming) -> dict[str, Any]:
    """The columns that the file changes."""
    values = {
        name: getattr(visit, name)
        for name in _COMPARED
        if getattr(row, name) != getattr(visit, name)
    }
    if not visit.office_told:
        values.pop("office_id", None)
    for name in _KEPT_BY_A_BLANK:
        if not getattr(visit, name):
            values.pop(name, None)
    held = State(row.state)
    moved = "starts_at" in values
    state = state_after(held, visit.state, told=visit.state_told, moved=moved)
    if state is not held:
        values["state"] = state.value
    return values


def state_after(held: State, coming: State, *, told: bool, moved: bool) -> State:
    """What an appointment that is on file becomes.

    Args:
        held: what it is.
        coming: what the file, or the clock, makes of it.
        told: whether that is the file's word.
        moved: whether the file moves its start.
    """
    if moved and held is not State.CANCELLED:
        return coming
    if not told or held in _OVER:
        return held
    if coming in _OVER or held is State.SCHEDULED:
        return coming
    return held


def _new(
    practice_id: int, visit: Incoming, statuses: dict[State, int], *, by: Actor, now: datetime
) -> dict[str, Any]:
    return {
        "public_id": tokens.public_id(),
        "practice_id": practice_id,
        "source_id": visit.source_id,
        "status_id": statuses[visit.state],
        "state": visit.state.value,
        "notes": "",
        "walk_in": False,
        "transition_of_care": False,
        "referral": False,
        "version": 1,
        "created_at": now,
        "created_by_name": by.name,
        "updated_at": now,
        "updated_by_name": by.name,
        **{name: getattr(visit, name) for name in _COMPARED},
        **_moments(visit.state, visit.starts_at, visit.minutes, now=now),
    }


def _changed(
    row: Row[*tuple[Any, ...]],
    values: dict[str, Any],
    statuses: dict[State, int],
    *,
    by: Actor,
    now: datetime,
) -> dict[str, Any]:
    """All that may change, so that one statement does for many."""
    full = {name: values.get(name, getattr(row, name)) for name in (*_COMPARED, "state")}
    state = State(full["state"])
    moments = {
        name: getattr(row, name)
        for name in ("completed_at", "cancelled_at", "confirmed_at", "confirmed_by")
    }
    if "state" in values:
        moments |= _moments(state, full["starts_at"], full["minutes"], now=now)
    if "starts_at" in values:
        # what was confirmed is another time
        moments |= {"confirmed_at": None, "confirmed_by": None}
    return {
        "number": row.id,
        **full,
        **moments,
        "status_id": statuses[state] if "state" in values else row.status_id,
        "version": row.version + 1,
        "updated_at": now,
        "updated_by_name": by.name,
    }


def _moments(state: State, starts_at: datetime, minutes: int, *, now: datetime) -> dict[str, Any]:
    """When a visit was over, as far as a file lets one know: at its end."""
    ended = starts_at + timedelta(minutes=minutes)
    return {
        "completed_at": ended if state is State.COMPLETED else None,
        "cancelled_at": now if state is State.CANCELLED else None,
    }
