"""Plays what happened in the order of time, and delivers the mail of the past without sending any."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select

from portal.extensions import db
from portal.mail import outbox
from portal.mail.models import OutboxMessage
from portal.mail.rules import Kind, Result
from portal.mail.state import OutboxState

Act = Callable[[datetime], object]


class MailLeftOver(RuntimeError):
    """A story ends so late that its mail would go out after it: the story must begin earlier."""


_UNDER_WAY = timedelta(seconds=20)
"""How long a mail of the past was on its way to the mail server."""


class Chronicle:
    """What is still to happen, until ``until``. Everything is played inside one ``atomic()``.

    The mails that come of it are claimed and settled there by the outbox's own functions, so none is
    left for a worker to send, and each has the result that a mail server would have given.
    """

    def __init__(self, *, until: datetime) -> None:
        self.until = until
        self.answers: dict[str, deque[Result]] = {}
        """What the mail server says to the next mails to an address; without one it accepts."""
        self._acts: list[tuple[datetime, int, Act]] = []
        self._order = 0
        self._under_way: set[str] = set()

    def add(self, when: datetime, act: Act) -> None:
        """Let ``act`` happen; what would be in the future does not.

        Acts of one moment happen in the order in which they were added.
        """
        if when <= self.until:
            self._order += 1
            heapq.heappush(self._acts, (when, self._order, act))

    def play(self, *, practice_ids: list[int]) -> None:
        """Play everything, with all that follows from it."""
        while self._acts:
            when, _, act = heapq.heappop(self._acts)
            act(when)
            self._post(practice_ids, when)

    def _post(self, practice_ids: list[int], when: datetime) -> None:
        queued = db.session.execute(
            select(OutboxMessage.public_id, OutboxMessage.next_attempt_at).where(
                OutboxMessage.practice_id.in_(practice_ids),
                OutboxMessage.state == OutboxState.QUEUED.value,
            )
        )
        for public_id, next_attempt_at in queued:
            if public_id not in self._under_way:
                self._under_way.add(public_id)
                due = max(when, next_attempt_at) + _UNDER_WAY
                if due > self.until:
                    raise MailLeftOver(public_id)
                self.add(due, partial(self._deliver, public_id))

    def _deliver(self, public_id: str, when: datetime) -> None:
        self._under_way.discard(public_id)
        claim = outbox.claim(now=when, limit=1, public_id=public_id)
        for number in claim.numbers:
            address = db.session.get_one(OutboxMessage, number).address
            answers = self.answers.get(address)
            result = answers.popleft() if answers else Result(Kind.ACCEPTED)
            outbox.record(number, claim.lease, result, now=when)
