"""What a returned message means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
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
SOFT_AT_THE_DOOR = frozenset({Reason.MAILBOX_FULL})
"""Reasons for which a mail server refuses a mail that count like one that came back. Its other reasons are not about
the address: spam, size and its own rules tell of us, and of the mail."""


SOFT_ARE_HARD = 3
"""So many mails to one address of a practice that failed softly within :data:`SOFT_WITHIN` make it a dead one."""
SOFT_WITHIN = timedelta(days=30)


def enough(reason: str | None, *, came_back: bool) -> int | None:
    """How many mails that end like this show that their address is dead; None: however many there are.

    Args:
        came_back: the mail server took it and sent it back; else it refused it for good.
    """
    if reason in ADDRESS_REASONS:
        return 1
    return SOFT_ARE_HARD if came_back or reason in SOFT_AT_THE_DOOR else None


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

    @property
    def too_often(self) -> bool:
        """Hard though its reason is not: the address had several such mails (:mod:`portal.mail.repeats`)."""
        return self.meaning is Meaning.HARD and self.reason not in ADDRESS_REASONS
