"""Send what is due: claim, compose, ask once more, hand over, write the answers down.

One thread keeps the ledger: it alone claims, composes and commits, for all of its connections together. Each
connection is a :class:`portal.mail.line.Line` with a thread of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from queue import Empty
from typing import TypeVar

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from portal import clock, queue
from portal.extensions import db
from portal.mail import composing, ledger, outbox, server
from portal.mail.line import Abandoned, Desk, Done, Gone, Line, Question, Ready
from portal.mail.models import OutboxMessage
from portal.mail.rules import Kind, Reason, Result
from portal.settings import settings

log = structlog.get_logger()

BATCH = 200
"""Mails claimed at once."""
CHUNK = 100
"""Mails read and composed at once, not long before they go out."""
LOW = 25
"""Fewer that are ready to go, and the next are composed."""
PER_LINE = 25
"""So many mails have to wait for each further connection."""
MARK_WITHIN = 0.02
"""Seconds after which the server's answers are on the disk, though nobody asked anything in between."""
GATHER_WITHIN = 0.001
"""Seconds that a question waits for the next one, so that they share a commit."""
SETTLED_TOGETHER = 100
RECORD_WAITS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Seconds between tries to write something down: a database that is away for a moment makes no mail repeat."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round came to."""

    claimed: int
    accepted: int
    server_down: bool = False
    more: bool = False
    """Whether the time was up before everything due had been claimed."""


def deliver(
    public_id: str | None = None,
    *,
    limit: int = BATCH,
    within: float = 0.0,
    time_now: Callable[[], datetime] | None = None,
) -> Delivered:
    """Send up to ``limit`` mails that are due, or just the one named, over kept connections.

    Must not be called inside ``atomic()``. Safe to run in any number of processes, and to be killed at any point.

    Args:
        within: seconds in which further mails are claimed as long as any are due.
        time_now: the clock, for a round may take minutes; None stands for the real one.
    """
    time_now = time_now or clock.now
    round_ = _Round(time_now, limit=limit, within=within)
    if not round_.claim(public_id):
        return Delivered(0, 0)
    return round_.run()


