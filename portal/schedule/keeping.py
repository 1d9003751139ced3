"""Keep the practice's lists: add, change, put in order, close. Nothing is deleted, for appointments point there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound, Refused
from portal.extensions import db
from portal.practices.models import Practice
from portal.schedule.models import AppointmentStatus, ExamRoom, ListEntry, Office
from portal.schedule.states import ListKind
from portal.transaction import atomic

Entry = Office | ExamRoom | AppointmentStatus | ListEntry


class Kind(StrEnum):
    """What a practice keeps a list of."""

    OFFICE = "office"
    ROOM = "room"
    PROFILE = "profile"
    ELIGIBILITY = "eligibility"
    STATUS = "status"
    CONSENT = "consent"


_MODELS: dict[Kind, type[Entry]] = {
    Kind.OFFICE: Office,
    Kind.ROOM: ExamRoom,
    Kind.STATUS: AppointmentStatus,
}
LONGEST: dict[Kind, int] = {Kind.ROOM: 60, Kind.STATUS: 60}
"""Characters of a name; of the others 120."""
USUAL_LONGEST = 120


def every(practice_id: int, kind: Kind) -> list[Entry]:
    """The whole list in its order, closed ones too; of rooms those of all offices."""
    model = _model(kind)
    query = _of(practice_id, kind).order_by(model.position, model.id)
    return list(db.session.scalars(query))


def get(practice_id: int, kind: Kind, public_id: str) -> Entry:
    """One entry.

    Raises:
        NotFound: the practice has none such.
    """
    model = _model(kind)
    found: Entry | None = db.session.scalar(
        _of(practice_id, kind).where(model.public_id == public_id)
    )
    if found is None:
        raise NotFound("entry")
    return found


def add(
    practice_id: int,
    kind: Kind,
    values: Mapping[str, Any],
    *,
    office: Office | None = None,
    by: Actor,
    now: datetime,
) -> Entry:
    """A new one, the last of its list.

    Args:
        values: ``name``, and what else the kind has, checked by the form.
        office: of a room.

    Raises:
        Refused: ``name_taken``, also by a closed one.
    """
    office_id = office.id if office else None
    try:
        with atomic():
            _lock(practice_id)
            beside = _beside(practice_id, kind, office_id)
            entry = _blank(practice_id, kind, office_id)
            for name, value in values.items():
                setattr(entry, name, value)
            entry.position = len(beside)
            db.session.add(entry)
            db.session.flush()
            _tell(practice_id, kind, entry, "added", by=by, now=now)
            return entry
    except IntegrityError as error:
        raise Refused("name_taken") from error


def change(
    practice_id: int,
    kind: Kind,
    public_id: str,
    values: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
) -> bool:
    """Another name, or other particulars; says whether anything differs.

    Appointments that point there show the new name. An office's new time zone moves no appointment.

    Raises:
        NotFound: the practice has none such.
        Refused: ``name_taken``.
    """
    try:
        with atomic():
            _lock(practice_id)
            entry = get(practice_id, kind, public_id)
            changed = [name for name, value in values.items() if getattr(entry, name) != value]
            for name in changed:
                setattr(entry, name, values[name])
            if changed:
                db.session.flush()
                _tell(practice_id, kind, entry, ",".join(sorted(changed)), by=by, now=now)
            return bool(changed)
    except IntegrityError as error:
        raise Refused("name_taken") from error


def place(
    practice_id: int, kind: Kind, public_id: str, position: int, *, by: Actor, now: datetime
) -> None:
    """Put it at a place of its list, from 0; the others make room.

    Raises:
        NotFound: the practice has none such.
    """
    with atomic():
        _lock(practice_id)
        entry = get(practice_id, kind, public_id)
        office_id = entry.office_id if isinstance(entry, ExamRoom) else None
        others = [one for one in _beside(practice_id, kind, office_id) if one is not entry]
        before = entry.position
        others.insert(max(0, min(position, len(others))), entry)
        for number, one in enumerate(others):
            one.position = number
        if entry.position != before:
            _tell(practice_id, kind, entry, "position", by=by, now=now)


def close(practice_id: int, kind: Kind, public_id: str, *, by: Actor, now: datetime) -> None:
    """It is offered no more; appointments that have it keep it. Twice is harmless.

    Raises:
        NotFound: the practice has none such.
        Refused: ``last_one``: appointments cannot do without an office, or a status of each meaning.
    """
    with atomic():
        _lock(practice_id)
        entry = get(practice_id, kind, public_id)
        if entry.closed_at is not None:
            return
        if _is_last(practice_id, kind, entry):
            raise Refused("last_one")
        entry.closed_at = now
        _tell(practice_id, kind, entry, "closed", by=by, now=now)


def reopen(practice_id: int, kind: Kind, public_id: str, *, by: Actor, now: datetime) -> None:
    """It is offered again. Twice is harmless.

    Raises:
        NotFound: the practice has none such.
    """
    with atomic():
        _lock(practice_id)
        entry = get(practice_id, kind, public_id)
        if entry.closed_at is not None:
            entry.closed_at = None
            _tell(practice_id, kind, entry, "opened", by=by, now=now)


def _is_last(practice_id: int, kind: Kind, entry: Entry) -> bool:
    needed: Sequence[Entry]
    match entry:
        case Office():
            needed = every(practice_id, kind)
        case AppointmentStatus(meaning=meaning):
            statuses = cast(list[AppointmentStatus], every(practice_id, kind))
            needed = [status for status in statuses if status.meaning == meaning]
        case _:
            return False
    return [one for one in needed if one.closed_at is None] == [entry]


def _model(kind: Kind) -> type[Entry]:
    return _MODELS.get(kind, ListEntry)


def _of(practice_id: int, kind: Kind) -> Select[Any]:
    if kind is Kind.ROOM:
        return select(ExamRoom).join(Office).where(Office.practice_id == practice_id)
    if kind in _MODELS:
        return select(_MODELS[kind]).where(_MODELS[kind].practice_id == practice_id)  # type: ignore[union-attr]
    return select(ListEntry).where(
        ListEntry.practice_id == practice_id, ListEntry.kind == ListKind(kind.value).value
    )


def _beside(practice_id: int, kind: Kind, office_id: int | None) -> list[Entry]:
    entries = every(practice_id, kind)
    if office_id is None:
        return entries
    return [entry for entry in entries if cast(ExamRoom, entry).office_id == office_id]


def _blank(practice_id: int, kind: Kind, office_id: int | None) -> Entry:
    match kind:
        case Kind.OFFICE:
            return Office(practice_id=practice_id)
        case Kind.ROOM:
            return ExamRoom(office_id=office_id)
        case Kind.STATUS:
            return AppointmentStatus(practice_id=practice_id)
        case _:
            return ListEntry(practice_id=practice_id, kind=kind.value)


def _lock(practice_id: int) -> None:
    """One change of a practice's lists after the other."""
    db.session.get_one(
        Practice, practice_id, with_for_update={"key_share": True}, populate_existing=True
    )


def _tell(
    practice_id: int, kind: Kind, entry: Entry, what: str, *, by: Actor, now: datetime
) -> None:
    audit.record(
        "schedule.list_changed",
        practice_id=practice_id,
        by=by,
        now=now,
        subject=("practice", practice_id),
        list=kind.value,
        entry=entry.public_id,
        what=what,
    )
