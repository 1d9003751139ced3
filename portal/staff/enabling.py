"""Enable the access of a patient: from the list and from **Edit Information** alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access import service as access
from portal.access.rules import Status
from portal.audit.actor import Actor
from portal.people.models import Patient
from portal.staff.wording import Said
from portal.transaction import atomic


@dataclass(frozen=True, slots=True)
class Enabled:
    """What was done, and how the access stands by it."""

    what: Said
    grant: str
    """Public id."""
    status: Status


def enable(
    patient: Patient, *, require_new_invitation: bool = False, by: Actor, now: datetime
) -> Enabled:
    """Sends nothing; where the access is open already nothing changes.

    Raises:
        Refused: the chart is end-dated or the patient deceased.
    """
    with atomic():  # what it took to decide tells how it stands, without asking once more
        grant, anew = access.open_grant(
            patient=patient, require_new_invitation=require_new_invitation, by=by, now=now
        )
        status = access.status_of(patient, grant, now=now)
        if not anew:
            return Enabled(Said.ENABLED_BEFORE, grant.public_id, status)
        what = Said.ACTIVE_AGAIN if status is Status.ACTIVE else Said.ENABLED
        return Enabled(what, grant.public_id, status)
