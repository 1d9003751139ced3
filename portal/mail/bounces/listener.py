"""A small LMTP server (RFC 2033) that a mail server hands bounces to; it knows our own bounce addresses only."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal import clock, queue
from portal.extensions import db
from portal.mail.addresses import read_bounce_address
from portal.mail.bounces import intake
from portal.mail.bounces.intake import Taken

log = structlog.get_logger()

LARGEST = 20 * 1024 * 1024
"""Bytes; only the beginning is read, but a mail server that is refused would send a bounce of the bounce."""
ANSWERS = {
    Taken.RECORDED: "250 2.0.0 Recorded",
    Taken.NOTHING_NEW: "250 2.0.0 Nothing new",
    Taken.NOT_OURS: "250 2.0.0 Not ours, ignored",
    Taken.LATER: "451 4.3.0 The mail is being sent, try again",
}


class Handler:
    """What the server asks of us. Each message is taken in a thread of its own, for the database waits."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """One bounce address at a time: LMTP wants an answer for each recipient."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        with self._app.app_context():
            if read_bounce_address(address) is None:
                log.warning("mail.return_not_ours")
                return "550 5.1.1 No such address here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take it in; when that fails the mail server keeps it and tries again."""
        return await asyncio.to_thread(self._take, envelope.rcpt_tos[0], envelope.content)

    def _take(self, recipient: str, content: Any) -> str:
        raw = content if isinstance(content, bytes) else str(content or "").encode()
        with self._app.app_context():
            try:
                return ANSWERS[intake.take(raw, recipient=recipient, now=_now())]
            except SQLAlchemyError as error:
                log.error("mail.return_not_recorded", kind=type(error).__name__)
                return "451 4.3.0 Cannot be recorded now, try again"
            except Exception as error:  # noqa: BLE001 (of our own; its words may be a stranger's, and so may not be logged)
                log.error("mail.return_not_recorded", **queue.told(error))
                return "554 5.3.0 Cannot be recorded"
            finally:
                db.session.remove()


class _Conversation(LMTP):
    line_length_limit = 1024 * 1024
    """Returned mail has lines beyond what RFC 5321 allows; refused here it would be lost."""


class Listener(Controller):
    """The server in a thread of its own; ``start()`` and ``stop()``."""

    def __init__(self, app: Flask, *, host: str, port: int) -> None:
        super().__init__(Handler(app), hostname=host, port=port)

    def factory(self) -> LMTP:
        """One conversation."""
        return _Conversation(
            self.handler, data_size_limit=LARGEST, enable_SMTPUTF8=True, ident="Vestibule"
        )


def _now() -> datetime:
    return clock.now()
