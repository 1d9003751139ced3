"""List-Unsubscribe: whoever got a bulk or automatic mail opts the chart out by its link (2.6)."""

from __future__ import annotations

from datetime import datetime

from portal.audit.actor import Actor
from portal.extensions import db
from portal.invitations import timeline
from portal.invitations.automatic import CARRIED
from portal.invitations.models import Invitation
from portal.invitations.returns import REMINDER
from portal.invitations.service import PURPOSE
from portal.invitations.timeline import TimelineKind
from portal.mail import service as mail
from portal.people import service as people
from portal.transaction import atomic


def find(token: str) -> Invitation | None:
    """The invitation whose mail carried this link; None for a forged one, or a mail of another kind."""
    message = mail.of_unsubscribe_link(token, purposes=(PURPOSE, REMINDER, CARRIED))
    return db.session.get(Invitation, message.subject_id) if message else None


def opt_out(invitation: Invitation, *, by: Actor, now: datetime) -> None:
    """No more invitations for this chart; staff see it and undo it with a reason. Twice is harmless."""
    number, patient = invitation.id, invitation.patient
    if patient.opted_out_at is not None:
        return
    with atomic():
        people.set_opted_out(patient=patient, opted_out=True, by=by, now=now, reason="unsubscribed")
        timeline.add(number, TimelineKind.UNSUBSCRIBED, now=now, once="unsubscribed")
