"""``atomic()``: what follows from the changes, one commit, roll back on error, then the after-commit callbacks.

Reads need nothing. Whatever may write stands inside ``atomic()``; a flush outside of it is refused, because on
SQLite a transaction that began as a reader and then writes can lose updates or fail (security.md).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from portal.extensions import db

log = structlog.get_logger()

T = TypeVar("T")
BeforeCommit = Callable[[set[int]], object]

BUSY = 15.0
"""Seconds for which a writer waits on SQLite until nobody else writes."""
_LOOK_AGAIN = 0.0005
"""Seconds between two looks. SQLite itself sleeps longer and longer, up to 100 ms, and whoever came last overtakes."""


@dataclass(slots=True)
class _Work:
    """One outermost ``atomic()``."""

    after_commit: list[Callable[[], object]] = field(default_factory=list)
    touched: set[int] = field(default_factory=set)
    at_last: list[tuple[int, Callable[[list[Any]], object], Any]] = field(default_factory=list)


_work: ContextVar[_Work | None] = ContextVar("work", default=None)
_before_commit: list[BeforeCommit] = []


class WriteOutsideTransaction(RuntimeError):
    """Rows were about to be written outside ``atomic()``: a programming error."""


@contextmanager
def atomic() -> Iterator[None]:
    """Everything inside is committed once at the end, or not at all. An inner ``atomic()`` joins the outer one.

    Objects loaded before are expired at entry, so that what is decided inside is decided on what the
    database holds now.
    """
    if writing():
        yield
        return
    db.session.rollback()
    work = _Work()
    token = _work.set(work)
    try:
        yield
        if work.touched:
            db.session.flush()
            for follow in _before_commit:
                follow(work.touched)
        for (_, do), put_off in groupby(sorted(work.at_last, key=itemgetter(0)), itemgetter(0, 1)):
            do([item for _, _, item in put_off])
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _work.reset(token)
    for callback in work.after_commit:
        callback()


@contextmanager
def savepoint() -> Iterator[None]:
    """A part of the surrounding ``atomic()``: it happens as a whole or, when it raises, not at all; the rest may go on.

    What it has put off (audit events, doorbells) is taken back with it.
    """
    work = _current("savepoint()")
    last, after = len(work.at_last), len(work.after_commit)
    try:
        with db.session.begin_nested():
            yield
    except BaseException:
        del work.at_last[last:], work.after_commit[after:]
        raise


def touch_patient(patient_id: int) -> None:
    """Facts of this patient change in the surrounding ``atomic()``; what follows from them is renewed in its commit."""
    touch_patients((patient_id,))


def touch_patients(patient_ids: Iterable[int]) -> None:
    """The same for many."""
    _current("touch_patients()").touched.update(patient_ids)


def before_commit(callback: BeforeCommit) -> BeforeCommit:
    """Decorator: call this with the touched patients at the end of each ``atomic()`` that touched any.

    Everything has been flushed by then. The callback may lock rows that nothing else locks, in one
    fixed order, so that two commits never wait for each other.
    """
    if callback not in _before_commit:
        _before_commit.append(callback)
    return callback


def at_last(order: int, callback: Callable[[list[T]], object], item: T) -> None:
    """Have ``callback`` see to ``item`` at the very end of the surrounding ``atomic()``, the lowest ``order`` first.

    For what locks a row that everybody locks: who has it waits for nothing more, so nobody waits for each other.
    Items of one order that go to one callback in a row are given to it at once, in the order they came in.
    """
    _current("at_last()").at_last.append((order, callback, item))


def after_commit(callback: Callable[[], object]) -> None:
    """Run ``callback`` once the surrounding ``atomic()`` has committed; never if it rolls back.

    Callbacks may only ring doorbells: what they do is lost if the process dies right then.
    """
    _current("after_commit()").after_commit.append(callback)


def writing() -> bool:
    """Whether the caller stands inside ``atomic()``."""
    return _work.get() is not None


def _current(caller: str) -> _Work:
    work = _work.get()
    if work is None:
        raise WriteOutsideTransaction(f"{caller} needs a surrounding atomic()")
    return work


@event.listens_for(Session, "before_flush")
def _only_inside(session: Session, *_: object) -> None:
    if not writing() and (session.new or session.dirty or session.deleted):
        raise WriteOutsideTransaction("rows may only be written inside atomic()")


def prepare_engine(engine: Engine) -> None:
    """Set an engine up as security.md asks (SQLite: WAL, foreign keys, BEGIN IMMEDIATE for writers)."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        _PATIENT,
        "cache_size=-32000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    if writing():
        _begin_to_write(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """Have SQLite's only write lock, soon after whoever has it lets go (decision 38).

    Raises:
        sqlalchemy.exc.OperationalError: it was not to be had for :data:`BUSY` seconds.
    """
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    until = time.monotonic() + BUSY
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while time.monotonic() < until:
            try:
                driver.execute(_WRITE)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
                time.sleep(_LOOK_AGAIN)
            else:
                return
        connection.exec_driver_sql(_WRITE)  # which tells what is wrong as every statement does
    finally:
        driver.execute(f"PRAGMA {_PATIENT}")


_PATIENT = f"busy_timeout={1000 * BUSY:.0f}"
_WRITE = "BEGIN IMMEDIATE"
