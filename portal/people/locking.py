"""The lock that every act upon a chart takes first: so no two of them ever wait for each other."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, inspect, select
from sqlalchemy.orm import joinedload

from portal.extensions import db
from portal.people.models import Patient
from portal.rows import among

_LOCKED = (
    select(Patient)
    .where(Patient.id == bindparam("patient"))
    .options(joinedload(Patient.practice, innerjoin=True))
    .with_for_update(of=Patient)
    .execution_options(populate_existing=True)
)


def number_of(patient: Patient) -> int:
    """The patient's number, without reading an object anew that the end of a transaction has made stale."""
    (number,) = inspect(patient).identity or (patient.id,)
    return int(number)


def lock_patient(patient_id: int) -> Patient:
    """The patient as the database holds it now, locked until the commit of the surrounding ``atomic()``."""
    return db.session.execute(_LOCKED, {"patient": patient_id}).scalar_one()


def lock_patients(patient_ids: Collection[int]) -> None:
    """The same lock for many, in the order of their numbers."""
    numbers = select(Patient.id).where(among(Patient.id, patient_ids)).order_by(Patient.id)
    db.session.execute(numbers.with_for_update(of=Patient)).all()
