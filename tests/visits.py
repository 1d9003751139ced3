"""Appointments for tests, as rows: what books them is another room's business."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from portal import clock
from portal.extensions import db
from portal.people.models import Patient
from portal.schedule import lists
from portal.schedule.models import Appointment, Office
from portal.schedule.states import AppointmentState as State
from portal.transaction import atomic, touch_patient


def make_visit(patient: Patient, starts_at: datetime, **values: Any) -> Appointment:
    """An appointment of the patient, scheduled unless told otherwise, at the practice's first office."""
    practice_id, patient_id = patient.practice_id, patient.id
    state = State(values.pop("state", State.SCHEDULED))
    with atomic():
        lists.provide(practice_id, clock.now())
        office: Office = values.pop("office", None) or lists.offices(practice_id)[0]
        visit = Appointment(
            practice_id=practice_id,
            patient_id=patient_id,
            office_id=office.id,
            status_id=lists.status_for(practice_id, state).id,
            state=state.value,
            starts_at=starts_at,
            day=clock.local_date(starts_at, office.time_zone),
            created_at=clock.now(),
            created_by_name="Tests",
            updated_at=clock.now(),
            updated_by_name="Tests",
            **({"minutes": 30, "version": 1} | values),
        )
        db.session.add(visit)
        db.session.flush()
        touch_patient(patient_id)
    return visit


def in_days(days: float) -> datetime:
    """So many days from now."""
    return clock.now() + timedelta(days=days)
