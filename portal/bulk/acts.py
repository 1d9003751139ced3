"""What a run does: to a batch with a few statements, or to one person as the single buttons do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.access import service as access
from portal.access.charts import Chart
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.audit.actor import Actor
from portal.bulk.states import ItemState, RunKind
from portal.invitations import by_set
from portal.invitations import service as invitations
from portal.invitations.state import Origin
from portal.people.models import Patient
from portal.practices.models import Practice


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person of a run stands after their turn."""

    state: ItemState
    reason: str | None = None


DONE, MAILING = Standing(ItemState.DONE), Standing(ItemState.MAILING)


def act_by_set(
    kind: RunKind, charts: Sequence[Chart], *, practice: Practice, by: Actor, now: datetime
) -> dict[int, Standing]:
    """Act upon those whom the run reaches, in the caller's transaction, which holds the charts' locks.

    Returns:
        Patient -> where they stand; nothing was done to who is missing: they are for :func:`act`.
    """
    match kind:
        case RunKind.ENABLE:
            access.enable_many(charts, by=by, now=now)
            return dict.fromkeys((chart.id for chart in charts), DONE)
        case RunKind.INVITE:
            invited = by_set.invite(charts, practice=practice, by=by, now=now)
            return {patient_id: _invited(number) for patient_id, number in invited.items()}
        case RunKind.DISABLE:
            return {}


def act(kind: RunKind, patient: Patient, *, by: Actor, now: datetime) -> Standing:
    """Act upon one person, in the caller's transaction, which holds the patient's lock."""
    match kind:
        case RunKind.ENABLE:
            access.enable(patient=patient, by=by, now=now)
        case RunKind.DISABLE:
            _disable(patient, by=by, now=now)
        case RunKind.INVITE:
            invitation = invitations.invite_unasked(
                patient=patient, origin=Origin.BULK, by=by, now=now
            )
            return _invited(invitation.id if invitation is not None else None)
    return DONE


def _invited(invitation_id: int | None) -> Standing:
    return DONE if invitation_id is None else MAILING


def _disable(patient: Patient, *, by: Actor, now: datetime) -> None:
    grant = access.current_grant(patient.id)
    if grant is None:
        return
    active = access.status_of(patient, grant, now=now) is Status.ACTIVE
    reason = EndReason.DISABLED if active else EndReason.REVOKED
    access.end(grant=grant, reason=reason, by=by, now=now)
