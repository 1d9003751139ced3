"""What became of an act that enables or invites, as the page says it."""

from __future__ import annotations

from datetime import date, timedelta

from portal import clock
from portal.access import service as access
from portal.invitations.models import Invitation
from portal.people.models import Patient
from portal.staff.wording import Said


def of_invite(patient: Patient, invitation: Invitation | None) -> Said:
    """After an act that enables or sends; ``invitation`` is the one that stands now, if one does."""
    grant = access.current_grant(patient.id)
    if grant is not None and grant.activated_at:
        return Said.ACTIVE_ALREADY
    return Said.ACTIVE_AGAIN if invitation is None else Said.INVITED


def last_day(invitation: Invitation, patient: Patient) -> date:
    """The last day on which the link works, by the practice's calendar."""
    last_moment = invitation.expires_at - timedelta(seconds=1)
    return clock.local_date(last_moment, patient.practice.time_zone)
