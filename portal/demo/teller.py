"""Writes the rows of one patient's portal access, as the services would have left them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from portal import clock, tokens
from portal.access.models import EndReason, Grant
from portal.accounts.models import AccountPerson, PortalAccount, Relationship
from portal.attention.models import AttentionItem, AttentionKind
from portal.demo.rows import Rows
from portal.invitations.models import Invitation
from portal.invitations.state import InvitationState
from portal.people.models import BlockedAddress
from portal.people.rules import email_key

OLDEST_CHART = 1100
"""Days before now when the first charts were opened."""
_SETTLED_AFTER = timedelta(days=2)
"""When somebody has seen to what needs a person."""


class Calendar:
    """The practice's days: when they began, and when an invitation of that day expires."""

    def __init__(self, *, zone: str, invitation_days: int, now: datetime) -> None:
        today = clock.local_date(now, zone)
        dates = [today - timedelta(days=ago) for ago in range(OLDEST_CHART + 1)]
        self.dates = dates
        self.begins = [clock.end_of_day(day - timedelta(days=1), zone) for day in dates]
        life = timedelta(days=invitation_days)
        self.expires = [clock.end_of_day(day + life, zone) for day in dates]

    def moment(self, days_ago: int, rng: Random) -> datetime:
        """A moment between nine and six of a day at least one day ago."""
        return self.begins[days_ago] + timedelta(seconds=int(32_400 + rng.random() * 32_400))


@dataclass(frozen=True, slots=True)
class Hand:
    """A staff member who enables and invites."""

    name: str
    staff_id: int


@dataclass(slots=True)
class Subject:
    """The patient, as far as the rows of the access need it."""

    practice_id: int
    patient_id: int
    provider_id: int | None
    given: str
    email: str
    language: str
    username: str


@dataclass(frozen=True, slots=True)
class Teller:
    """What each fate is told with."""

    rows: Rows
    of: Subject
    hand: Hand
    calendar: Calendar
    rng: Random
    now: datetime
    chart: dict[str, Any]
    """The patient's own row, which a fate may still change."""
    password_hash: str
    """Of every portal account of the demo."""

    def day(self, oldest: int, newest: int = 1) -> int:
        """So many days ago."""
        return newest + int(self.rng.random() * (oldest - newest + 1))

    def moment(self, days_ago: int) -> datetime:
        """A moment of that day."""
        return self.calendar.moment(days_ago, self.rng)

    def later(self, than: datetime, *, within: timedelta = timedelta(days=400)) -> datetime:
        """A moment after that one, and before now."""
        return than + min(within, self.now - than) * self.rng.random()

    def grant(
        self,
        enabled_at: datetime,
        *,
        invited: bool = True,
        activated_at: datetime | None = None,
        account_since: datetime | None = None,
        ended_at: datetime | None = None,
        reason: EndReason | None = None,
        ended_by: str | None = None,
    ) -> int:
        """One row of the Access History."""
        number = self.rows.number(Grant)
        self.rows.add(
            Grant,
            id=number,
            public_id=tokens.public_id(),
            practice_id=self.of.practice_id,
            patient_id=self.of.patient_id,
            email=self.of.email,
            enabled_at=enabled_at,
            enabled_by_name=self.hand.name,
            enabled_by_staff_id=self.hand.staff_id,
            invited_at=enabled_at if invited else None,
            activated_at=activated_at,
            first_logon_at=activated_at,
            existing_account_since=account_since,
            ended_at=ended_at,
            ended_by_name=(ended_by or self.hand.name) if reason else None,
            end_reason=reason.value if reason else None,
        )
        return number

    def invitation(
        self,
        grant_id: int,
        days_ago: int,
        issued_at: datetime,
        state: InvitationState,
        *,
        ended_at: datetime | None = None,
        identity_failures: int = 0,
    ) -> None:
        """An invitation; :mod:`portal.demo.timelines` writes its timeline."""
        nonce = tokens.new_secret()
        number = self.rows.number(Invitation)
        self.rows.add(
            Invitation,
            id=number,
            public_id=tokens.public_id(),
            practice_id=self.of.practice_id,
            patient_id=self.of.patient_id,
            grant_id=grant_id,
            state=state.value,
            origin="staff",
            email=self.of.email,
            language=self.of.language,
            inviter_name=self.hand.name,
            provider_id=self.of.provider_id,
            nonce=nonce,
            token_hash=tokens.digest(tokens.link_token(nonce)),
            issued_at=issued_at,
            expires_at=self.calendar.expires[days_ago],
            ended_at=ended_at,
            identity_failures=identity_failures,
        )

    def account(self, created_at: datetime) -> None:
        """A portal account that holds this patient."""
        number = self.rows.number(PortalAccount)
        self.rows.add(
            PortalAccount,
            id=number,
            public_id=tokens.public_id(),
            username=self.of.username,
            password_hash=self.password_hash,
            first_name=self.of.given,
            language=self.of.language,
            email=self.of.email,
            email_key=email_key(self.of.email),
            email_confirmed_at=created_at,
            created_at=created_at,
        )
        self.rows.add(
            AccountPerson,
            account_id=number,
            patient_id=self.of.patient_id,
            practice_id=self.of.practice_id,
            provider_id=self.of.provider_id,
            relationship=Relationship.SELF.value,
            linked_at=created_at,
            confirmed_email_key=email_key(self.of.email),
            ended_at=None,
        )

    def attention(self, kind: AttentionKind, at: datetime, *, reason: str | None = None) -> None:
        """What needs a person, and whether one has seen to it."""
        settled_at = at + _SETTLED_AFTER
        settled = settled_at < self.now
        self.rows.add(
            AttentionItem,
            public_id=tokens.public_id(),
            practice_id=self.of.practice_id,
            patient_id=self.of.patient_id,
            kind=kind.value,
            reason=reason,
            raised_at=at,
            resolved_at=settled_at if settled else None,
            resolved_by_name=self.hand.name if settled else None,
        )

    def blocked(self, at: datetime) -> None:
        """The address said "This is not me"."""
        self.rows.add(
            BlockedAddress,
            patient_id=self.of.patient_id,
            email_key=email_key(self.of.email),
            blocked_at=at,
        )
