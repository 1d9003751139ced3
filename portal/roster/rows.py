"""What a page of the list is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.access.models import Grant
from portal.access.rules import Status
from portal.invitations.models import Invitation
from portal.people.models import Patient
from portal.roster.rules import AgeBand, NextAppointment, Pill


@dataclass(frozen=True, slots=True)
class RosterFilter:
    """Whom the list shows: those for whom all of it holds."""

    pill: Pill = Pill.ALL
    provider_id: int | None = None
    age: AgeBand | None = None
    next: NextAppointment | None = None
    text: str = ""
    """As for :func:`portal.people.search.page`."""
    country: str = "US"
    """Where a telephone number without country code belongs."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: after, or before, one row of the list. It says nothing about anybody.

    Its text (``str()`` and :meth:`parse`) is made for addresses.
    """

    public_id: str
    """The patient of that row."""
    backwards: bool = False
    place: str = ""
    """Where the row stood, when it is an order that acts upon patients change; ``""``: where it stands now."""

    def __str__(self) -> str:
        return ".".join((("before" if self.backwards else "after"), self.public_id, self.place))

    @classmethod
    def parse(cls, written: str) -> Cursor | None:
        """The cursor of an address; None for anything else."""
        match written.split("."):
            case ["after" | "before" as way, public_id, place] if public_id:
                return cls(public_id, way == "before", place)
        return None


@dataclass(frozen=True, slots=True)
class RosterLine:
    """One patient in the list."""

    patient: Patient
    """With phones and provider."""
    status: Status
    grant: Grant | None
    """The current one."""
    invitation: Invitation | None
    """The newest under that grant."""
    expired: bool
    bounced: bool
    missing: bool
    next_appointment_at: datetime | None
    last_visit_at: datetime | None


@dataclass(frozen=True, slots=True)
class RosterPage:
    """One page, and how to reach its neighbours."""

    lines: list[RosterLine]
    next: Cursor | None
    previous: Cursor | None
