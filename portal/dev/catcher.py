"""The mail server of development: keeps everything, and sends back what goes to ``bounce@…`` or ``full@…``."""

from __future__ import annotations

import asyncio
import smtplib
import time
from argparse import ArgumentParser
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP, Envelope, Session

ANSWERS = {
    "bounce": ("5.1.1", "550 5.1.1 User unknown"),
    "full": ("5.2.2", "552 5.2.2 The mailbox is full"),
}
"""Part before the @ -> status and words of the report."""
TRIES = 20

REPORT = """From: Mail Delivery System <MAILER-DAEMON@localhost>
To: <{sender}>
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain

Your mail to <{recipient}> could not be delivered: {words}

--report
Content-Type: message/delivery-status

Reporting-MTA: dns; localhost

Final-Recipient: rfc822; {recipient}
Action: failed
Status: {status}
Diagnostic-Code: smtp; {words}

--report--
"""


class Catcher(Mailbox):
    """aiosmtpd's Maildir, and the bounces of a real mail server."""

    def __init__(self, mail_dir: Path, intake: tuple[str, int]) -> None:
        super().__init__(mail_dir)
        self._intake = intake

    @classmethod
    def from_cli(cls, parser: ArgumentParser, *args: str) -> Catcher:
        """``python -m aiosmtpd -c portal.dev.catcher.Catcher FOLDER HOST:PORT``."""
        if len(args) != 2:
            parser.error("The folder, and host:port of the intake of bounces, are required")
        host, _, port = args[1].partition(":")
        return cls(Path(args[0]), (host, int(port)))

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep it; some comes back a moment later."""
        said: str = await super().handle_DATA(server, session, envelope)
        for recipient in envelope.rcpt_tos:
            answer = ANSWERS.get(recipient.partition("@")[0].lower())
            if answer is not None and envelope.mail_from:
                report = REPORT.format(
                    sender=envelope.mail_from,
                    recipient=recipient,
                    status=answer[0],
                    words=answer[1],
                )
                loop = asyncio.get_running_loop()
                loop.run_in_executor(None, self._return, envelope.mail_from, report)
        return said

    def _return(self, sender: str, report: str) -> None:
        """Again and again like a mail server: the sender has to write down first that we took the mail."""
        for _ in range(TRIES):
            time.sleep(0.5)
            try:
                with smtplib.LMTP(*self._intake, local_hostname="localhost") as conversation:
                    conversation.sendmail("<>", [sender], report)
            except (smtplib.SMTPException, OSError):
                continue
            return
