"""What a run may do next, and why a person is passed over (7.1-7.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from portal.access.models import EndReason
from portal.access.rules import GrantFacts, Status, has_ended, status
from portal.bulk.states import RunKind, RunState, SkipReason

TRANSITIONS: dict[RunState, frozenset[RunState]] = {
    RunState.RUNNING: frozenset({RunState.PAUSED, RunState.DONE, RunState.CANCELLED}),
    RunState.PAUSED: frozenset({RunState.RUNNING, RunState.CANCELLED}),
    RunState.DONE: frozenset(),
    RunState.CANCELLED: frozenset(),
}
OPEN = frozenset(state for state, moves in TRANSITIONS.items() if moves)

BATCH = 200
"""People to one commit of a worker."""
AT_ONCE = 100
"""So many are done in the commit that starts it, and so many the front desk may select (one page of the list)."""
IN_FLIGHT = 1_000
"""A run has no more mails than this on their way: enough to keep every worker sending while the next batch is made,
and no more than this go out after a run was cancelled."""
PACED_EVERY = timedelta(seconds=2)
"""A run that keeps a pace issues a little this often."""
INVITED_WITHIN = timedelta(hours=24)
"""So long after an invitation nobody gets another one in bulk (7.3)."""
WIDELY = 3
"""An address on so many charts is not mailed in bulk without staff's word (security.md)."""
ADULT_YEARS = 18

BY_A_PERSON = frozenset(
    {EndReason.REVOKED, EndReason.DISABLED, EndReason.NOT_ME, EndReason.IDENTITY_LOCKED}
)
"""After these a patient is enabled again one by one only (7.3)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything of one patient that decides whether a run reaches them."""

    in_scope: bool
    end_date: date | None
    deceased: bool
    deceased_on: date | None
    grant: GrantFacts | None
    """The current one."""
    last_ended: str | None
    """Why the last grant ended (:class:`portal.access.models.EndReason`); None while it stands, or without any."""
    logged_on_before: bool
    """Whether the patient has ever logged on, under any grant."""
    invited_at: datetime | None
    """When the last invitation was issued that did not fail."""
    opted_out: bool
    email: str | None
    has_ssn: bool
    birth_date: date | None
    has_phone: bool
    blocked: bool
    """Whoever reads the address said "This is not me"."""
    bounced: bool
    flagged: bool
    """The address is a placeholder such as test@test.com."""
    widely_shared: bool
    """The address stands on :data:`WIDELY` charts of the practice or more."""
    beside_adult: bool
    """Whether the address stands on the chart of an adult other than this patient."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is: the moment, and the practice's calendar day."""

    now: datetime
    today: date

    @property
    def adults_born(self) -> date:
        """The last birthday of who is an adult today."""
        return years_before(self.today, ADULT_YEARS)


REASONS: dict[RunKind, tuple[SkipReason, ...]] = {
    RunKind.ENABLE: (
        SkipReason.OUTSIDE_SCOPE,
        SkipReason.DECEASED,
        SkipReason.END_DATED,
        SkipReason.ENABLED_ALREADY,
        SkipReason.ENDED_BY_PERSON,
    ),
    RunKind.DISABLE: (SkipReason.OUTSIDE_SCOPE, SkipReason.NOT_ENABLED),
    RunKind.INVITE: tuple(
        reason
        for reason in SkipReason
        if reason not in {SkipReason.ENABLED_ALREADY, SkipReason.NOT_ENABLED}
    ),
}
"""The reasons that count for each kind, in their order."""


def reason_for(kind: RunKind, facts: Facts, at: Moment) -> SkipReason | None:
    """Why this run passes this patient over: the first reason that holds; None: it reaches them."""
    holds = _holding(facts, at)
    return next((reason for reason in REASONS[kind] if holds[reason]), None)


def _holding(of: Facts, at: Moment) -> dict[SkipReason, bool]:
    return {
        SkipReason.OUTSIDE_SCOPE: not of.in_scope,
        SkipReason.DECEASED: has_ended(
            end_date=None, deceased=of.deceased, deceased_on=of.deceased_on, today=at.today
        ),
        SkipReason.END_DATED: has_ended(
            end_date=of.end_date, deceased=False, deceased_on=None, today=at.today
        ),
        SkipReason.ENABLED_ALREADY: of.grant is not None,
        SkipReason.NOT_ENABLED: of.grant is None,
        SkipReason.ENDED_BY_PERSON: of.grant is None and of.last_ended in BY_A_PERSON,
        SkipReason.ACTIVE: of.logged_on_before or status(of.grant, ended=False) is Status.ACTIVE,
        # a mail that came back has invited nobody, and that is what staff can mend
        SkipReason.INVITED_LATELY: of.invited_at is not None
        and of.invited_at > at.now - INVITED_WITHIN
        and not of.bounced,
        SkipReason.OPTED_OUT: of.opted_out,
        SkipReason.NO_EMAIL: not of.email,
        SkipReason.NOT_AN_ADDRESS: not is_address(of.email or ""),
        SkipReason.NO_IDENTIFIERS: not (of.has_ssn or (of.birth_date is not None and of.has_phone)),
        SkipReason.ADDRESS_BLOCKED: of.blocked,
        SkipReason.BOUNCED: of.bounced,
        SkipReason.PLACEHOLDER: of.flagged,
        SkipReason.SHARED: of.widely_shared,
        SkipReason.MINOR_SHARED: of.beside_adult
        and of.birth_date is not None
        and of.birth_date > at.adults_born,
    }


def is_address(email: str) -> bool:
    """Whether mail can be addressed to it: visible ASCII before the @ (RFC 5321), and something after it."""
    local, at, domain = email.partition("@")
    return bool(at and local and domain) and all("!" <= c <= "~" for c in local)


def years_before(day: date, years: int) -> date:
    """The same day so many years ago; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def pace_of(per_minute: int) -> tuple[int, timedelta]:
    """How many at a time, and how long to wait after them, to keep a pace; without one (0) a batch and no wait."""
    if per_minute <= 0:
        return BATCH, timedelta(0)
    number = max(1, min(BATCH, int(per_minute * PACED_EVERY / timedelta(minutes=1))))
    return number, timedelta(minutes=1) * number / per_minute
