"""Mails as bytes with holes: written once for a template, a practice's paper and a language, filled person by person.

A skeleton comes out of the same templates and the same :func:`portal.mail.message.written` as a mail that is
composed whole, with marks where values of a person will stand. Text and HTML are quoted-printable (RFC 2045 §6.7),
with a soft line break on either side of each hole, so that what stands in it can be encoded by itself: a line of
its own that is never too long, never begins with a dot and never looks like the border between two parts.

What a skeleton cannot hold (a value with a line break or a strange blank, a value in a header) is composed whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.quoprimime import body_encode
from email.utils import format_datetime
from functools import lru_cache
from secrets import token_hex

from markupsafe import escape

from portal.mail import templates
from portal.mail.addresses import bounce_address, no_reply, on_the_wire
from portal.mail.dialogue import OnTheWire, dotted
from portal.mail.message import Head, written
from portal.mail.models import OutboxMessage
from portal.mail.templates import Draft, Sheet
from portal.mail.transport import Letter

_MARK = f"hole{token_hex(12)}"
"""Begins what stands for a value until a skeleton is cut up; nobody outside of this process knows it."""
_TO, _ID, _OUT, _DATE = (f"{_MARK}{name}" for name in ("to", "id", "out", "date"))
_TEXT, _HTML = f"{_MARK}text", f"{_MARK}html"
_SOME_DAY = "Thu, 01 Jan 1970 00:00:00 +0000"
_VALUE = re.compile(rf"({_MARK}v\d\d)")
_HOLE = re.compile(rf"({_MARK}(?:to|id|out|date|[th]v\d\d))".encode())
_LINE = 74
"""Characters to a line: two less than RFC 2045 allows, for a dot at its beginning becomes three."""
_SHORT = re.compile(r"(?!\.)[ -<>-~]{1,74}")
"""What quoted-printable leaves as it is."""
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class _Skeleton:
    parts: tuple[bytes, ...]
    """What stands there, and at the odd places nothing yet."""
    holes: tuple[tuple[int, str, bool], ...]
    """Place, name of the value, and whether it stands in HTML."""
    head: tuple[tuple[int, str], ...]
    """Place and mark of what the headers say."""


def letter(message: OutboxMessage, draft: Draft, *, now: datetime) -> Letter | None:
    """The mail, ready to go; None when it has to be composed whole.

    Raises:
        BadAddress: it cannot be addressed.
    """
    own = {name: value for name, value in draft.values.items() if value}
    if not all(_fits(value) for value in own.values()):
        return None
    sheet = draft.sheet
    skeleton = _skeleton(
        draft.name,
        message.language,
        sheet,
        sheet.paper.from_address or no_reply(),
        frozenset(own),
        frozenset(draft.values),
        draft.unsubscribe is not None,
    )
    if skeleton is None:
        return None
    recipient = on_the_wire(message.address)
    head = {
        _TO: recipient,
        _ID: message.message_id,
        _DATE: _written(now.replace(microsecond=0)),
    }
    if draft.unsubscribe is not None:
        head[_OUT] = draft.unsubscribe
    return Letter(
        raw=_filled(skeleton, own, head),
        sender=bounce_address(message.public_id),
        recipient=recipient,
    )


def _filled(skeleton: _Skeleton, own: Mapping[str, str], head: Mapping[str, str]) -> OnTheWire:
    parts = list(skeleton.parts)
    for place, mark in skeleton.head:
        parts[place] = head[mark].encode("ascii")
    told: dict[tuple[str, bool], bytes] = {}
    for place, name, in_html in skeleton.holes:
        encoded = told.get((name, in_html))
        if encoded is None:
            value = str(escape(own[name])) if in_html else own[name]
            encoded = told[name, in_html] = _quoted(value)
        parts[place] = encoded
    return OnTheWire(b"".join(parts))


def _fits(value: str) -> bool:
    """Whether it is one line, and the same with and without the blanks around it."""
    return len(value) <= _LONGEST and value.isprintable() and value == value.strip()


@lru_cache(maxsize=100)
def _skeleton(
    name: str,
    language: str,
    sheet: Sheet,
    from_address: str,
    present: frozenset[str],
    keys: frozenset[str],
    automatic: bool,
) -> _Skeleton | None:
    names = sorted(present)
    marks = {key: f"{_MARK}v{number:02}" for number, key in enumerate(names)}
    values = dict(sheet.values) | {key: marks.get(key) for key in keys}
    composed = templates.fill(name, values, replace(sheet.paper, from_address=from_address))
    if _MARK in composed.subject:
        return None
    head = Head(f"{_TO}@x", f"{_ID}@x", language, _SOME_DAY, _OUT if automatic else None)
    places = replace(composed, text=f"{_TEXT}\n", html=f"{_HTML}\n")
    raw = written(head, places, encoding="quoted-printable")
    for mark, put in (
        (f"{_TO}@x", _TO.encode()),
        (f"{_ID}@x", _ID.encode()),
        (_SOME_DAY, _DATE.encode()),
        (f"{_TEXT}\r\n", _body(composed.text, b"t")),
        (f"{_HTML}\r\n", _body(composed.html, b"h")),
    ):
        if raw.count(mark.encode()) != 1:
            return None
        raw = raw.replace(mark.encode(), put)
    if dotted(raw) != raw + b".\r\n":
        return None
    return _cut_up(raw, names)


def _body(text: str, kind: bytes) -> bytes:
    """Text or HTML with its holes, each on a line of its own."""
    lines = text if text.endswith("\n") else f"{text}\n"
    made = b""
    for number, piece in enumerate(_VALUE.split(lines)):
        if number % 2:
            mark = _MARK.encode() + kind + piece.removeprefix(_MARK).encode()
            made += (b"" if made.endswith(b"\n") or not made else b"=\r\n") + mark + b"=\r\n"
        else:
            made += _quoted(piece)
    return made


def _cut_up(raw: bytes, names: list[str]) -> _Skeleton:
    parts = _HOLE.split(raw)
    holes, head = [], []
    for place in range(1, len(parts), 2):
        mark = parts[place].decode()
        told = mark.removeprefix(_MARK)
        if told[1:2] == "v":
            holes.append((place, names[int(told[2:])], told[0] == "h"))
        else:
            head.append((place, mark))
        parts[place] = b""
    return _Skeleton(tuple(parts), tuple(holes), tuple(head))


def _quoted(text: str) -> bytes:
    """In quoted-printable; no line begins with a dot."""
    if _SHORT.fullmatch(text):
        return text.encode("ascii")
    encoded = body_encode(text.encode().decode("latin-1"), _LINE, "\r\n")
    return re.sub(rb"(?m)^\.", b"=2E", encoded.encode("ascii"))


_written: Callable[[datetime], str] = lru_cache(maxsize=8)(format_datetime)
