"""From what a mail says to the bytes that go over the wire."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime

from portal.mail import unsubscribe
from portal.mail.addresses import bounce_address, no_reply, on_the_wire
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.mail.transport import Letter


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header whose value is an address of the web: it must stay whole, where Python would encode a long word."""

    def fold(self, *, policy: Policy) -> str:
        """Name and value on one line; RFC 5322 allows 998 characters."""
        return f"{getattr(self, 'name', '')}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _OneLine)
POLICY = SMTP.clone(cte_type="7bit", header_factory=_HEADERS)
"""CRLF, and nothing but ASCII on the wire: no server needs to announce 8BITMIME."""


def letter(message: OutboxMessage, composed: Composed, *, now: datetime) -> Letter:
    """The mail, ready to go.

    Raises:
        BadAddress: it cannot be addressed.
        ValueError: a header would not be one line.
    """
    recipient = on_the_wire(message.address)
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(_one_line(composed.from_name), addr_spec=no_reply())
    mail["To"] = recipient
    if composed.reply_to:
        mail["Reply-To"] = on_the_wire(composed.reply_to)
    mail["Subject"] = _one_line(composed.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.message_id}>"
    mail["Auto-Submitted"] = "auto-generated"
    if composed.automatic:
        mail["List-Unsubscribe"] = f"<{unsubscribe.link(message.public_id)}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(composed.text)
    mail.add_alternative(composed.html, subtype="html")
    mail["Content-Language"] = message.language
    return Letter(
        raw=mail.as_bytes(), sender=bounce_address(message.public_id), recipient=recipient
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
