"""What tests of the rules about people share."""

from __future__ import annotations

from datetime import date

from portal.people.rules import Refusal, ValueRefused

TODAY = date(2026, 11, 21)


CONTROLS = ("\r\n", "\n", "\r", "\x00", "\x0b", "\x85", "\u2028", "\u2029")


def refusal(parse, *arguments) -> Refusal | None:
    """The reason for which it is refused, None if it is not; no other error may come out."""
    try:
        parse(*arguments)
    except ValueRefused as refused:
        return refused.refusal
    return None
