"""Portal status from the facts (product 1), and what the state allows. Pure: ``today`` and ``now`` are arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Status(StrEnum):
    """The one word of 1.1."""

    NOT_ENABLED = "not_enabled"
    READY = "ready"
    INVITED = "invited"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class GrantFacts:
    """What the status depends on, of the current grant."""

    invited_at: datetime | None = None
    first_logon_at: datetime | None = None
    existing_account_since: datetime | None = None


def has_ended(
    *, end_date: date | None, deceased: bool, deceased_on: date | None, today: date
) -> bool:
    """Whether the chart's end date or the person's death is here (10.1, 10.2).

    ``end_date`` is the first day without access; ``today`` the practice's calendar day. A death without a
    date counts at once.
    """
    if end_date is not None and end_date <= today:
        return True
    return deceased and (deceased_on is None or deceased_on <= today)


def status(grant: GrantFacts | None, *, ended: bool) -> Status:
    """The portal status of a patient: of the current grant (None: there is none) and of the chart."""
    if grant is None or ended:
        return Status.NOT_ENABLED
    if grant.first_logon_at or grant.existing_account_since:
        return Status.ACTIVE
    if grant.invited_at:
        return Status.INVITED
    return Status.READY


class Obstacle(StrEnum):
    """Why a patient cannot be enabled or invited, apart from missing identifiers (2.1)."""

    END_DATED = "end_dated"
    DECEASED = "deceased"
    OPTED_OUT = "opted_out"
    ADDRESS_BLOCKED = "address_blocked"
    IDENTIFIERS_MISSING = "identifiers_missing"


def obstacles(
    *,
    end_date: date | None,
    deceased: bool,
    deceased_on: date | None,
    opted_out: bool,
    address_blocked: bool,
    identifiers_met: bool,
    today: date,
) -> list[Obstacle]:
    """Everything that stands in the way of an invitation, in a fixed order."""
    found = []
    if has_ended(end_date=end_date, deceased=False, deceased_on=None, today=today):
        found.append(Obstacle.END_DATED)
    if has_ended(end_date=None, deceased=deceased, deceased_on=deceased_on, today=today):
        found.append(Obstacle.DECEASED)
    if opted_out:
        found.append(Obstacle.OPTED_OUT)
    if address_blocked:
        found.append(Obstacle.ADDRESS_BLOCKED)
    if not identifiers_met:
        found.append(Obstacle.IDENTIFIERS_MISSING)
    return found
