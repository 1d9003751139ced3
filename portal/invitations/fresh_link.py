"""**Send me a fresh link** (8.6): asked for by whoever holds a dead link; goes to the address on file only."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.extensions import db
from portal.invitations import service, timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState
from portal.invitations.timeline import TimelineKind
from portal.limits.rules import FRESH_LINK_LIFE, FRESH_LINKS_PER_GRANT, MAIL_PER_ADDRESS
from portal.mail import service as mail
from portal.transaction import atomic

ASKABLE = frozenset({LinkState.EXPIRED, LinkState.REPLACED})


def request(invitation: Invitation, *, by: Actor, now: datetime) -> None:
    """Send a fresh link if everything allows it. The caller answers the same either way."""
    invitation_id = invitation.id
    with atomic():
        invitation = db.session.get_one(Invitation, invitation_id)
        patient = access.lock_patient(invitation.patient_id)
        grant = access.current_grant(patient.id)
        wanted = (
            grant is not None
            and grant.id == invitation.grant_id
            and service.state_of_link(invitation, now=now) in ASKABLE
            and not access.open_to_portal(grant)
            and service.fresh_links_sent(grant.id) < FRESH_LINKS_PER_GRANT
            and now < invitation.issued_at + FRESH_LINK_LIFE
            and not service.obstacles_of(patient, now=now)
            and patient.email is not None
            and mail.sent_lately(practice_id=patient.practice_id, address=patient.email, now=now)
            < MAIL_PER_ADDRESS.most
        )
        audit.record(
            "invitation.fresh_link_asked",
            practice_id=patient.practice_id,
            by=by,
            now=now,
            subject=("patient", patient.id),
            invitation=invitation.public_id,
            sent=wanted,
        )
        if wanted and grant is not None:
            timeline.add(invitation.id, TimelineKind.FRESH_LINK, now=now)
            service.issue_fresh(patient, grant, by=by, now=now)
