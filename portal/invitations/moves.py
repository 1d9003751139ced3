"""The steps of an invitation's life after it was issued, each with its audit event and its line of the timeline."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, select

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.extensions import db
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import OPEN, TRANSITIONS
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail import service as mail
from portal.transaction import touch_patient

PURPOSE = "invitation"
"""Which mails of the outbox are invitations."""

_OPEN = select(Invitation).where(
    Invitation.patient_id == bindparam("patient"),
    Invitation.state.in_(sorted(state.value for state in OPEN)),
)


def open_invitations(patient_id: int) -> list[Invitation]:
    """The prepared and the live one, as far as there are any."""
    return list(db.session.scalars(_OPEN, {"patient": patient_id}))


def move(invitation: Invitation, to: InvitationState, *, by: Actor, now: datetime) -> None:
    """One step of the table of transitions, with its audit event and its timeline line.

    Raises:
        ValueError: the table has no such step.
    """
    if to not in TRANSITIONS[InvitationState(invitation.state)]:
        raise ValueError(f"an invitation does not go from {invitation.state} to {to}")
    invitation.state = to.value
    touch_patient(invitation.patient_id)
    db.session.flush()
    if to is InvitationState.LIVE:
        audit.record(
            "invitation.live",
            practice_id=invitation.practice_id,
            by=by,
            now=now,
            subject=("patient", invitation.patient_id),
            invitation=invitation.public_id,
        )
        return
    invitation.ended_at = now
    if to is not InvitationState.FAILED:
        mail.cancel(purpose=PURPOSE, subject_id=invitation.id, now=now)
        tell_ended(invitation, by=by, now=now)
    line = _ENDING_LINES.get(to)
    if line is not None:
        timeline.add(invitation.id, line, now=now, by=by.name)


def tell_ended(invitation: Invitation, *, by: Actor, now: datetime) -> None:
    """Tell the audit trail where an invitation has ended."""
    audit.record(
        "invitation.ended",
        practice_id=invitation.practice_id,
        by=by,
        now=now,
        subject=("patient", invitation.patient_id),
        invitation=invitation.public_id,
        state=invitation.state,
    )


_ENDING_LINES = {
    InvitationState.REPLACED: TimelineKind.REPLACED,
    InvitationState.REVOKED: TimelineKind.REVOKED,
    InvitationState.VOIDED: TimelineKind.VOIDED,
    InvitationState.LOCKED: TimelineKind.LOCKED,
    InvitationState.NOT_ME: TimelineKind.NOT_ME,
}
