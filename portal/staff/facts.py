"""What the Portal access page is made of, gathered from the rooms below."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access import service as access
from portal.access.models import Grant
from portal.access.rules import Obstacle, Status
from portal.accounts import desk, resets
from portal.accounts import service as accounts
from portal.accounts import timeline as account_timeline
from portal.accounts.recovery_models import AccountEvent, OneTimePassword, PasswordReset
from portal.accounts.rules import ResetObstacle
from portal.invitations import service as invitations
from portal.invitations import timeline
from portal.invitations.models import Invitation, InvitationEvent
from portal.people import rules
from portal.people import service as people
from portal.people.models import Patient


@dataclass(frozen=True, slots=True)
class AccessFacts:
    """One patient's access at one moment."""

    patient: Patient
    now: datetime
    status: Status
    chart_ended: bool
    grants: list[Grant]
    """Newest first; the current one, if there is one, is the first."""
    newest: Invitation | None
    """The newest invitation under the first grant."""
    open: list[Invitation]
    """The prepared and the live one, whether expired or not."""
    events: list[InvitationEvent]
    on_file: rules.IdentifiersOnFile
    obstacles: list[Obstacle]
    has_account: bool
    account_events: list[AccountEvent]
    """What an account has added to the timeline of the first grant."""
    reset: PasswordReset | None
    """The newest reset."""
    reset_obstacle: ResetObstacle | None
    """Why no reset may go to the address on file, apart from what stops every mail."""
    desk: OneTimePassword | None
    """The password from the desk that waits under the current grant."""

    @property
    def current(self) -> Grant | None:
        """The grant that has not ended."""
        return self.grants[0] if self.grants and self.grants[0].ended_at is None else None

    @property
    def needs(self) -> rules.Requirements:
        """What an invitation needs, and what of it is on file."""
        return rules.requirements(self.on_file)

    @property
    def zone(self) -> str:
        """The practice's time zone."""
        return self.patient.practice.time_zone

    @property
    def valid_until(self) -> datetime | None:
        """When the last link that is out there stops working; None without one."""
        return max((invitation.expires_at for invitation in self.open), default=None)


def gather(patient: Patient, *, now: datetime) -> AccessFacts:
    """Everything the page shows, as it is at this moment."""
    grants = access.history(patient.id)
    first = grants[0] if grants else None
    return AccessFacts(
        patient=patient,
        now=now,
        status=access.status_of(patient, access.current_grant(patient.id), now=now),
        chart_ended=access.chart_ended(patient, now=now),
        grants=grants,
        newest=invitations.latest(first.id) if first else None,
        open=invitations.open_invitations(patient.id),
        events=timeline.of_grant(first.id) if first else [],
        on_file=people.identifiers(patient),
        obstacles=invitations.obstacles_of(patient, now=now),
        has_account=accounts.holder_of(patient.id) is not None,
        account_events=account_timeline.of_grant(first.id) if first else [],
        reset=resets.newest_of([patient.id]).get(patient.id),
        reset_obstacle=resets.obstacle_of(patient, now=now),
        desk=desk.passwords_under([first.id]).get(first.id) if first else None,
    )
