"""That the address on file does not work (1.2). A changed address clears it; see ``service.write``."""

from __future__ import annotations

from datetime import datetime

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.people.models import Patient
from portal.transaction import touch_patient


def record(patient: Patient, *, address_key: str, reason: str, by: Actor, now: datetime) -> bool:
    """A mail to this address came back for good, in the caller's transaction; the patient is locked by the caller.

    False, and nothing is done, when another address is on file by now, or it is known already.

    Args:
        reason: a code of :class:`portal.mail.rules.Reason`.
    """
    if patient.email_key != address_key or patient.email_bounced_at is not None:
        return False
    patient.email_bounced_at, patient.email_bounce_reason = now, reason
    touch_patient(patient.id)
    audit.record(
        "patient.email_bounced",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        email=patient.email,
        reason=reason,
    )
    return True
