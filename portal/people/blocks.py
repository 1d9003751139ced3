"""Addresses that are not to be written to any more, for a page of a list."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from portal.extensions import db
from portal.people.models import BlockedAddress, Patient
from portal.rows import among

_BLOCKED = select(BlockedAddress.patient_id, BlockedAddress.email_key).where(
    among(BlockedAddress.patient_id, "patients")
)


def blocked_among(patients: Iterable[Patient]) -> set[int]:
    """The ids of those whose address on file said "This is not me" for their chart, by one query (8.13)."""
    keys = {patient.id: patient.email_key for patient in patients}
    if not keys:
        return set()
    rows = db.session.execute(_BLOCKED, {"patients": list(keys)})
    return {patient_id for patient_id, email_key in rows if keys[patient_id] == email_key}
