"""smtplib's client, taught to ask before DATA, to know how far it came, to wait for the dot, and to talk ahead."""

from __future__ import annotations

import re
import smtplib
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from typing_extensions import Buffer

from portal.mail.rules import Stage


class OnTheWire(bytes):
    """A mail whose lines end as they must and of which none begins with a dot: it need not be read through again."""


class Withdrawn(smtplib.SMTPException):
    """The mail is not to go out any more; the conversation goes on with the next."""


class Dialogue(smtplib.SMTP):
    """One conversation.

    Args:
        timeout: seconds for each answer.
        dot_timeout: seconds for the answer to the final dot.
        begun: called with the conversation before it connects.
        handed: called when a mail has been handed over and its answer is waited for.
    """

    def __init__(
        self,
        server: str,
        port: int,
        *,
        own_name: str,
        timeout: float,
        dot_timeout: float,
        begun: Callable[[Dialogue], None],
        handed: Callable[[], None],
    ) -> None:
        self.stage = Stage.GREETING
        self.handed_over = False
        self.sock: socket.socket | None = None
        self._recipient = ""
        self._told_recipient = False
        self._before_data: Callable[[], bool] = bool
        self._patience, self._dot_patience = timeout, dot_timeout
        self._handed = handed
        begun(self)
        super().__init__(server, port, local_hostname=own_name, timeout=timeout)

    def begin(self, recipient: str, before_data: Callable[[], bool]) -> None:
        """A new mail to this one; ``before_data`` is asked when the server has taken sender and recipient."""
        self._recipient = recipient
        self._before_data = before_data
        self.handed_over = False
        self.stage = Stage.SENDER

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """MAIL FROM an address of our own; RCPT TO goes with it where the server reads ahead (RFC 2920)."""
        # smtplib reads every address anew, which costs as much as all the rest of a mail here
        commands = [" ".join([f"mail FROM:<{sender}>", *(options if self.does_esmtp else ())])]
        self._told_recipient = self.does_esmtp and self.has_extn("pipelining")
        if self._told_recipient:
            commands.append(f"rcpt TO:<{self._recipient}>")
        self._command(*commands)
        code, text = self.getreply()
        if self._told_recipient and code not in {250, 421}:
            with suppress(smtplib.SMTPServerDisconnected):
                self.getreply()  # to RCPT, which nobody asks for any more
        return code, text

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """RCPT TO an address that :func:`portal.mail.addresses.on_the_wire` has passed."""
        self.stage = Stage.RECIPIENT
        if not self._told_recipient:
            self._command(" ".join([f"rcpt TO:<{recip}>", *options]))
        return self.getreply()

    def _command(self, *lines: str) -> None:
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a command is one line")
        self.send("".join(f"{line}\r\n" for line in lines))

    def data(self, msg: Buffer | str) -> tuple[int, bytes]:
        """DATA, the mail, the final dot and the server's answer to it.

        Raises:
            Withdrawn: the mail is not to go out.
        """
        if not self._before_data():
            self.rset()
            raise Withdrawn
        self.stage = Stage.DATA
        self.putcmd("data")
        code, text = self.getreply()
        if code != 354:
            self._forget(code)
            raise smtplib.SMTPDataError(code, text)
        self.send(dotted(_bytes_of(msg)))
        # had that raised, the server would not have seen the final dot and must forget the mail (RFC 5321 §4.1.1.4)
        self.handed_over = True
        self._handed()
        code, text = self._answer_to_dot()
        if 200 <= code < 300:
            return 250, text
        if not 400 <= code < 600:
            self.close()
            raise smtplib.SMTPServerDisconnected("no understandable answer to the final dot")
        return code, text

    def _forget(self, code: int) -> None:
        """Let a server that has answered thus forget the mail that was begun: it takes no other before."""
        if code == 421:
            self.close()
        with suppress(smtplib.SMTPServerDisconnected):
            self.rset()

    def _answer_to_dot(self) -> tuple[int, bytes]:
        self._be_patient(self._dot_patience)
        reply = self.getreply()
        self._be_patient(self._patience)
        return reply

    def _be_patient(self, seconds: float) -> None:
        if self.sock is not None:
            self.sock.settimeout(seconds)


def _bytes_of(mail: Buffer | str) -> bytes:
    if isinstance(mail, str):
        return mail.encode("ascii")
    return mail if isinstance(mail, bytes) else bytes(mail)


def dotted(raw: bytes) -> bytes:
    """A mail as it goes over the wire: CRLF at every line's end, leading dots doubled, the final dot."""
    if isinstance(raw, OnTheWire):
        return raw + b".\r\n"
    lines = re.sub(rb"\r\n|\n|\r(?!\n)", b"\r\n", raw)
    stuffed = re.sub(rb"(?m)^\.", b"..", lines)
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"
