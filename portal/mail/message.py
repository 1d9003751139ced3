"""From what a mail says to the bytes that go over the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache

from portal.mail.addresses import bounce_address, no_reply, on_the_wire
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed, Inline
from portal.mail.transport import Letter

POLICY = SMTP.clone(cte_type="7bit")
"""CRLF, and nothing but ASCII on the wire: no server needs to announce 8BITMIME."""


def letter(message: OutboxMessage, composed: Composed, *, now: datetime) -> Letter:
    """The mail, ready to go.

    Raises:
        BadAddress: it cannot be addressed.
        ValueError: a header would not be one line.
    """
    recipient = on_the_wire(message.address)
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(
        _one_line(composed.from_name), addr_spec=composed.from_address or no_reply()
    )
    mail["To"] = recipient
    if composed.reply_to:
        mail["Reply-To"] = on_the_wire(composed.reply_to)
    mail["Subject"] = _one_line(composed.subject)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.message_id}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(composed.text)
    mail.add_alternative(composed.html, subtype="html")
    _attach(mail, composed.pictures)
    mail["Content-Language"] = message.language
    return Letter(
        raw=mail.as_bytes(), sender=bounce_address(message.public_id), recipient=recipient
    )


def _attach(mail: EmailMessage, pictures: Sequence[Inline]) -> None:
    """Beside the HTML part, which shows them (RFC 2387); the text part stays alone."""
    if not pictures:
        return
    html = mail.get_body(("html",))
    if not isinstance(html, MIMEPart):
        raise TypeError("a mail without an HTML part shows no picture")
    html.make_related()
    html.set_param("type", "text/html")
    for picture in pictures:
        html.attach(_encoded(picture))


@lru_cache(maxsize=64)
def _encoded(picture: Inline) -> MIMEPart:
    """In base64 already: one picture goes out with thousands of mails."""
    part = MIMEPart(policy=POLICY)
    kind, _, form = picture.media_type.partition("/")
    part.set_content(
        picture.data, maintype=kind, subtype=form, disposition="inline", cid=f"<{picture.cid}>"
    )
    return part


def _one_line(text: str) -> str:
    return " ".join(text.split())
