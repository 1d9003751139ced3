"""What a sender writes down for many mails at once: each commit is shared by all that has gathered (decision 28).

Of each mail two things must be durable in time: that its bytes go out, before they do; and that the server took
it, before the connection sends its next one. Both are one short commit. What follows from the second (audit, the
room's own rows) is written for many mails later: a sender that dies before leaves the server's answer behind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, text

from portal.extensions import db
from portal.mail import registry
from portal.mail.models import OutboxMessage
from portal.mail.outbox import lease_end, tell_result
from portal.mail.state import OutboxState
from portal.rows import table_of
from portal.transaction import atomic

_ROWS = table_of(OutboxMessage)
_MINE = (
    _ROWS.c.id.in_(bindparam("numbers", expanding=True)),
    _ROWS.c.lease == bindparam("mine"),
    _ROWS.c.state == OutboxState.SENDING.value,
)
_HAND_OVER = (
    _ROWS.update()
    .where(*_MINE)
    .values(handed_over_at=bindparam("now"), leased_until=bindparam("until"))
    .returning(_ROWS.c.id)
)
_TAKE_BACK = _ROWS.update().where(*_MINE).values(handed_over_at=None)
_ANSWERED = _ROWS.update().where(*_MINE).values(settled_at=bindparam("now"))
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
    with atomic():
        note_answered(answered, lease=lease, now=now)
        if not asked:
            return {}
        given = {
            "numbers": [message.id for message in asked],
            "mine": lease,
            "now": now,
            "until": lease_end(now),
        }
        held = set(db.session.connection().scalars(_HAND_OVER, given))
        mine = [message for message in asked if message.id in held]
        wanted = _wanted(mine, now=now)
        if unwanted := held - wanted:
            db.session.connection().execute(_TAKE_BACK, {"numbers": list(unwanted), "mine": lease})
        return {number: number in wanted for number in held}


def note_answered(numbers: Collection[int], *, lease: str, now: datetime) -> None:
    """That the server has taken these mails, in the caller's transaction; :func:`settle` does the rest."""
    if numbers:
        db.session.connection().execute(
            _ANSWERED, {"numbers": list(numbers), "mine": lease, "now": now}
        )


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
