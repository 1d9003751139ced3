"""Send what is due: claim, compose, ask once more, hand over, write the answer down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from portal import clock, queue
from portal.extensions import db
from portal.mail import composing, outbox, server
from portal.mail.outbox import Claim
from portal.mail.registry import Outcome
from portal.mail.rules import Kind, Reason, Result
from portal.mail.ticker import Ticker
from portal.mail.transport import Letter, Transport

log = structlog.get_logger()

BATCH = 50
RECORD_WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds between tries to write an answer down: a database that is away for a moment makes no mail repeat."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round came to."""

    claimed: int
    accepted: int
    server_down: bool = False


def deliver(
    public_id: str | None = None,
    *,
    limit: int = BATCH,
    time_now: Callable[[], datetime] | None = None,
) -> Delivered:
    """Send up to ``limit`` mails that are due, or just the one named, over one connection.

    Must not be called inside ``atomic()``. Safe to run in any number of processes, and to be killed at any point.

    Args:
        time_now: the clock, for a round may take minutes; None stands for the real one.
    """
    time_now = time_now or clock.now
    claim = outbox.claim(now=time_now(), limit=limit, public_id=public_id)
    if not claim.numbers:
        return Delivered(0, 0)
    return _Round(claim, time_now).run()


class _Round:
    def __init__(self, claim: Claim, time_now: Callable[[], datetime]) -> None:
        self._claim = claim
        self._now = time_now
        self._trouble: Result | None = None
        """Why the rest of this round is not tried."""
        self._probing = False
        self._accepted = 0

    def run(self) -> Delivered:
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        renew = Ticker(outbox.lease_seconds() / 4, partial(self._renew, app))
        with renew, Transport() as transport:
            for number in self._claim.numbers:
                if queue.stopping.is_set():
                    outbox.release(self._claim.lease, now=self._now())
                    break
                self._send_one(number, transport)
        return Delivered(len(self._claim.numbers), self._accepted, self._trouble is not None)

    def _renew(self, app: Flask) -> None:
        with app.app_context():
            outbox.renew(self._claim.lease, now=self._now())

    def _send_one(self, number: int, transport: Transport) -> None:
        result = self._trouble or self._reach_server(transport) or self._send(number, transport)
        outcome = _insist(number, self._claim.lease, result, now=self._now)
        if outcome is None and result.kind in {Kind.ACCEPTED, Kind.UNKNOWN}:
            log.warning("mail.lease_lost", kind=result.kind)
        if result.kind is Kind.ACCEPTED:
            self._accepted += 1

    def _send(self, number: int, transport: Transport) -> Result:
        ready = _write(number, self._claim.lease, now=self._now())
        # nothing is open in the database while the mail server talks
        db.session.rollback()
        if isinstance(ready, Result):
            return ready
        broken: list[Result] = []

        def hand_over() -> bool:
            try:
                return outbox.hand_over(number, self._claim.lease, now=self._now())
            except DBAPIError:
                raise
            except Exception as error:  # noqa: BLE001 (an error of the room that is asked)
                log.error("mail.room_failed", **queue.told(error))
                broken.append(Result(Kind.PERMANENT, Reason.CANNOT_COMPOSE))
                return False

        result = transport.send(ready, before_data=hand_over)
        self._watch_server(result)
        return broken[0] if broken else result

    def _reach_server(self, transport: Transport) -> Result | None:
        if transport.connected:
            return None
        now = self._now()
        closed = server.closed(now=now)
        if closed is not None:
            self._trouble = closed
            return closed
        self._probing = server.in_trouble()
        db.session.rollback()
        result = transport.connect()
        if result is not None:
            self._watch_server(result)
        return result

    def _watch_server(self, result: Result) -> None:
        """Remember trouble of the whole server, so that the rest waits; and its end."""
        if result.whole_server:
            probe_at = server.record_trouble(result, now=self._now())
            self._trouble = Result(
                Kind.NOT_TRIED, Reason.WAITS_FOR_SERVER, result.said, True, retry_at=probe_at
            )
        elif self._probing and (result.kind is Kind.ACCEPTED or result.said):
            server.record_working(now=self._now())
            self._probing = False


def _write(number: int, lease: str, *, now: datetime) -> Letter | Result:
    message = outbox.held(number, lease)
    if message is None:
        return Result(Kind.NOT_WANTED)
    return composing.write([message], now=now)[number]


def _insist(
    number: int, lease: str, result: Result, *, now: Callable[[], datetime]
) -> Outcome | None:
    """Write the answer down. What has gone out must not go out again because of our own troubles."""
    for wait in RECORD_WAITS:
        try:
            return outbox.record(number, lease, result, now=now())
        except (OperationalError, InterfaceError) as error:
            log.warning("mail.record_again", error=type(error).__name__)
            time.sleep(wait)
        except Exception as error:  # noqa: BLE001 (an error of the room that is told)
            log.error("mail.room_failed", **queue.told(error))
            return outbox.record(number, lease, result, now=now(), tell=False)
    return outbox.record(number, lease, result, now=now())
