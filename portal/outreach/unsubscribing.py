"""**No more automatic emails**: the link in the mail about an appointment opts the chart out (2.6, RFC 8058)."""

from __future__ import annotations

from datetime import datetime

from portal.audit.actor import Actor
from portal.extensions import db
from portal.mail import service as mail
from portal.outreach.mail import PURPOSE
from portal.people import service as people
from portal.people.models import Patient
from portal.schedule.models import AppointmentNotice


def find(token: str) -> Patient | None:
    """The patient whose appointment's mail carried this link; None for a forged one, or a mail of another kind."""
    message = mail.of_unsubscribe_link(token, purposes=(PURPOSE,))
    notice = db.session.get(AppointmentNotice, message.subject_id) if message else None
    return db.session.get(Patient, notice.patient_id) if notice else None


def opt_out(patient: Patient, *, by: Actor, now: datetime) -> None:
    """Nothing goes to this chart by itself any more; staff undo it with a reason. Twice is harmless."""
    people.set_opted_out(patient=patient, opted_out=True, by=by, now=now, reason="unsubscribed")
