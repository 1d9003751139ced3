"""**No more automatic emails**: the link in the mail about an appointment opts the chart out (2.6, RFC 8058)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from portal.audit.actor import Actor
from portal.extensions import db
from portal.mail import unsubscribe
from portal.mail.models import OutboxMessage
from portal.outreach.mail import PURPOSE
from portal.people import service as people
from portal.people.models import Patient
from portal.schedule.models import AppointmentNotice


def find(token: str) -> Patient | None:
    """The patient whose appointment's mail carried this link; None for a forged one, or a mail of another kind."""
    public_id = unsubscribe.read_token(token)
    if public_id is None:
        return None
    return db.session.scalar(
        select(Patient)
        .join(AppointmentNotice, AppointmentNotice.patient_id == Patient.id)
        .join(OutboxMessage, OutboxMessage.subject_id == AppointmentNotice.id)
        .where(OutboxMessage.public_id == public_id, OutboxMessage.purpose == PURPOSE)
    )


def opt_out(patient: Patient, *, by: Actor, now: datetime) -> None:
    """Nothing goes to this chart by itself any more; staff undo it with a reason. Twice is harmless."""
    people.set_opted_out(patient=patient, opted_out=True, by=by, now=now, reason="unsubscribed")
