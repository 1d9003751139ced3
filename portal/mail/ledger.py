"""What a sender writes down for many mails at once: each commit is shared by all that has gathered (decision 28).

Of each mail two things must be durable in time: that its bytes go out, before they do; and that the server took
it, before the connection sends its next one. Both are one short commit. What follows from the second (audit, the
room's own rows) is written for many mails later: a sender that dies before leaves the server's answer behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, case, text

from portal.extensions import db
from portal.mail import registry
from portal.mail.models import OutboxMessage
from portal.mail.outbox import lease_end, renew, tell_result
from portal.mail.state import OutboxState
from portal.rows import among, table_of
from portal.transaction import atomic

_ROWS = table_of(OutboxMessage)
_MINE = (among(_ROWS.c.id, "numbers"), _ROWS.c.lease == bindparam("mine"))
"""What has a lease is being sent, says the table; were that asked too, PostgreSQL would look through all that is."""
_MARK = (
    _ROWS.update()
    .where(*_MINE)
    .values(
        handed_over_at=case(
            (among(_ROWS.c.id, "asked"), bindparam("now")), else_=_ROWS.c.handed_over_at
        ),
        settled_at=case(
            (among(_ROWS.c.id, "answered"), bindparam("now")), else_=_ROWS.c.settled_at
        ),
    )
    .returning(_ROWS.c.id, (_ROWS.c.leased_until < bindparam("soon")).label("late"))
)
_TAKE_BACK = _ROWS.update().where(*_MINE).values(handed_over_at=None)
_ACCEPTED = (
    _ROWS.update()
    .where(*_MINE)
    .values(
        state=OutboxState.ACCEPTED.value,
        reason=None,
        server_said=None,
        attempts=_ROWS.c.attempts + 1,
        lease=None,
        leased_until=None,
        handed_over_at=None,
        settled_at=bindparam("now"),
    )
)


class NotAllMine(Exception):
    """Another sender has some of the mails by now."""


def hand_over(
    asked: Sequence[OutboxMessage], *, answered: Collection[int], lease: str, now: datetime
) -> dict[int, bool]:
    """Write down which of ``asked`` go out now, and what the server has taken: one commit.

    This is where sending and taking back meet: whichever commits first wins. Harmless to repeat.

    Args:
        answered: numbers of mails that the server has taken.

    Returns:
        Number -> whether it goes, or was taken back or is not wanted. What is missing is not this sender's any more.
    """
    numbers = [message.id for message in asked]
    given = {
        "numbers": [*numbers, *answered],
        "asked": numbers,
        "answered": answered,
        "mine": lease,
        "now": now,
        "soon": lease_end(now, left=0.5),
    }
    with atomic():
        rows = db.session.connection().execute(_MARK, given).all()
        if any(row.late for row in rows):
            renew(lease, now=now)  # nobody may take from us what is about to go out
        held = {row.id for row in rows}.intersection(numbers)
        wanted = _wanted([message for message in asked if message.id in held], now=now)
        if unwanted := held - wanted:
            db.session.connection().execute(_TAKE_BACK, {"numbers": unwanted, "mine": lease})
        return {number: number in wanted for number in held}


def settle(messages: Sequence[OutboxMessage], *, lease: str, now: datetime) -> None:
    """The server has taken these mails, with all that follows from it: what :func:`outbox.record` does, for many.

    The rooms are told first and the rows are written last, so that this locks in the order in which the rooms do.

    Raises:
        NotAllMine: nothing was written.
    """
    with atomic():
        _may_wait_for_the_disk()
        for alike in _by_purpose(messages):
            if not registry.tell_accepted(alike, now=now):
                raise NotAllMine
        for message in messages:
            tell_result(message, OutboxState.ACCEPTED, None, now=now)
        numbers = [message.id for message in messages]
        done = db.session.connection().execute(
            _ACCEPTED, {"numbers": numbers, "mine": lease, "now": now}
        )
        if getattr(done, "rowcount", 0) != len(numbers):
            raise NotAllMine


def _wanted(messages: Sequence[OutboxMessage], *, now: datetime) -> set[int]:
    found: set[int] = set()
    for alike in _by_purpose(messages):
        found.update(registry.wanted_of(alike, now=now))
    return found


def _by_purpose(messages: Iterable[OutboxMessage]) -> Iterable[list[OutboxMessage]]:
    together = defaultdict(list)
    for message in messages:
        together[message.purpose].append(message)
    return together.values()


def _may_wait_for_the_disk() -> None:
    """A power cut may lose this commit: the server's answers are on the disk already, and it is done again."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SET LOCAL synchronous_commit TO off"))
