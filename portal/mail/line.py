"""One kept connection to the mail server, worked by a thread of its own, which knows nothing of the database.

It takes mail from the pile, asks whoever keeps the ledger before it connects and before a mail's bytes go out, and
tells what became of each.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from queue import SimpleQueue

from flask import Flask

from portal.mail.models import OutboxMessage
from portal.mail.rules import Result
from portal.mail.transport import Letter, Transport


@dataclass(frozen=True, slots=True)
class Ready:
    """A mail that is ready to go."""

    message: OutboxMessage
    """Its row, free of any session."""
    letter: Letter


class Abandoned(Exception):
    """Whoever keeps the ledger is gone: nothing more may go out."""


Answer = Result | Abandoned | None
"""Why not; None: go on."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a line wants to know before it goes on."""

    line: Line
    ready: Ready | None
    """May this mail go out? None: may I talk to the server?"""

    def answer(self, answer: Answer) -> None:
        """The line goes on."""
        self.line.answers.put(answer)


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a mail."""

    ready: Ready
    result: Result


class Gone:
    """A line has ended."""


@dataclass(slots=True)
class Desk:
    """Where lines and the ledger's keeper meet."""

    pile: SimpleQueue[Ready | None] = field(default_factory=SimpleQueue)
    """What is to go out; None sends a line home."""
    asked: SimpleQueue[Question | Done | Gone | BaseException] = field(default_factory=SimpleQueue)
    """What lines have to say; an error is one of the program itself."""


class Line:
    """One connection and its thread; opened with the first mail, closed when it is sent home.

    The last that it says is :class:`Gone`.
    """

    def __init__(self, app: Flask, desk: Desk) -> None:
        self.answers: SimpleQueue[Answer] = SimpleQueue()
        self._app = app
        self._desk = desk
        self._in_doubt = False
        """Whether the server was in trouble at the last mail."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            with self._app.app_context(), Transport() as transport:
                while (ready := self._desk.pile.get()) is not None:
                    self._desk.asked.put(Done(ready, self._send(ready, transport)))
        except Abandoned:
            pass
        except BaseException as error:  # noqa: BLE001 (it is raised by the round)
            self._desk.asked.put(error)
        finally:
            self._desk.asked.put(Gone())

    def _send(self, ready: Ready, transport: Transport) -> Result:
        if self._in_doubt or not transport.connected:
            closed = self._ask(None)
            if closed is not None:
                return closed
        if not transport.connected:
            unreached = transport.connect()
            if unreached is not None:
                self._in_doubt = True
                return unreached
        refused: list[Result] = []

        def may_go() -> bool:
            answer = self._ask(ready)
            if answer is not None:
                refused.append(answer)
            return answer is None

        result = transport.send(ready.letter, before_data=may_go)
        self._in_doubt = result.whole_server
        return refused[-1] if refused else result

    def _ask(self, ready: Ready | None) -> Result | None:
        self._desk.asked.put(Question(self, ready))
        answer = self.answers.get()
        if isinstance(answer, Abandoned):
            raise answer
        return answer
