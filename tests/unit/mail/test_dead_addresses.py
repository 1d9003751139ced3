"""How many mails that end alike make an address a dead one: a table for both ways in which they end."""

from __future__ import annotations

import pytest

from portal.mail.bounces.meaning import SOFT_ARE_HARD, SOFT_WITHIN, enough
from portal.mail.rules import Reason

AT_ONCE = {
    Reason.NO_SUCH_MAILBOX,
    Reason.NO_SUCH_DOMAIN,
    Reason.MAILBOX_DISABLED,
    Reason.BAD_ADDRESS,
    Reason.MOVED,
}


@pytest.mark.parametrize("reason", [None, *Reason])
def test_what_came_back(reason: Reason | None) -> None:
    assert enough(reason, came_back=True) == (1 if reason in AT_ONCE else SOFT_ARE_HARD)


@pytest.mark.parametrize("reason", [None, *Reason])
def test_what_was_refused_at_the_door(reason: Reason | None) -> None:
    at_the_door = dict.fromkeys(AT_ONCE, 1) | {Reason.MAILBOX_FULL: SOFT_ARE_HARD}
    assert enough(reason, came_back=False) == at_the_door.get(reason)  # type: ignore[call-overload]


def test_the_numbers_are_those_of_the_manual() -> None:
    assert (SOFT_ARE_HARD, SOFT_WITHIN.days) == (3, 30)
