"""Processes that need not load the product, which takes seconds: a server has, and forks them off.

It is the fork server of ``multiprocessing``; each process has an environment of its own, and makes its own application.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import psutil

from tests.conftest import ROOT

LOADED = ["tests.forked", "tests.conftest", "flask.cli", "portal.worker"]
_SERVER = multiprocessing.get_context("forkserver")


class Forked(psutil.Process):
    """One of them; to be asked and harmed as a :class:`psutil.Popen`."""

    process: Any
    log: Path
    pipe: Connection
    """To what is ``pipe`` in the script."""

    @classmethod
    def start(
        cls,
        script: str,
        arguments: Sequence[str] = (),
        *,
        log: Path,
        env: dict[str, str] | None = None,
    ) -> Self:
        """``python -c script arguments``; what it says goes to the end of the log."""
        _SERVER.set_forkserver_preload(LOADED)
        log.touch()
        ours, its = _SERVER.Pipe()
        given = ["-c", *arguments], dict(os.environ) if env is None else env, log, its
        process: Any = _SERVER.Process(target=_run, args=(script, *given), daemon=True)
        process.start()
        its.close()
        made = cls(process.pid)
        made.process, made.log, made.pipe = process, log, ours
        return made

    def poll(self) -> int | None:
        """The exit code; None while it runs."""
        code: int | None = self.process.exitcode
        return code

    def wait(self, timeout: float | None = None) -> int:
        """See :meth:`psutil.Process.wait`."""
        self.process.join(timeout)
        code = self.poll()
        if code is None:
            raise psutil.TimeoutExpired(timeout, self.pid)
        return code

    def hear(self) -> Any:
        """What comes next through the pipe."""
        try:
            return self.pipe.recv()
        except EOFError:
            raise AssertionError(self.log.read_text()) from None


def let_run(processes: Sequence[Forked]) -> float:
    """As soon as each of them has come up: let all go on at one moment, in seconds since 1970, which is returned."""
    for process in processes:
        assert process.hear() == "ready"
    at = time.time() + 0.2
    for process in processes:
        process.pipe.send(at)
    return at


def wait_for_all(pipe: Connection) -> float:
    """In one of them: wait for that moment."""
    pipe.send("ready")
    at: float = pipe.recv()
    time.sleep(max(0.0, at - time.time()))
    return at


def _run(script: str, argv: list[str], env: dict[str, str], log: Path, pipe: Connection) -> None:
    os.environ.clear()
    os.environ.update(env)
    os.chdir(ROOT)
    with log.open("ab") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    sys.argv = argv
    exec(compile(script, "<forked>", "exec"), {"__name__": "__main__", "pipe": pipe})
