"""When an open page asks for news by itself: soon after something changed, ever more seldom while nothing does."""

from __future__ import annotations

from dataclasses import dataclass

_SECONDS = (3, 5, 8, 13, 20, 30, 60)


@dataclass(frozen=True, slots=True)
class Watch:
    """The next time it asks."""

    seconds: int
    step: int
    """How often it will have asked in vain by then."""


def watch(step: int = 0) -> Watch:
    """After asking in vain ``step`` times."""
    step = max(0, step)
    return Watch(_SECONDS[min(step, len(_SECONDS) - 1)], step + 1)
