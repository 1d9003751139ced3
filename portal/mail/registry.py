"""How the rooms take part: each composes its own mails and hears what became of them.

``mail`` knows no room; a room registers functions for each purpose of its own::

    @registry.composer("invitation")
    def compose(message, *, now): ...
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from portal.mail.bounces.meaning import ADDRESS_REASONS, Reading
from portal.mail.models import OutboxMessage
from portal.mail.state import OutboxState

if TYPE_CHECKING:
    from portal.mail.templates import Draft


@dataclass(frozen=True, slots=True)
class Inline:
    """A picture that travels with a mail; its HTML shows it as ``cid:`` and :attr:`cid`."""

    cid: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Composed:
    """What a mail says; the addresses and the technical headers are the outbox's business."""

    subject: str
    text: str
    html: str
    from_name: str
    """What the mail calls its sender (6.3)."""
    reply_to: str | None = None
    from_address: str | None = None
    """Where it comes from; None stands for the installation's no-reply address."""
    pictures: tuple[Inline, ...] = ()
    calendar: bytes | None = None
    """An appointment that travels as a file (RFC 5545)."""
    automatic: bool = False
    """Nobody asked for it one by one: it carries List-Unsubscribe, by which the chart is opted out (2.6)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a try, as the room that the mail belongs to hears it."""

    state: OutboxState
    reason: str | None = None
    """A code of :class:`portal.mail.rules.Reason`; the words are in :mod:`portal.mail.wording`."""
    server_said: str | None = None
    next_attempt_at: datetime | None = None
    """Set exactly when the state is ``queued``."""
    maybe_twice: bool = False
    """Accepted after a try whose end nobody knows: it may have arrived twice."""
    dead_address: bool = False
    """Failed, and nothing should be sent to this address until it is changed."""

    @property
    def too_often(self) -> bool:
        """Dead though this answer did not say so: the address had several such mails."""
        return self.dead_address and self.reason not in ADDRESS_REASONS


class Composer(Protocol):
    """Writes the mail from the rows as they are now; None when it is not wanted any more.

    It runs outside of any transaction, in the recipient's language.
    """

    def __call__(self, message: OutboxMessage, *, now: datetime) -> Composed | None:
        """The mail, or None."""


class Drafter(Protocol):
    """Writes many mails of one language, from the rows as they are now; leaves out those that are not wanted any more.

    It runs outside of any transaction, in the recipients' language.
    """

    def __call__(self, messages: Sequence[OutboxMessage], *, now: datetime) -> dict[int, Draft]:
        """By the mail's number."""


class Wanted(Protocol):
    """The last question, in the transaction that lets the bytes go: is it still to be sent? Must be cheap."""

    def __call__(self, message: OutboxMessage, *, now: datetime) -> bool:
        """Whether it is still to be sent."""


class WantedOfMany(Protocol):
    """The same question for many."""

    def __call__(self, messages: Sequence[OutboxMessage], *, now: datetime) -> Collection[int]:
        """The numbers of those mails that are still to be sent."""


class AcceptedHandler(Protocol):
    """Hears that the mail server took many, in the commit that records it; what it raises undoes that commit.

    In place of the handler of single results, which must say the same.
    """

    def __call__(self, messages: Sequence[OutboxMessage], *, now: datetime) -> None:
        """The mails as they were before."""


