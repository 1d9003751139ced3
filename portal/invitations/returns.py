"""What came back to an invitation's mail, or to its reminder, and what follows from it (1.2, 3.8)."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit.actor import system
from portal.extensions import db
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.outcomes import MAIL
from portal.invitations.rules import OPEN, PERSONAL_ORIGINS
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.models import OutboxMessage
from portal.people import bounces
from portal.people import service as people
from portal.people.models import Patient

REMINDER = "invitation_reminder"
"""The purpose of a reminder's mail; its subject is the invitation."""

PROVIDER = system("Complaint passed on by the reader's mail provider")


def record_return(*, message: OutboxMessage, reading: Reading, now: datetime) -> None:
    """One more line of the timeline, and what it asks for, in the commit that records it. Harmless to repeat.

    The link stays as it is: who has got it another way may still use it.
    """
    invitation = db.session.get_one(Invitation, message.subject_id)
    patient = access.lock_patient(invitation.patient_id)
    db.session.refresh(invitation)
    reason = reading.reason.value if reading.reason else None
    timeline.add(
        invitation.id,
        _line(reading),
        now=now,
        once=message.public_id,
        reason=reason,
        **about(message),
        **timeline.third(reading),
    )
    match reading.meaning:
        case Meaning.HARD | Meaning.SOFT if reading.final:
            _came_back(invitation, patient, message, reading, now=now)
        case Meaning.ABUSE:
            _unwanted(invitation, patient, message, now=now)
        case _:
            pass


def about(message: OutboxMessage) -> dict[str, bool]:
    """What a line of the timeline says of the mail it is about."""
    return {"reminder": True} if message.purpose == REMINDER else {}


def _line(reading: Reading) -> TimelineKind:
    match reading.meaning:
        case Meaning.HARD:
            return TimelineKind.BOUNCED
        case Meaning.SOFT:
            return TimelineKind.RETURNED if reading.final else TimelineKind.LATE
        case Meaning.ABUSE:
            return TimelineKind.COMPLAINT
        case Meaning.CHALLENGE:
            return TimelineKind.CHALLENGE
        case _:
            return TimelineKind.AUTO_REPLY


def _came_back(
    invitation: Invitation,
    patient: Patient,
    message: OutboxMessage,
    reading: Reading,
    *,
    now: datetime,
) -> None:
    reason = reading.reason.value if reading.reason else None
    if reading.meaning is Meaning.HARD and reason:
        bounces.record(patient, address_key=message.address_key, reason=reason, by=MAIL, now=now)
    waits = InvitationState(invitation.state) in OPEN
    if waits and patient.email_key == message.address_key:
        attention.raise_item(
            patient=patient, kind=AttentionKind.MAIL_FAILED, by=MAIL, now=now, reason=reason
        )


def _unwanted(
    invitation: Invitation, patient: Patient, message: OutboxMessage, *, now: datetime
) -> None:
    """A complaint about what nobody asked for one by one opts out; about what staff sent it asks for a person."""
    if message.purpose == REMINDER or invitation.origin not in PERSONAL_ORIGINS:
        people.set_opted_out(
            patient=patient, opted_out=True, by=PROVIDER, now=now, reason="complaint"
        )
    else:
        attention.raise_item(patient=patient, kind=AttentionKind.MAIL_COMPLAINT, by=MAIL, now=now)
