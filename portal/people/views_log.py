"""Who looked at what: viewing a chart and searching for people are audit events (12.3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.people.models import Patient
from portal.transaction import atomic

SEARCHES_TOLD_EVERY = timedelta(minutes=1)
"""A search runs while somebody types; one event a minute says who searched, for what kind of thing."""


def record_view(patient: Patient, *, page: str, by: Actor, now: datetime) -> None:
    """Somebody looked at one page of a chart."""
    patient_id = patient.id
    practice_id = patient.practice_id
    with atomic():
        audit.record(
            "chart.viewed",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("patient", patient_id),
            page=page,
        )


def record_search(*, practice_id: int, kind: str, results: int, by: Actor, now: datetime) -> None:
    """A staff member searched; told at most once a minute for each of them."""
    if by.id is None or _told_lately(practice_id, by.id, since=now - SEARCHES_TOLD_EVERY):
        return
    with atomic():
        audit.record(
            "patients.searched",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("staff", by.id),
            kind=kind,
            results=results,
        )


def record_refusal(*, practice_id: int, route: str, reason: str, by: Actor, now: datetime) -> None:
    """Somebody asked for what is another practice's; the trail of their own practice keeps it."""
    with atomic():
        audit.record(
            "access.refused", practice_id=practice_id, by=by, now=now, route=route, reason=reason
        )


def _told_lately(practice_id: int, staff_id: int, *, since: datetime) -> bool:
    found = db.session.scalar(
        select(AuditEvent.id)
        .where(
            AuditEvent.practice_id == practice_id,
            AuditEvent.subject_kind == "staff",
            AuditEvent.subject_id == staff_id,
            AuditEvent.event == "patients.searched",
            AuditEvent.at > since,
        )
        .limit(1)
    )
    return found is not None
