"""The states of a mail."""

from __future__ import annotations

from enum import StrEnum


class OutboxState(StrEnum):
    """Where a mail stands; its moves are in :data:`portal.mail.rules.TRANSITIONS`."""

    QUEUED = "queued"
    SENDING = "sending"
    """A worker holds it under a lease."""
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Twice the connection broke, or the worker died, at the final dot: it may have arrived."""
    CANCELLED = "cancelled"
    BOUNCED = "bounced"
    """It came back after all; ``reason`` says why."""
