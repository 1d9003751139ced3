"""How a room tells the rooms that stand on it, which it must not import: they register a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Hook(Generic[P]):
    """A list of callbacks, called in the caller's transaction; an error in one undoes the whole act."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[P, None]] = []

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every callback, in the order of their registration."""
        for callback in self._callbacks:
            callback(*args, **kwargs)

    def register(self, callback: Callable[P, None]) -> Callable[P, None]:
        """Decorator: call this too."""
        if callback not in self._callbacks:
            self._callbacks.append(callback)
        return callback
