""" "This is not me" (8.13): the mail reached somebody else."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit.actor import Actor
from portal.extensions import db
from portal.invitations import service
from portal.invitations.models import Invitation
from portal.invitations.rules import OPEN
from portal.invitations.state import InvitationState
from portal.people import service as people
from portal.transaction import atomic


def not_me(invitation: Invitation, *, by: Actor, now: datetime) -> None:
    """Kills the link, ends the grant, blocks that address for that chart, tells staff.

    Harmless on a link that is dead already, and never ends an access that was activated.
    """
    invitation_id = invitation.id
    with atomic():
        invitation = db.session.get_one(Invitation, invitation_id)
        patient = access.lock_patient(invitation.patient_id)
        db.session.refresh(invitation)
        if InvitationState(invitation.state) not in OPEN:
            return
        grant = db.session.get_one(Grant, invitation.grant_id)
        service.move(invitation, InvitationState.NOT_ME, by=by, now=now)
        people.block_address(patient, invitation.email, reason="not_me", by=by, now=now)
        attention.raise_item(patient=patient, kind=AttentionKind.NOT_ME, by=by, now=now)
        access.end(grant=grant, reason=EndReason.NOT_ME, by=by, now=now)