class ResultHandler(Protocol):
    """Hears the outcome in the commit that records it; what it raises undoes that commit."""

    def __call__(self, *, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
        """The outcome of a try."""


class ReturnHandler(Protocol):
    """Hears what came back, in the commit that records it; what it raises undoes that commit. Harmless to repeat."""

    def __call__(self, *, message: OutboxMessage, reading: Reading, now: datetime) -> None:
        """What came back."""


F = TypeVar("F", bound=Callable[..., object])

_composers: dict[str, Composer] = {}
_drafters: dict[str, Drafter] = {}
_wanted: dict[str, Wanted] = {}
_wanted_of_many: dict[str, WantedOfMany] = {}
_accepted: dict[str, AcceptedHandler] = {}
_handlers: dict[str, ResultHandler] = {}
_returns: dict[str, ReturnHandler] = {}


class TwiceRegistered(RuntimeError):
    """Two functions claim the same purpose: a programming error."""


def composer(purpose: str) -> Callable[[Composer], Composer]:
    """Decorator: this function writes the mails of ``purpose``."""
    return _register(_composers, purpose)


def drafter(purpose: str) -> Callable[[Drafter], Drafter]:
    """Decorator: this function writes the mails of ``purpose``, many at once."""
    return _register(_drafters, purpose)


def wanted(purpose: str) -> Callable[[Wanted], Wanted]:
    """Decorator: this function is asked right before a mail of ``purpose`` goes out. Without one it goes."""
    return _register(_wanted, purpose)


def wanted_of_many(purpose: str) -> Callable[[WantedOfMany], WantedOfMany]:
    """Decorator: the same for many at once."""
    return _register(_wanted_of_many, purpose)


def on_accepted(purpose: str) -> Callable[[AcceptedHandler], AcceptedHandler]:
    """Decorator: this function hears that mails of ``purpose`` were taken, many at once."""
    return _register(_accepted, purpose)


def on_result(purpose: str) -> Callable[[ResultHandler], ResultHandler]:
    """Decorator: this function hears what became of the mails of ``purpose``."""
    return _register(_handlers, purpose)


def on_return(purpose: str) -> Callable[[ReturnHandler], ReturnHandler]:
    """Decorator: this function hears of bounces, automatic answers and complaints to the mails of ``purpose``."""
    return _register(_returns, purpose)


def purposes() -> list[str]:
    """Those that this version of the program can write; other rows wait for a version that can."""
    return sorted(_composers.keys() | _drafters.keys())


def drafts_many(purpose: str) -> bool:
    """Whether its mails are written many at once, by :func:`drafts`; else one by one, by :func:`compose`."""
    return purpose in _drafters


def drafts(messages: Sequence[OutboxMessage], *, now: datetime) -> dict[int, Draft]:
    """Mails of one purpose; without those that are not wanted any more."""
    return _drafters[messages[0].purpose](messages, now=now)


def compose(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The mail, or None when it is not wanted any more."""
    return _composers[message.purpose](message, now=now)


def wanted_of(messages: Sequence[OutboxMessage], *, now: datetime) -> Collection[int]:
    """The numbers of those of one purpose that are still to be sent."""
    ask_all = _wanted_of_many.get(messages[0].purpose)
    if ask_all is not None:
        return ask_all(messages, now=now)
    ask = _wanted.get(messages[0].purpose)
    return {message.id for message in messages if ask is None or ask(message, now=now)}


def tell_accepted(messages: Sequence[OutboxMessage], *, now: datetime) -> bool:
    """Tell the room of mails of one purpose; False when it wants to hear of each by itself."""
    handler = _accepted.get(messages[0].purpose)
    if handler is None:
        return messages[0].purpose not in _handlers
    handler(messages, now=now)
    return True


def tell(message: OutboxMessage, outcome: Outcome, *, now: datetime) -> None:
    """Tell the room, if it wants to know."""
    handler = _handlers.get(message.purpose)
    if handler is not None:
        handler(message=message, outcome=outcome, now=now)


def tell_returned(message: OutboxMessage, reading: Reading, *, now: datetime) -> None:
    """Tell the room what came back, if it wants to know."""
    handler = _returns.get(message.purpose)
    if handler is not None:
        handler(message=message, reading=reading, now=now)


def _register(table: dict[str, F], purpose: str) -> Callable[[F], F]:
    def register(function: F) -> F:
        if table.setdefault(purpose, function) is not function:
            raise TwiceRegistered(purpose)
        return function

    return register
