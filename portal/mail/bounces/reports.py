"""The machine's part of a report: who, what became of it, and why (RFC 3464). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from email.utils import parseaddr

from portal.mail.bounces.taming import MOST_PARTS, field, parts, text_of

MOST_RECIPIENTS = 100


@dataclass(frozen=True, slots=True)
class Recipient:
    """One block of a delivery report."""

    address: str
    action: str
    """``failed``, ``delayed``, ``delivered``, ``relayed`` or ``expanded``; "" where it is not said."""
    status: str
    diagnostic: str

    @property
    def failed(self) -> bool:
        """Whether the report says that it was not delivered and will not be tried again."""
        if self.action.startswith(("fail", "error")):
            return True
        # some leave the action out; a permanent status says the same
        return not self.action and self.status.startswith("5")

    @property
    def delayed(self) -> bool:
        """Whether the report is a warning."""
        return self.action.startswith("delay")


def recipients(message: Message) -> list[Recipient]:
    """Every recipient that a delivery report tells of, in its order."""
    found: list[Recipient] = []
    for part in parts(message):
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in _blocks(part):
            recipient = _recipient(block)
            if recipient is not None:
                found.append(recipient)
        if len(found) >= MOST_RECIPIENTS:
            break
    return found[:MOST_RECIPIENTS]


def _blocks(part: Message) -> Iterator[Message]:
    payload = part.get_payload()
    if isinstance(payload, list):
        encoded = field(part, "content-transfer-encoding").lower()
        if encoded in {"base64", "quoted-printable"}:
            yield from _decoded(payload, encoded)
        else:
            yield from (item for item in payload[:MOST_PARTS] if isinstance(item, Message))
        return
    text = text_of(part)
    for chunk in re.split(r"\n\s*\n", text)[:MOST_PARTS]:
        yield HeaderParser().parsestr(chunk)


def _decoded(blocks: Sequence[Message | str], encoded: str) -> list[Message]:
    """The blocks of a report that was encoded although RFC 3464 forbids it."""
    body = "\n\n".join(str(block) for block in blocks[:MOST_PARTS])
    wrapped = Message()
    wrapped["Content-Type"] = "text/plain"
    wrapped["Content-Transfer-Encoding"] = encoded
    wrapped.set_payload(body.strip())
    text = text_of(wrapped)
    return [HeaderParser().parsestr(chunk.strip()) for chunk in re.split(r"\r?\n\s*\r?\n", text)]


def _recipient(block: Message) -> Recipient | None:
    named = field(block, "original-recipient") or field(block, "final-recipient")
    if not named and not field(block, "action"):
        return None
    final = field(block, "final-recipient") or named
    return Recipient(
        address=address_in(named) or address_in(final),
        action=field(block, "action").lower(),
        status=field(block, "status"),
        diagnostic=field(block, "diagnostic-code"),
    )


def address_in(value: str) -> str:
    """The address in ``rfc822; <somebody@example.org>``; "" where there is none."""
    _, _, rest = value.rpartition(";")
    found = parseaddr(rest.strip())[1]
    return found if "@" in found else ""