class _Round:
    def __init__(self, time_now: Callable[[], datetime], *, limit: int, within: float) -> None:
        self._now = time_now
        self._limit = limit
        self._until = time.monotonic() + within
        self._renew_at = time.monotonic() + settings().mail_lease / 4
        self._lease = ""
        self._claimed: deque[int] = deque()
        """Not read yet."""
        self._numbers = 0
        self._accepted = 0
        self._out: dict[int, Ready] = {}
        """In the pile, or with a connection."""
        self._answered: list[Ready] = []
        """Taken by the server; nowhere written yet."""
        self._marked: list[Ready] = []
        """Taken by the server, and that is on the disk; what follows is not."""
        self._desk = Desk()
        self._lines: list[Line] = []
        self._unanswered: list[Question] = []
        self._proven = False
        """Whether a connection has come as far as a mail."""
        self._may_claim = within > 0
        self._trouble: Result | None = None
        """Why the rest of this round is not tried."""
        self._probing = False

    def claim(self, public_id: str | None = None) -> bool:
        """Take what is due; whether there was anything."""
        claim = outbox.claim(
            now=self._now(), limit=self._limit, public_id=public_id, lease=self._lease or None
        )
        self._lease = claim.lease
        # what was lost meanwhile and is had again is still with a connection: it must not be begun anew
        in_hand = {ready.message.id for ready in (*self._answered, *self._marked)}
        in_hand.update(self._out, self._claimed)
        self._claimed.extend(number for number in claim.numbers if number not in in_hand)
        self._numbers += len(claim.numbers)
        self._may_claim = self._may_claim and len(claim.numbers) == self._limit
        return bool(claim.numbers)

    def run(self) -> Delivered:
        try:
            while self._go_on():
                self._hear()
        finally:
            self._close()
        return Delivered(
            self._numbers, self._accepted, self._trouble is not None, more=self._may_claim
        )

    def _go_on(self) -> bool:
        """See to it that the lines have work; whether anything is still to be done."""
        if queue.stopping.is_set():
            self._take_in()
            self._claimed.clear()
        elif self._trouble is not None:
            self._put_off()
        else:
            self._fill_up()
        if time.monotonic() >= self._renew_at:
            _insist(lambda: outbox.renew(self._lease, now=self._now()))
            self._renew_at = time.monotonic() + settings().mail_lease / 4
        return bool(self._out or self._claimed)

    def _fill_up(self) -> None:
        if self._may_claim and len(self._claimed) < CHUNK and time.monotonic() < self._until:
            self.claim()
        waiting = self._desk.pile.qsize()
        if self._claimed and waiting < LOW:
            self._compose([self._claimed.popleft() for _ in range(min(CHUNK, len(self._claimed)))])
        mails = len(self._out) + len(self._claimed)
        wanted = min(settings().mail_connections, max(1, mails // PER_LINE))
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        while self._out and len(self._lines) < (
            wanted if self._proven and not self._probing else 1
        ):
            self._lines.append(Line(app, self._desk))

    def _compose(self, numbers: Sequence[int]) -> None:
        now = self._now()
        messages = outbox.held(numbers, self._lease)
        written = composing.write(messages, now=now)
        # nothing is open in the database while the mail server talks
        db.session.rollback()
        for message in messages:
            ready = written[message.id]
            if isinstance(ready, Result):
                self._record(message.id, ready)
            else:
                self._out[message.id] = Ready(message, ready)
                self._desk.pile.put(self._out[message.id])

    def _hear(self) -> None:
        """Wait for what the lines have to say, and write down together what has gathered."""
        heard = self._gathered()
        questions = [each for each in heard if isinstance(each, Question)]
        self._unanswered = list(questions)
        for each in heard:
            if isinstance(each, BaseException):
                raise each
            if isinstance(each, Done):
                self._note(each)
        self._answer(questions)
        if heard and not questions and self._out:
            return  # the next question is not far, and shares the commit
        if self._answered and self._out:
            self._mark([])
        if len(self._marked) >= SETTLED_TOGETHER or not self._out:
            self._settle()

    def _gathered(self) -> list[Question | Done | Gone | BaseException]:
        """What lines say until each of them waits for an answer; but none of them for long."""
        heard: list[Question | Done | Gone | BaseException] = []
        patience, asked, out = MARK_WITHIN, 0, len(self._out)
        while asked < min(len(self._lines), out):
            try:
                heard.append(self._desk.asked.get(timeout=patience))
            except Empty:
                break
            if isinstance(heard[-1], Question):
                asked += 1
                patience = GATHER_WITHIN
            elif isinstance(heard[-1], Done):
                out -= 1
            else:
                break
        return heard

    def _answer(self, questions: list[Question]) -> None:
        for question in questions:
            if question.ready is None:
                self._reply(question, self._may_talk())
        asked = [question for question in questions if question.ready is not None]
        if not asked:
            return
        self._proven = True
        try:
            go = self._mark([question.ready.message for question in asked if question.ready])
        except DBAPIError:
            raise
        except Exception as error:  # noqa: BLE001 (an error of the room that is asked)
            if len(asked) > 1:
                for question in asked:
                    self._answer([question])
                return
            log.error("mail.room_failed", **queue.told(error))
            self._reply(asked[0], Result(Kind.PERMANENT, Reason.CANNOT_COMPOSE))
            return
        for question in asked:
            goes = go.get(question.ready.message.id) if question.ready else False
            # what is not ours any more is somebody else's, or waits; it is still wanted
            stays = Result(Kind.NOT_TRIED if goes is None else Kind.NOT_WANTED)
            self._reply(question, None if goes else stays)

    def _reply(self, question: Question, answer: Result | None) -> None:
        self._unanswered.remove(question)
        question.answer(answer)

    def _mark(self, asked: Sequence[OutboxMessage]) -> dict[int, bool]:
        numbers = [ready.message.id for ready in self._answered]
        go = _insist(
            lambda: ledger.hand_over(asked, answered=numbers, lease=self._lease, now=self._now())
        )
        self._marked += self._answered
        self._answered = []
        return go

    def _note(self, done: Done) -> None:
        del self._out[done.ready.message.id]
        self._watch_server(done.result)
        if done.result.kind is Kind.ACCEPTED:
            self._accepted += 1
            self._answered.append(done.ready)
        else:
            self._record(done.ready.message.id, done.result)

    def _record(self, number: int, result: Result) -> None:
        try:
            kept = _insist(lambda: outbox.record(number, self._lease, result, now=self._now()))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 (an error of the room that is told)
            log.error("mail.room_failed", **queue.told(error))
            kept = outbox.record(number, self._lease, result, now=self._now(), tell=False)
        if kept is None and result.kind in {Kind.ACCEPTED, Kind.UNKNOWN}:
            log.warning("mail.lease_lost", kind=result.kind)

    def _settle(self) -> None:
        """Write down what follows from the server's having taken mails; one by one where that fails."""
        taken = self._marked + self._answered
        self._marked, self._answered = [], []
        if not taken:
            return
        messages = [ready.message for ready in taken]
        try:
            _insist(lambda: ledger.settle(messages, lease=self._lease, now=self._now()))
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 (each for itself, it shows which)
            if not isinstance(error, ledger.NotAllMine):
                log.error("mail.room_failed", **queue.told(error))
            for message in messages:
                self._record(message.id, Result(Kind.ACCEPTED))

    def _take_in(self) -> None:
        """What no line has begun yet."""
        while True:
            try:
                ready = self._desk.pile.get_nowait()
            except Empty:
                return
            if ready is not None:
                del self._out[ready.message.id]

    def _put_off(self) -> None:
        """The server is in trouble: what no line has begun waits for it to work again."""
        begun = set(self._out)
        self._take_in()
        waiting = [*sorted(begun - set(self._out)), *self._claimed]
        self._claimed.clear()
        for number in waiting:
            self._record(number, self._trouble or Result(Kind.NOT_TRIED))

    def _may_talk(self) -> Result | None:
        if self._trouble is not None:
            return self._trouble
        now = self._now()
        self._trouble = server.closed(now=now)
        if self._trouble is None:
            self._probing = server.in_trouble()
        db.session.rollback()
        return self._trouble

    def _watch_server(self, result: Result) -> None:
        """Remember trouble of the whole server, so that the rest waits; and its end."""
        if result.whole_server and self._trouble is None:
            probe_at = server.record_trouble(result, now=self._now())
            self._trouble = Result(
                Kind.NOT_TRIED, Reason.WAITS_FOR_SERVER, result.said, True, retry_at=probe_at
            )
        elif self._probing and (result.kind is Kind.ACCEPTED or result.said):
            server.record_working(now=self._now())
            self._probing = False

    def _close(self) -> None:
        """Send the lines home, write down what they still say, and give back what was not tried."""
        self._take_in()
        for question in self._unanswered:
            question.answer(Abandoned())
        at_work = len(self._lines)
        for _ in self._lines:
            self._desk.pile.put(None)
        while at_work:
            each = self._desk.asked.get()
            if isinstance(each, Gone):
                at_work -= 1
            elif isinstance(each, Question):
                each.answer(Abandoned())
            elif isinstance(each, Done) and each.result.kind is Kind.ACCEPTED:
                self._answered.append(each.ready)
        self._settle()
        outbox.release(self._lease, now=self._now())


def _insist(write: Callable[[], T]) -> T:
    """Write something down. What has gone out must not go out again because of our own troubles."""
    for wait in RECORD_WAITS:
        try:
            return write()
        except (OperationalError, InterfaceError) as error:
            log.warning("mail.record_again", error=type(error).__name__)
            time.sleep(wait)
    return write()
