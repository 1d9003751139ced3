"""The states of a run and of each person in it, and why a person is passed over."""

from __future__ import annotations

from enum import StrEnum


class RunKind(StrEnum):
    """What a run does to each of its people."""

    ENABLE = "enable"
    DISABLE = "disable"
    INVITE = "invite"


class RunScope(StrEnum):
    """Whom a run was made of."""

    SELECTION = "selection"
    PRACTICE = "practice"
    FAILED = "failed"
    """Those whom an earlier run failed to reach."""


class RunState(StrEnum):
    """The life of a run; its moves are in :data:`portal.bulk.rules.TRANSITIONS`."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class PausedBy(StrEnum):
    """Who stopped a run for a while, which decides who lets it go on."""

    PERSON = "person"
    SERVER = "server"
    """The mail server as a whole is in trouble; the run goes on by itself when that ends."""


class ItemState(StrEnum):
    """How far a person of a run is."""

    WAITING = "waiting"
    MAILING = "mailing"
    """Invited; the mail server has not taken the mail yet."""
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


class SkipReason(StrEnum):
    """Why a person is passed over. The order is the one in which reasons count: each person has the first only.

    What nobody can mend stands first, so that nobody is asked for the email of a person who has died.
    """

    OUTSIDE_SCOPE = "outside_scope"
    DECEASED = "deceased"
    END_DATED = "end_dated"
    ENABLED_ALREADY = "enabled_already"
    NOT_ENABLED = "not_enabled"
    ENDED_BY_PERSON = "ended_by_person"
    ACTIVE = "active"
    INVITED_LATELY = "invited_lately"
    OPTED_OUT = "opted_out"
    NO_EMAIL = "no_email"
    NOT_AN_ADDRESS = "not_an_address"
    NO_IDENTIFIERS = "no_identifiers"
    ADDRESS_BLOCKED = "address_blocked"
    BOUNCED = "bounced"
    PLACEHOLDER = "placeholder"
    SHARED = "shared"
    MINOR_SHARED = "minor_shared"
