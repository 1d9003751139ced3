"""Raise, list and resolve what needs a person."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select

from portal.attention.models import AttentionItem, AttentionKind
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound
from portal.extensions import db
from portal.people.models import Patient
from portal.rows import among
from portal.transaction import atomic

_TO_SETTLE = (
    select(AttentionItem)
    .where(
        among(AttentionItem.patient_id, "patients"),
        among(AttentionItem.kind, "kinds"),
        AttentionItem.resolved_at.is_(None),
    )
    .order_by(AttentionItem.patient_id, AttentionItem.id)
)


def raise_item(
    *, patient: Patient, kind: AttentionKind, by: Actor, now: datetime, reason: str | None = None
) -> None:
    """Put it on the list, in the caller's transaction; the same thing twice stands there once."""
    if _open(patient.id, kind):
        return
    item = AttentionItem(
        practice_id=patient.practice_id,
        patient_id=patient.id,
        kind=kind.value,
        reason=reason,
        raised_at=now,
    )
    db.session.add(item)
    db.session.flush()
    _tell("attention.raised", item, by=by, now=now)


def open_items(*, practice_id: int, limit: int = 100) -> list[AttentionItem]:
    """What waits, oldest first."""
    return list(
        db.session.scalars(
            select(AttentionItem)
            .where(AttentionItem.practice_id == practice_id, AttentionItem.resolved_at.is_(None))
            .order_by(AttentionItem.raised_at)
            .limit(limit)
        )
    )


def resolve(*, practice_id: int, public_id: str, by: Actor, now: datetime) -> AttentionItem:
    """A person has seen to it. Twice is harmless.

    Raises:
        NotFound: the practice has no such item.
    """
    with atomic():
        item = db.session.scalar(
            select(AttentionItem)
            .where(AttentionItem.public_id == public_id, AttentionItem.practice_id == practice_id)
            .with_for_update(of=AttentionItem)
        )
        if item is None:
            raise NotFound("attention item")
        _resolve(item, by=by, now=now)
        return item


def settle(*, patient_id: int, kinds: tuple[AttentionKind, ...], by: Actor, now: datetime) -> None:
    """What was done has settled these by itself (a new invitation, say), in the caller's transaction."""
    settle_many(patient_ids=(patient_id,), kinds=kinds, by=by, now=now)


def settle_many(
    *, patient_ids: Collection[int], kinds: tuple[AttentionKind, ...], by: Actor, now: datetime
) -> None:
    """The same for many patients, by one query."""
    asked = {"patients": patient_ids, "kinds": [kind.value for kind in kinds]}
    for item in db.session.scalars(_TO_SETTLE, asked).all():
        _resolve(item, by=by, now=now)


def _open(patient_id: int, kind: AttentionKind) -> list[AttentionItem]:
    return list(
        db.session.scalars(
            select(AttentionItem).where(
                AttentionItem.patient_id == patient_id,
                AttentionItem.kind == kind.value,
                AttentionItem.resolved_at.is_(None),
            )
        )
    )


def _resolve(item: AttentionItem, *, by: Actor, now: datetime) -> None:
    if item.resolved_at is not None:
        return
    item.resolved_at, item.resolved_by_name = now, by.name
    _tell("attention.resolved", item, by=by, now=now)


def _tell(event: str, item: AttentionItem, *, by: Actor, now: datetime) -> None:
    audit.record(
        event,
        practice_id=item.practice_id,
        by=by,
        now=now,
        subject=("patient", item.patient_id),
        item=item.public_id,
        kind=item.kind,
    )
