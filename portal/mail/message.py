"""From what a mail says to the bytes that go over the wire."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP, Policy
from email.utils import format_datetime
from functools import lru_cache
from secrets import token_hex

from portal.mail import unsubscribe
from portal.mail.addresses import bounce_address, no_reply, on_the_wire
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed, Inline
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

_PLACES = token_hex(16)
"""Begins what stands for a picture until the mail is written; nobody outside of this process knows it."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers say of one mail, beside what it says itself."""

    recipient: str
    """As it goes over the wire."""
    message_id: str
    language: str
    date: str
    unsubscribe: str | None = None
    """The address of List-Unsubscribe."""


def letter(message: OutboxMessage, composed: Composed, *, now: datetime) -> Letter:
    """The mail, ready to go.

    Raises:
        BadAddress: it cannot be addressed.
        ValueError: a header would not be one line.
    """
    recipient = on_the_wire(message.address)
    head = Head(
        recipient=recipient,
        message_id=message.message_id,
        language=message.language,
        date=format_datetime(now),
        unsubscribe=unsubscribe.link(message.public_id) if composed.automatic else None,
    )
    return Letter(
        raw=written(head, composed),
        sender=bounce_address(message.public_id),
        recipient=recipient,
    )


def written(head: Head, composed: Composed, *, encoding: str | None = None) -> bytes:
    """All of a mail, line by line.

    Args:
        encoding: the transfer encoding of text and HTML; None leaves the choice to Python.
    """
    mail = EmailMessage(policy=POLICY)
    mail["From"] = Address(
        _one_line(composed.from_name), addr_spec=composed.from_address or no_reply()
    )
    mail["To"] = head.recipient
    if composed.reply_to:
        mail["Reply-To"] = on_the_wire(composed.reply_to)
    mail["Subject"] = _one_line(composed.subject)
    mail["Date"] = head.date
    mail["Message-ID"] = f"<{head.message_id}>"
    mail["Auto-Submitted"] = "auto-generated"
    if head.unsubscribe:
        mail["List-Unsubscribe"] = f"<{head.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(composed.text, cte=encoding)
    mail.add_alternative(composed.html, subtype="html", cte=encoding)
    _attach(mail, composed.pictures)
    if composed.calendar:
        _attach_calendar(mail, composed.calendar)
    mail["Content-Language"] = head.language
    return _put_in(mail.as_bytes(), composed.pictures)


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
        part = MIMEPart(policy=POLICY)
        part["Content-Type"] = picture.media_type
        part["Content-Transfer-Encoding"] = "base64"
        part["Content-ID"] = f"<{picture.cid}>"
        part["Content-Disposition"] = "inline"
        part.set_payload(_place(picture))
        html.attach(part)


def _attach_calendar(mail: EmailMessage, data: bytes) -> None:
    """As a file to open, that also says to mail programs what it is (RFC 6047)."""
    kind = {"method": "PUBLISH", "charset": "utf-8"}
    mail.add_attachment(
        data, maintype="text", subtype="calendar", filename="appointment.ics", params=kind
    )


def _put_in(raw: bytes, pictures: Sequence[Inline]) -> bytes:
    """The bytes of the mail with the pictures in their places: writing them line by line takes long."""
    for picture in pictures:
        raw = raw.replace(_place(picture).encode(), _encoded(picture), 1)
    return raw


def _place(picture: Inline) -> str:
    return f"{_PLACES}:{picture.cid}"


@lru_cache(maxsize=64)
def _encoded(picture: Inline) -> bytes:
    """In base64, 76 characters a line: one picture goes out with thousands of mails."""
    return encodebytes(picture.data).rstrip().replace(b"\n", b"\r\n")


def _one_line(text: str) -> str:
    return " ".join(text.split())
