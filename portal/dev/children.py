"""Child processes: started apart from the terminal, started anew when they die, ended in order."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

STEADY = 30.0
"""Seconds after which a child counts as having come up, and its next death as its first."""
LONGEST_WAIT = 30.0
_PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One program that is to run all the time."""

    name: str
    command: list[str]
    cwd: Path
    env: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    _deaths: int = 0
    _started: float = 0.0
    _start_at: float = field(default=0.0, repr=False)

    def start(self) -> None:
        """In a session of its own, so that Ctrl-C reaches only the supervisor, which ends all in order."""
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self.command,
            cwd=self.cwd,
            env=dict(self.env),
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    def tend(self, say: Callable[[str], None]) -> None:
        """Start it anew when it has died: at once the first time, then after growing waits."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        if now - self._started > STEADY:
            self._deaths = 0
        wait = min(0.5 * 2**self._deaths, LONGEST_WAIT)
        self._deaths += 1
        self._start_at, self.process = now + wait, None
        say(f"The {self.name} ended ({_words(code)}); it is started again in {wait:g} s.")

    def end(self, *, within: float) -> None:
        """Ask it to end; when it does not within so many seconds, kill it."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _end_with_parent() -> None:
    """Linux: when the supervisor is killed, its children are asked to end, so that nothing holds the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def environment(**values: str) -> dict[str, str]:
    """This process's environment with these values."""
    return {**os.environ, **values}
