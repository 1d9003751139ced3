"""A real SMTP server for tests (RFC 5321), which answers as it is told and keeps what it accepted."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import BinaryIO, Self

HANG = "hang"
"""Say nothing until :meth:`SmtpServer.go_on`; what was asked for is not done."""
WAIT = "wait"
"""Answer as usual, but only after :meth:`SmtpServer.go_on`."""
DROP = "drop"
"""Reset the connection."""
HANG_AFTER_KEEPING = "hang after keeping"
"""At ``data``: the mail is accepted and kept, but the answer is held back."""
DROP_AFTER_KEEPING = "drop after keeping"
"""At ``data``: the mail is accepted and kept, but the connection is reset before the answer."""
DROP_MID_DATA = "drop mid data"
"""At ``data``: the connection is reset while the mail is on its way."""
ONE_BYTE_A_TIME = "one byte a time"
"""At ``greet``: each byte within any time-out, the whole line never."""


@dataclass(frozen=True)
class Received:
    """A mail that the server has taken responsibility for."""

    sender: str
    recipient: str
    raw: bytes
    client: int = 0
    """The port that it came from: one connection."""
    at: float = field(default_factory=time.time)

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)  # type: ignore[return-value]

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    def body(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert part is not None
        return str(part.get_content())


class _Reset(Exception):
    """End this connection by a TCP reset."""


@dataclass
class SmtpServer:
    """``program("recipient", "550 5.1.1 No such user")``.

    The stages are greet, logon, sender, recipient, ask (for the mail) and data (the answer to it).
    """

    port: int
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    at_stage: Counter[str] = field(default_factory=Counter)
    logons: list[str] = field(default_factory=list)
    largest: int = 99_999_999
    """Bytes of a mail that it takes (RFC 1870)."""
    pipelining: bool = False
    """Whether it says that it reads ahead (RFC 2920)."""

    def __post_init__(self) -> None:
        self._programs: dict[str, deque[str]] = {}
        self._always: dict[str, str] = {}
        self._going_on = threading.Event()
        self._answering = threading.Lock()
        self._stopping = False
        self._tls: ssl.SSLContext | None = None
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def program(self, stage: str, *answers: str) -> None:
        """The next answers at this stage, then the usual one again."""
        self._programs.setdefault(stage, deque()).extend(answers)

    def always(self, stage: str, answer: str | None) -> None:
        """The answer at this stage from now on; None for the usual one."""
        self._always.pop(stage, None)
        if answer is not None:
            self._always[stage] = answer

    def offer_tls(self, context: ssl.SSLContext) -> None:
        """From now on STARTTLS is there."""
        self._tls = context

    def go_on(self) -> None:
        """Let everything that hangs go on."""
        self._going_on.set()

    def choose(self, stage: str, recipient: str, client: int) -> str | None:
        """The answer to this one; None for the usual one. For whoever wants more than programs."""
        return None

    def keep(self, mail: Received) -> None:
        """Take responsibility: it must not be lost from now on."""
        self.received.append(mail)

    def taken(self, mail: Received) -> None:
        """The moment after the 250 has gone out."""

    def start(self) -> None:
        self._going_on.clear()
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._spawn(self._accept, self._listener)

    def stop(self) -> None:
        """End at once; what was kept has been answered, as far as no program held the answer back."""
        self.go_on()
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._answering:
            self._stopping = True
            for conversation in self._open:
                with_reset(conversation)
        for thread in self._threads:
            thread.join(5)
        self._open.clear()
        self._threads.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _spawn(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                conversation, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(conversation)
            self._spawn(self._serve, conversation)

    def _serve(self, conversation: socket.socket) -> None:
        try:
            greeting = self._answer("greet", "220 test", client=conversation.getpeername()[1])
            if greeting == ONE_BYTE_A_TIME:
                while not self._going_on.wait(0.05):
                    conversation.sendall(b"2")
                raise _Reset
            conversation.sendall(greeting.encode() + b"\r\n")
            if greeting.startswith("2") and self._talk(conversation):
                assert self._tls is not None
                with self._tls.wrap_socket(conversation, server_side=True) as secured:
                    self._talk(secured)
        except (_Reset, OSError):
            with_reset(conversation)
        finally:
            conversation.close()

    def _talk(self, conversation: socket.socket) -> bool:
        """Until one side ends it; True to go on under TLS."""

        def say(text: str) -> None:
            conversation.sendall(text.encode() + b"\r\n")

        secured = isinstance(conversation, ssl.SSLSocket)
        client: int = conversation.getpeername()[1]
        sender = recipient = ""
        may_name = named = False
        with conversation.makefile("rb") as lines:
            for line in iter(lines.readline, b""):
                words = line.decode().strip()
                match words.partition(" ")[0].upper():
                    case "EHLO" | "HELO":
                        offer = "" if secured or self._tls is None else "250-STARTTLS\r\n"
                        offer += "250-PIPELINING\r\n" if self.pipelining else ""
                        say(f"250-test\r\n{offer}250-AUTH PLAIN\r\n250 SIZE {self.largest}")
                    case "STARTTLS":
                        say("220 go on")
                        return True
                    case "AUTH":
                        self.logons.append(base64.b64decode(words.split()[2]).decode())
                        say(self._answer("logon", "235 OK", client=client))
                    case "MAIL" if may_name:
                        say("503 5.5.1 Error: nested MAIL command")
                    case "MAIL":
                        sender = words[words.index("<") + 1 : words.index(">")]
                        size = re.search(r"(?i)\bsize=(\d+)", words)
                        if size and int(size[1]) > self.largest:
                            say("552 5.3.4 Message size exceeds fixed limit")
                            continue
                        answer = self._answer("sender", client=client)
                        may_name, named = answer.startswith("250"), False
                        say(answer)
                    case "RCPT" if not may_name:
                        say("503 5.5.1 Error: need MAIL command")
                    case "RCPT":
                        recipient = words[words.index("<") + 1 : words.index(">")]
                        answer = self._answer("recipient", recipient=recipient, client=client)
                        named = answer.startswith("250")
                        say(answer)
                    case "DATA" if not named:
                        say("503 5.5.1 Error: need RCPT command")
                    case "DATA":
                        answer = self._answer("ask", "354 go on", client=client)
                        say(answer)
                        if not answer.startswith("354"):
                            continue
                        may_name = named = False
                        self._take(Received(sender, recipient, b"", client), lines, say)
                    case "QUIT":
                        say("221 bye")
                        return False
                    case "RSET":
                        may_name = named = False
                        say("250 OK")
                    case _:
                        say("250 OK")
        return False

    def _take(self, mail: Received, lines: BinaryIO, say: Callable[[str], None]) -> None:
        answer = self._find("data", mail.recipient, mail.client)
        if answer == DROP_MID_DATA:
            self.at_stage["data"] += 1
            lines.readline()
            raise _Reset
        raw = b""
        for line in iter(lines.readline, b""):
            if line == b".\r\n":
                break
            raw += line[1:] if line.startswith(b".") else line
        else:
            raise _Reset
        self.at_stage["data"] += 1
        mail = replace(mail, raw=raw, at=time.time())
        if answer is None:
            with self._answering:
                if self._stopping:
                    raise _Reset
                self.keep(mail)
                say("250 OK")
            self.taken(mail)
            return
        if answer in {WAIT, HANG_AFTER_KEEPING, DROP_AFTER_KEEPING}:
            self.keep(mail)
        say(self._act(answer, "250 OK"))

    def _answer(
        self, stage: str, usual: str = "250 OK", *, recipient: str = "", client: int = 0
    ) -> str:
        return self._act(self._next(stage, recipient, client), usual)

    def _act(self, answer: str | None, usual: str) -> str:
        if answer in {HANG, HANG_AFTER_KEEPING}:
            self._going_on.wait()
            raise _Reset
        if answer == WAIT:
            self._going_on.wait()
            return usual
        if answer in {DROP, DROP_AFTER_KEEPING}:
            raise _Reset
        return answer or usual

    def _next(self, stage: str, recipient: str, client: int) -> str | None:
        self.at_stage[stage] += 1
        return self._find(stage, recipient, client)

    def _find(self, stage: str, recipient: str, client: int) -> str | None:
        queued = self._programs.get(stage)
        if queued:
            return queued.popleft()
        return self._always.get(stage) or self.choose(stage, recipient, client)


def with_reset(conversation: socket.socket) -> None:
    """Close so that the other side sees a reset."""
    try:
        conversation.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conversation.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    conversation.close()
