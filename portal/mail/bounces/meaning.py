"""What a returned message means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from portal.mail.rules import Reason


class Meaning(StrEnum):
    """What a message that came back tells of the mail that was sent."""

    HARD = "hard"
    """The address does not work: nothing should be sent there until it is changed."""
    SOFT = "soft"
    """This mail is late or came back, but the address may well work."""
    AUTO_REPLY = "auto_reply"
    """Nobody wrote it (RFC 3834): away, on leave, "we have received your mail"."""
    ABUSE = "abuse"
    """The reader's mail provider passes on a complaint (RFC 5965)."""
    CHALLENGE = "challenge"
    """A filter wants a person to prove that they sent it."""
    NOT_A_BOUNCE = "not_a_bounce"
    """A receipt, a person's answer, or something that cannot be read."""


ADDRESS_REASONS = frozenset(
    {
        Reason.NO_SUCH_MAILBOX,
        Reason.NO_SUCH_DOMAIN,
        Reason.MAILBOX_DISABLED,
        Reason.BAD_ADDRESS,
        Reason.MOVED,
    }
)
"""Reasons that lie in the address: it will not work next time either."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one returned message."""

    meaning: Meaning
    addresses: frozenset[str] = frozenset()
    """Whom it could not be delivered to, as far as it says. Never acted upon: the row says whom we wrote to."""
    reason: Reason | None = None
    """Set for hard and soft ones."""
    final: bool = False
    """Whether it will not be tried any more; a soft one that is not final is a warning of a delay."""
