"""Who does something. No audit event without an actor (style.md, habit 8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """The kinds of hands that change something."""

    STAFF = "staff"
    ACCOUNT = "account"
    LINK = "link"
    """Somebody who holds an invitation's link and is not known yet."""
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: kind, the internal id within that kind, the name shown to staff, and the client's address."""

    kind: ActorKind
    id: int | None
    name: str
    client: str | None = None


def system(name: str = "Vestibule") -> Actor:
    """The program itself: a worker, the sweep, a command."""
    return Actor(ActorKind.SYSTEM, None, name)
