"""Append to the trail, and prove it whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select

from portal.audit.actor import Actor
from portal.audit.models import AuditChain, AuditEvent
from portal.audit.vocabulary import FIELDS
from portal.extensions import db
from portal.rows import Values, insert_rows, table_of
from portal.transaction import WriteOutsideTransaction, at_last, writing

GENESIS = "0" * 64
_CHAIN = table_of(AuditChain)
_OF_PRACTICE = _CHAIN.c.practice_id == bindparam("practice")
_END = select(_CHAIN.c.sequence, _CHAIN.c.hash).where(_OF_PRACTICE).with_for_update()
_BEGIN = _CHAIN.insert().values(practice_id=bindparam("practice"))
_GO_ON = _CHAIN.update().where(_OF_PRACTICE)


class UnknownEvent(ValueError):
    """The event or one of its fields is not in the vocabulary."""


def record(
    event: str,
    *,
    practice_id: int,
    by: Actor,
    now: datetime,
    subject: tuple[str, int] | None = None,
    **fields: Any,
) -> None:
    """Append one event to the practice's chain, at the end of the caller's transaction.

    Not at once, for all of a practice wait for the chain: whoever has it must not wait for anything else.

    Raises:
        UnknownEvent: the vocabulary has no such event, or it carries other fields.
        WriteOutsideTransaction: the caller is not inside ``atomic()``.
    """
    if FIELDS.get(event) != frozenset(fields):
        raise UnknownEvent(f"{event} with {sorted(fields)}")
    if not writing():
        raise WriteOutsideTransaction("an audit event belongs to the commit of what it tells of")
    db.session.flush()
    row: Values = {
        "practice_id": practice_id,
        "at": now,
        "event": event,
        "actor_kind": by.kind.value,
        "actor_id": by.id,
        "actor_name": by.name,
        "client": by.client,
        "subject_kind": subject[0] if subject else None,
        "subject_id": subject[1] if subject else None,
        "data": fields,
    }
    at_last(practice_id, _append, row)


def _append(rows: list[Values]) -> None:
    """All that one commit tells of a practice: one lock of its chain, one statement."""
    connection, practice = db.session.connection(), {"practice": rows[0]["practice_id"]}
    end = connection.execute(_END, practice).one_or_none()
    sequence, previous = end or (0, GENESIS)
    for row in rows:
        sequence += 1
        row["sequence"], row["previous_hash"] = sequence, previous
        previous = row["hash"] = link(row)
    insert_rows(AuditEvent, rows)
    connection.execute(
        _BEGIN if end is None else _GO_ON, practice | {"sequence": sequence, "hash": previous}
    )


def link(row: Mapping[str, Any]) -> str:
    """The hash that ties a row to all before it."""
    told = [row["at"].isoformat() if name == "at" else row[name] for name in _LINKED]
    return hashlib.sha256(_WRITTEN.encode(told).encode()).hexdigest()


_WRITTEN = json.JSONEncoder(sort_keys=True, ensure_ascii=True)


_LINKED = (
    "previous_hash",
    "practice_id",
    "sequence",
    "at",
    "event",
    "actor_kind",
    "actor_id",
    "actor_name",
    "client",
    "subject_kind",
    "subject_id",
    "data",
)
"""What the hash is taken of, in this order: it must never change."""


def first_broken_link(practice_id: int) -> int | None:
    """The sequence number where the practice's chain does not hold, or None where all of it does."""
    previous, expected = GENESIS, 1
    for row in _events(practice_id):
        if (
            row["sequence"] != expected
            or row["previous_hash"] != previous
            or row["hash"] != link(row)
        ):
            return expected
        previous, expected = row["hash"], expected + 1
    end = db.session.get(AuditChain, practice_id, populate_existing=True)
    whole = (end.sequence, end.hash) if end else (0, GENESIS)
    return None if whole == (expected - 1, previous) else expected


def _events(practice_id: int) -> Iterator[Values]:
    """All of a practice's events in order, a thousand at a time."""
    events = table_of(AuditEvent)
    names = events.c.keys()
    after = -1
    while True:
        page = db.session.execute(
            select(events)
            .where(events.c.practice_id == practice_id, events.c.sequence > after)
            .order_by(events.c.sequence)
            .limit(1000)
        ).all()
        if not page:
            return
        for row in page:
            told: Values = dict(zip(names, row, strict=True))
            yield told
        after = told["sequence"]
