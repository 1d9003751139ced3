"""Invitations that travel in another room's mail (4.3): one mail carries the appointment and the sign-up link.

That mail *is* the invitation's: it goes live when the mail is accepted and fails with it (3.4), so the rows and the
states are this room's, as those of every invitation; the other room only writes the words.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from portal.audit.actor import Actor
from portal.extensions import db
from portal.invitations import mail as invitation_mail
from portal.invitations import outcomes, returns, service
from portal.invitations.models import Invitation
from portal.invitations.rules import OPEN
from portal.invitations.state import Origin
from portal.mail import registry
from portal.mail import service as mail
from portal.mail.models import OutboxMessage
from portal.mail.registry import Outcome
from portal.people.models import Patient
from portal.transaction import atomic

CARRIED = "appointment_invitation"
"""The purpose of a mail that carries an invitation; its subject is the invitation."""


def invite(*, patient: Patient, carried: bool, by: Actor, now: datetime) -> Invitation | None:
    """An invitation that nobody asked for one by one; it enables, too.

    None where the patient's old account is good again (1.5).

    Args:
        carried: whether the mail of another room carries it; else it goes out in a mail of its own.

    Raises:
        Refused: the first of :class:`portal.access.rules.Obstacle` that stands in the way.
    """
    with atomic():
        invitation = service.invite_unasked(
            patient=patient, origin=Origin.AUTOMATIC, by=by, now=now
        )
        if invitation is not None and carried:
            mail.hand_over_to(
                purpose=service.PURPOSE, subject_id=invitation.id, new_purpose=CARRIED
            )
        return invitation


def is_pending(patient_id: int, *, now: datetime) -> bool:
    """Whether an invitation is out there that works, or is about to be."""
    query = select(Invitation.id).where(
        Invitation.patient_id == patient_id,
        Invitation.state.in_([state.value for state in OPEN]),
        Invitation.expires_at > now,
    )
    return db.session.scalar(query.limit(1)) is not None


def find(message: OutboxMessage) -> Invitation | None:
    """The invitation that a mail carries, as the database holds it now."""
    return db.session.get(Invitation, message.subject_id, populate_existing=True)


@registry.wanted(CARRIED)
def is_wanted(message: OutboxMessage, *, now: datetime) -> bool:
    """Whether the link still works: nobody gets one that staff took back (faults.md F11)."""
    invitation = find(message)
    return invitation is not None and invitation_mail.stands(invitation, now=now)


registry.on_return(CARRIED)(returns.record_return)


def record_result(*, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """What became of the mail became of its invitation."""
    outcomes.record_mail_result(message=message, outcome=outcome, now=now)
