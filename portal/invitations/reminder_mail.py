"""The reminder's mail: the same link, and whoever does not want it can say so (RFC 8058)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from portal.access import service as access
from portal.extensions import db
from portal.invitations import outcomes, returns, timeline
from portal.invitations.mail import on_paper, stands
from portal.invitations.models import Invitation
from portal.invitations.returns import REMINDER, about
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail import registry, unsubscribe
from portal.mail.models import OutboxMessage, OutboxState
from portal.mail.registry import Composed

if TYPE_CHECKING:
    from portal.mail.registry import Outcome

registry.on_return(REMINDER)(returns.record_return)

_LINES = {
    OutboxState.ACCEPTED: TimelineKind.ACCEPTED,
    OutboxState.FAILED: TimelineKind.MAIL_FAILED,
    OutboxState.UNKNOWN: TimelineKind.MAYBE_ACCEPTED,
    OutboxState.CANCELLED: TimelineKind.MAIL_CANCELLED,
}


@registry.composer(REMINDER)
def compose(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The mail with the link of the invitation, re-derived from the row."""
    invitation = db.session.get(Invitation, message.subject_id)
    if invitation is None or not _wanted(invitation, now=now):
        return None
    composed = on_paper(REMINDER, invitation, unsubscribe_link=unsubscribe.link(message.public_id))
    return replace(composed, automatic=True)


@registry.wanted(REMINDER)
def is_wanted(message: OutboxMessage, *, now: datetime) -> bool:
    """Whether there is still something to be reminded of, and somebody who may be written to."""
    invitation = db.session.get(Invitation, message.subject_id, populate_existing=True)
    return invitation is not None and _wanted(invitation, now=now)


@registry.on_result(REMINDER)
def record_result(*, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """What became of the reminder. The invitation stays as it is: its own mail was accepted before."""
    line = _LINES.get(outcome.state)
    if line is None:
        return
    invitation = db.session.get_one(Invitation, message.subject_id)
    patient = access.lock_patient(invitation.patient_id)
    timeline.add(
        invitation.id,
        line,
        now=now,
        once=f"reminder {message.attempts}",
        reason=outcome.reason,
        twice=outcome.maybe_twice,
        **about(message),
        **timeline.third(outcome),
    )
    if outcome.state is OutboxState.FAILED:
        outcomes.record_dead_address(patient, message, outcome, now=now)


def _wanted(invitation: Invitation, *, now: datetime) -> bool:
    patient = invitation.patient
    return (
        invitation.state == InvitationState.LIVE
        and stands(invitation, now=now)
        and patient.email_bounced_at is None
    )
