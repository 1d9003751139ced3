"""What a run does to one person: the same services as the single buttons."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.audit.actor import Actor
from portal.bulk.states import ItemState, RunKind
from portal.invitations import service as invitations
from portal.people.models import Patient


def act(kind: RunKind, patient: Patient, *, by: Actor, now: datetime) -> tuple[str, int | None]:
    """Act, in the caller's transaction, which holds the patient's lock.

    Returns:
        Where the person stands then (:class:`portal.bulk.states.ItemState`), and the number of the invitation
        whose mail is on its way, if one is.
    """
    match kind:
        case RunKind.ENABLE:
            access.enable(patient=patient, by=by, now=now)
        case RunKind.DISABLE:
            _disable(patient, by=by, now=now)
        case RunKind.INVITE:
            invitation = invitations.invite_in_bulk(patient=patient, by=by, now=now)
            if invitation is not None:
                return ItemState.MAILING.value, invitation.id
    return ItemState.DONE.value, None


def _disable(patient: Patient, *, by: Actor, now: datetime) -> None:
    grant = access.current_grant(patient.id)
    if grant is None:
        return
    active = access.status_of(patient, grant, now=now) is Status.ACTIVE
    reason = EndReason.DISABLED if active else EndReason.REVOKED
    access.end(grant=grant, reason=reason, by=by, now=now)
