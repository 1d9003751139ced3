"""Bytes from strangers, made safe to read: bounded in size, line length, parts and depth. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message

MOST_BYTES = 256 * 1024
"""A report stands at the beginning; what follows is our own mail come back."""
LONGEST_LINE = 1000
"""RFC 5322 §2.1.1 allows 998; longer ones are cut, so that no pattern runs for long."""
MOST_LINES = 4000
MOST_PARTS = 60
DEEPEST = 10
_MOST_BOUNDARIES = 200
_BOUNDARY = re.compile(rb"boundary\s*\*?\d*\*?=", re.IGNORECASE)
_LONG = re.compile(rb"([^\r\n]{%d})[^\r\n]+" % LONGEST_LINE)


class Unreadable(ValueError):
    """It is no message, or it is built to hurt."""


def tame(raw: bytes) -> Message:
    """The message in these bytes, as far as it is kept.

    Raises:
        Unreadable: it declares parts within parts without end.
    """
    # a Windows "^Z" or a NUL never stands in a report
    kept = _LONG.sub(rb"\1", raw[:MOST_BYTES].replace(b"\0", b""))
    kept = b"\n".join(re.split(rb"\r\n|\n|\r", kept, maxsplit=MOST_LINES)[:MOST_LINES])
    if len(_BOUNDARY.findall(kept)) > _MOST_BOUNDARIES:
        raise Unreadable("too many parts are declared")
    try:
        return message_from_bytes(kept)
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise Unreadable(type(error).__name__) from error


def parts(message: Message) -> Iterator[Message]:
    """The message and what is in it, in order; not what is in the mail that came back."""
    waiting: list[tuple[Message, int]] = [(message, 0)]
    seen = 0
    while waiting and seen < MOST_PARTS:
        part, depth = waiting.pop(0)
        seen += 1
        yield part
        if not part.is_multipart() or part.get_content_maintype() != "multipart":
            continue
        payload = part.get_payload()
        if isinstance(payload, list) and depth < DEEPEST:
            waiting[:0] = [(item, depth + 1) for item in payload if isinstance(item, Message)]


def text_of(part: Message) -> str:
    """The text of one part, whatever its character set claims to be."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AttributeError):
        return ""
    if not isinstance(payload, bytes):
        return ""
    charset = str(part.get_content_charset("utf-8"))
    if charset.replace("_", "-").endswith("escape"):  # Python's own, and no character set of a mail
        charset = "utf-8"
    try:
        return payload.decode(charset, "replace")
    except (LookupError, ValueError, UnicodeError):
        return payload.decode("utf-8", "replace")


def field(message: Message, name: str) -> str:
    """One header on one line, "" where there is none."""
    try:
        value = message.get(name)
        return " ".join(str(value).split()) if value is not None else ""
    except (ValueError, LookupError, UnicodeError):
        return ""
