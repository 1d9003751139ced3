"""What the development mail server caught: a Maildir, written by aiosmtpd's own Mailbox handler."""

from __future__ import annotations

import mailbox
import re
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from markupsafe import Markup, escape

NEWEST = 200
_LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """One mail as the server received it."""

    key: str
    received_at: datetime
    message: EmailMessage

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Every header, decoded, in the order of the mail."""
        return [(name, str(value)) for name, value in self.message.items()]

    @property
    def text(self) -> str:
        """The text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part, "" where there is none."""
        return self._part("html")

    @property
    def html_with_pictures(self) -> str:
        """The HTML part with the pictures that travel with the mail in it, as a mail reader shows it."""
        html = self.html
        for part in self.message.walk():
            cid = str(part["Content-ID"] or "").strip("<>")
            if cid and part.get_content_maintype() == "image":
                data = b64encode(part.get_content()).decode()
                html = html.replace(f"cid:{cid}", f"data:{part.get_content_type()};base64,{data}")
        return html

    @property
    def linked_text(self) -> Markup:
        """The text part with its addresses as links."""
        lines = [_with_links(line) for line in self.text.splitlines()]
        return Markup("<br>").join(lines)

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""


def newest_first(folder: Path) -> list[CaughtMail]:
    """The newest mails, newest first."""
    box = _open(folder)
    if box is None:
        return []
    found = [_read(box, key) for key in box.keys()]  # noqa: SIM118 (a Maildir is no dict)
    return sorted(found, key=lambda mail: mail.received_at, reverse=True)[:NEWEST]


def find(folder: Path, key: str) -> CaughtMail | None:
    """The mail of this key; keys are names that the Maildir itself lists."""
    box = _open(folder)
    if box is None or key not in box:
        return None
    return _read(box, key)


def _open(folder: Path) -> mailbox.Maildir | None:
    if not (folder / "new").is_dir():
        return None
    return mailbox.Maildir(folder, factory=None, create=False)


def _read(box: mailbox.Maildir, key: str) -> CaughtMail:
    message = message_from_bytes(box.get_bytes(key), policy=default)
    # aiosmtpd names its files as maildir(5) says: seconds since 1970, a dot, then "M" and microseconds
    seconds, _, rest = key.partition(".")
    micro = re.match(r"M(\d+)", rest)
    stamp = int(seconds) + (int(micro[1]) / 1e6 if micro else 0.0)
    return CaughtMail(key, datetime.fromtimestamp(stamp, UTC), message)


def _with_links(line: str) -> Markup:
    parts = []
    end = 0
    for match in _LINK.finditer(line):
        address = match[0].rstrip(".,;:!?)")
        parts += [
            escape(line[end : match.start()]),
            Markup('<a href="{0}">{0}</a>').format(address),
        ]
        end = match.start() + len(address)
    return Markup("").join([*parts, escape(line[end:])])
