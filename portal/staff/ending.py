"""End the access that a page showed: from the list and from **Edit Information** alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from portal.access.models import EndReason
from portal.access.rules import Status
from portal.audit.actor import Actor
from portal.errors import Stale
from portal.invitations import service as invitations
from portal.people.models import Patient
from portal.staff.presenters.onboarding_row import WAS
from portal.staff.wording import Said

_DONE = {
    Status.READY: Said.NOT_ENABLED_ANY_MORE,
    Status.INVITED: Said.REVOKED,
    Status.ACTIVE: Said.DISABLED,
}


def end(patient: Patient, form: Mapping[str, str], *, by: Actor, now: datetime) -> Said:
    """End the grant of the form, if it still stands as the form says.

    Returns:
        What was done, for whoever tells it.

    Raises:
        Stale: the patient's access is another by now; nothing was done.
        NotFound: the patient has no such grant.
    """
    was = form.get(WAS, "")
    if was not in set(_DONE):
        raise Stale
    status = Status(was)
    ended = invitations.end_access(
        patient=patient,
        grant_public_id=form.get("grant", ""),
        expect=EndReason.DISABLED if status is Status.ACTIVE else EndReason.REVOKED,
        expect_status=status,
        by=by,
        now=now,
    )
    return _DONE[status] if ended else Said.ENDED_BEFORE
