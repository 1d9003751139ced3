"""Charts as opening access and inviting look at them: one of them, or a batch by one query."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal.extensions import db
from portal.people.models import Patient
from portal.rows import among


@dataclass(frozen=True, slots=True)
class Chart:
    """What a grant and an invitation take over from a patient's chart."""

    id: int
    public_id: str
    practice_id: int
    email: str | None
    email_key: str | None
    email_changed_at: datetime | None
    language: str | None
    provider_id: int | None


def chart_of(patient: Patient) -> Chart:
    """The chart of a patient that is at hand."""
    return Chart(
        patient.id,
        patient.public_id,
        patient.practice_id,
        patient.email,
        patient.email_key,
        patient.email_changed_at,
        patient.language,
        patient.provider_id,
    )


def lock_charts(patient_ids: Collection[int]) -> dict[int, Chart]:
    """The charts as the database holds them now, locked until the commit, in the order of their numbers."""
    rows = db.session.connection().execute(_CHARTS, {"patients": patient_ids})
    return {row.id: Chart(*row) for row in rows}


_CHARTS = (
    select(
        Patient.id,
        Patient.public_id,
        Patient.practice_id,
        Patient.email,
        Patient.email_key,
        Patient.email_changed_at,
        Patient.language,
        Patient.provider_id,
    )
    .where(among(Patient.id, "patients"))
    .order_by(Patient.id)
    .with_for_update(of=Patient)
)
