"""Something done every so often while a block of work lasts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

log = structlog.get_logger()


class Ticker:
    """Calls ``tick`` every ``period`` seconds in a thread of its own, while the ``with`` block lasts."""

    def __init__(self, period: float, tick: Callable[[], object]) -> None:
        self._period = period
        self._tick = tick
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._period):
            try:
                self._tick()
            except Exception as error:  # noqa: BLE001 (the next tick may fare better)
                log.warning("mail.tick_failed", error=type(error).__name__)
