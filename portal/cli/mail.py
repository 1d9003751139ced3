"""``mail bounce`` and ``mail intake``: what came back, from files or from the mail server."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from email import message_from_bytes
from email.utils import getaddresses
from typing import BinaryIO

import click
from flask import current_app
from flask.cli import AppGroup

from portal import clock
from portal.mail.addresses import read_bounce_address
from portal.mail.bounces import intake
from portal.mail.bounces.intake import Taken
from portal.mail.bounces.listener import Listener

mail = AppGroup("mail", help="Mail that came back.")

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: a mail server that pipes to us keeps the message and tries again."""
_ENVELOPE = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")
_SAID = {
    Taken.RECORDED: "recorded",
    Taken.NOTHING_NEW: "nothing new",
    Taken.NOT_OURS: "not ours, ignored",
    Taken.LATER: "its mail is just being sent: try again",
}


@mail.command("bounce")
@click.argument("files", nargs=-1, type=click.File("rb"))
@click.option(
    "--to", "recipient", help="The address that it came to. Default: what the message says."
)
def bounce(files: tuple[BinaryIO, ...], recipient: str | None) -> None:
    """Take in returned mails (RFC 822) from FILES, or one from standard input.

    Exit code 1: none of a message's addresses names a mail of ours. 75: try again.
    """
    codes = set()
    given: Sequence[BinaryIO] = files or (sys.stdin.buffer,)
    for file in given:
        raw = file.read()
        to = recipient or _recipient_of(raw)
        done = intake.take(raw, recipient=to, now=clock.now())
        click.echo(f"{getattr(file, 'name', '-')}: {_SAID[done]}")
        codes.add({Taken.LATER: TRY_AGAIN, Taken.NOT_OURS: 1}.get(done, 0))
    sys.exit(max(codes))


@mail.command("intake")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8024, show_default=True, type=click.IntRange(1, 65535))
def listen(host: str, port: int) -> None:
    """Take in returned mails by LMTP until stopped."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    listener = Listener(current_app._get_current_object(), host=host, port=port)  # type: ignore[attr-defined]
    listener.start()
    click.echo(f"Taking in bounces by LMTP at {host}:{port}.", err=True)
    stopping.wait()
    listener.stop()


def _recipient_of(raw: bytes) -> str:
    """The first address of the message that is one of our bounce addresses; "" where there is none."""
    head = message_from_bytes(raw[: 64 * 1024])
    for name in _ENVELOPE:
        values = [str(value) for value in head.get_all(name, [])]
        for _display, address in getaddresses(values):
            if read_bounce_address(address) is not None:
                return address
    return ""
