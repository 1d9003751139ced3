"""The states of an invitation."""

from __future__ import annotations

from enum import StrEnum


class InvitationState(StrEnum):
    """The life of an invitation; its moves are in :data:`portal.invitations.rules.TRANSITIONS`."""

    PREPARED = "prepared"
    """Written; the mail server has not accepted its mail yet."""
    LIVE = "live"
    USED = "used"
    REPLACED = "replaced"
    REVOKED = "revoked"
    """Ended with its grant, by staff."""
    VOIDED = "voided"
    """Overtaken: the earlier one was redeemed first, or the e-mail on file changed."""
    LOCKED = "locked"
    NOT_ME = "not_me"
    FAILED = "failed"
    """Its mail failed for good."""


class Origin(StrEnum):
    """Where an invitation comes from."""

    STAFF = "staff"
    FRESH_LINK = "fresh_link"
    """The holder of a dead link asked for it (8.6)."""
    BULK = "bulk"
    """One of a run (7)."""
    AUTOMATIC = "automatic"
    """Sent by itself because of an appointment (4.3)."""
