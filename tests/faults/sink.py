"""The mail server of the fault suite: writes down what it takes before it says so, and does harm as it is told."""

from __future__ import annotations

import binascii
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from tests.smtp import Received, SmtpServer

Rule = Callable[[str, str, int], str | None]
"""Stage, recipient, the client's port -> the answer there; None for the usual one."""
_ID = re.compile(rb"(?im)^Message-ID:\s*<([^>]+)>")
_TOKEN = re.compile(rb"/i/([\w-]{43})")


@dataclass(frozen=True, slots=True)
class Copy:
    """One mail that the sink took responsibility for."""

    message_id: str
    recipient: str
    token: str
    """The secret of the link in it; empty where there is none."""
    client: int
    at: float


@dataclass
class Sink(SmtpServer):
    """An SMTP server with a log on the disk, and rules that may change at any moment."""

    log: Path | None = None
    copies: list[Copy] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    after: list[Callable[[Copy], object]] = field(default_factory=list)
    """Called right after a 250 has gone out."""
    _file: BinaryIO | None = None

    def keep(self, mail: Received) -> None:
        """Into the log first, then into memory."""
        copy = Copy(_message_id(mail.raw), mail.recipient, _token(mail.raw), mail.client, mail.at)
        if self.log is not None:
            if self._file is None:
                self._file = self.log.open("ab", buffering=0)
            line = [copy.at, copy.client, copy.message_id, copy.token]
            os.write(self._file.fileno(), json.dumps(line).encode() + b"\n")
        self.copies.append(copy)
        super().keep(mail)

    def taken(self, mail: Received) -> None:
        """Whoever wants to strike now."""
        if self.after:
            copy = Copy(_message_id(mail.raw), mail.recipient, "", mail.client, mail.at)
            for strike in self.after:
                strike(copy)

    def choose(self, stage: str, recipient: str, client: int) -> str | None:
        """The first rule that has an answer."""
        for rule in self.rules:
            answer = rule(stage, recipient, client)
            if answer is not None:
                return answer
        return None

    def stop(self) -> None:
        """See :meth:`SmtpServer.stop`; the log stays."""
        super().stop()
        if self._file is not None:
            self._file.close()
            self._file = None


def _message_id(raw: bytes) -> str:
    found = _ID.search(raw)
    return found[1].decode() if found else ""


def _token(raw: bytes) -> str:
    """In the text part, whichever of the two encodings it has; both without a parser, for there are thousands."""
    found = _TOKEN.search(raw) or _TOKEN.search(binascii.a2b_qp(raw))
    if found is None:
        for part in re.split(rb"\r\n\r\n", raw):
            try:
                found = found or _TOKEN.search(binascii.a2b_base64(part))
            except binascii.Error:
                continue
    return found[1].decode() if found else ""
