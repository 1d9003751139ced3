"""One kept connection to the mail server: Flask-Mail's ``Connection``, whose host is handed bytes that are ready.

What smtplib and the socket raise is turned into a :class:`portal.mail.rules.Result` here and nowhere else.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import flask_mail
from flask import current_app

from portal.mail.addresses import own_domain
from portal.mail.dialogue import Dialogue, Withdrawn
from portal.mail.rules import STAGE_REASONS, Kind, Reason, Result, Stage, judge, tidy
from portal.mail.ticker import Ticker
from portal.settings import settings

BEFORE_DOT = 2.0
"""Times ``MAIL_TIMEOUT``: the longest that everything before the final dot may take together."""
AFTER_DOT = 20.0
"""Times ``MAIL_TIMEOUT``: how long the answer to the final dot is waited for (10 minutes, RFC 5321 §4.5.3.2.6)."""
_STILL_CONNECTED = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused, Withdrawn)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail ready to go: the bytes, and the envelope around them."""

    raw: bytes
    sender: str
    recipient: str


class Transport:
    """A context manager around one connection, which is opened by :meth:`connect` and kept while it works."""

    def __init__(self) -> None:
        self._timeout = settings().mail_timeout
        self._connection = _Connection(self._timeout, self._follow, self._wait_for_dot)
        self._dialogue: Dialogue | None = None
        self._deadline: float | None = None
        self._late = False
        self._sent = 0
        self._watch = Ticker(min(1.0, self._timeout / 4), self._enforce_deadline)

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._dialogue is not None and error is None:
            self._within(self._timeout)
            with suppress(smtplib.SMTPException, OSError):
                self._dialogue.quit()
        self._drop()
        self._watch.__exit__(kind, error, trace)

    @property
    def connected(self) -> bool:
        """Whether there is a connection that has not been seen to break."""
        return self._dialogue is not None

    def connect(self) -> Result | None:
        """Open the connection; a result tells why there is none."""
        self._within(BEFORE_DOT * self._timeout)
        try:
            self._connection.host = self._connection.configure_host()
        except (smtplib.SMTPException, OSError) as error:
            stage = self._dialogue.stage if self._dialogue else Stage.GREETING
            self._drop()
            return _no_connection(error, stage, late=self._late)
        self._sent = 0
        return None

    def send(self, letter: Letter, *, before_data: Callable[[], bool]) -> Result:
        """Send one mail over the connection.

        Args:
            before_data: asked when the server has taken sender and recipient, right before the mail itself goes
                out; with False it does not go.
        """
        used_before = self._sent > 0
        result = self._converse(letter, before_data)
        if used_before and result.whole_server:
            # a server may close a kept connection at any time: that tells nothing about it or this mail
            self._drop()
            return self.connect() or self._converse(letter, before_data)
        return result

    def _converse(self, letter: Letter, before_data: Callable[[], bool]) -> Result:
        dialogue, host = self._dialogue, self._connection.host
        if dialogue is None or host is None:
            return Result(Kind.TEMPORARY, Reason.CONNECTION_LOST, whole_server=True)
        self._within(BEFORE_DOT * self._timeout)
        dialogue.begin(letter.recipient, before_data)
        self._sent += 1
        try:
            host.sendmail(letter.sender, [letter.recipient], letter.raw)
        except (smtplib.SMTPException, OSError) as error:
            result = _judge_failure(error, dialogue, late=self._late)
            if not isinstance(error, _STILL_CONNECTED):
                self._drop()
        except BaseException:
            self._drop()
            raise
        else:
            result = Result(Kind.ACCEPTED)
        if dialogue.sock is None:
            self._drop()
        return result

    def _follow(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def _wait_for_dot(self) -> None:
        self._within(AFTER_DOT * self._timeout)

    def _within(self, seconds: float) -> None:
        self._late = False
        self._deadline = time.monotonic() + seconds

    def _enforce_deadline(self) -> None:
        # a socket's time-out begins anew with every byte; a server that sends one a second would hold us for hours
        dialogue, deadline = self._dialogue, self._deadline
        if dialogue is None or deadline is None or time.monotonic() < deadline:
            return
        sock = dialogue.sock
        self._late = True
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _drop(self) -> None:
        if self._dialogue is not None:
            self._dialogue.close()
        self._dialogue = self._connection.host = self._deadline = None


class _Connection(flask_mail.Connection):
    """Flask-Mail's connection, opened with time-outs, a verified certificate and our own kind of conversation."""

    def __init__(
        self, timeout: float, begun: Callable[[Dialogue], None], handed: Callable[[], None]
    ) -> None:
        super().__init__(current_app.extensions["mail"])
        self._timeout, self._begun, self._handed = timeout, begun, handed

    def configure_host(self) -> Dialogue:
        host = Dialogue(
            str(self.mail.server),
            int(self.mail.port or smtplib.SMTP_PORT),
            own_name=own_domain(),
            timeout=self._timeout,
            dot_timeout=AFTER_DOT * self._timeout,
            begun=self._begun,
            handed=self._handed,
        )
        host.ehlo_or_helo_if_needed()
        if self.mail.use_tls:
            host.stage = Stage.TLS
            host.starttls(context=ssl.create_default_context())
        if self.mail.username and self.mail.password:
            host.stage = Stage.LOGON
            host.login(self.mail.username, self.mail.password)
        return host


def _no_connection(error: Exception, stage: Stage, *, late: bool) -> Result:
    if isinstance(error, smtplib.SMTPResponseException) and not late:
        return judge(error.smtp_code, _text(error.smtp_error), stage)
    if isinstance(error, ssl.SSLError | smtplib.SMTPNotSupportedError):
        reason = STAGE_REASONS[stage]
    else:
        reason = Reason.NO_ANSWER if late or _timed_out(error) else Reason.UNREACHABLE
    return Result(Kind.TEMPORARY, reason, whole_server=True)


def _judge_failure(error: Exception, dialogue: Dialogue, *, late: bool) -> Result:
    whole_server = dialogue.stage is Stage.SENDER
    if late and not dialogue.handed_over:
        return Result(Kind.TEMPORARY, Reason.TIMED_OUT, whole_server=whole_server)
    match error:
        case smtplib.SMTPRecipientsRefused():
            code, text = next(iter(error.recipients.values()))
            return judge(code, _text(text), dialogue.stage)
        case smtplib.SMTPResponseException():
            return judge(error.smtp_code, _text(error.smtp_error), dialogue.stage)
        case Withdrawn():
            return Result(Kind.NOT_WANTED)
    if dialogue.handed_over:
        return Result(Kind.UNKNOWN, Reason.CUT_OFF)
    reason = Reason.TIMED_OUT if _timed_out(error) else Reason.CONNECTION_LOST
    return Result(Kind.TEMPORARY, reason, whole_server=whole_server)


def _timed_out(error: Exception) -> bool:
    # smtplib turns a socket's time-out into "server disconnected"
    return isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError)


def _text(said: bytes | str) -> str:
    return tidy(said.decode("utf-8", "replace") if isinstance(said, bytes) else said)
