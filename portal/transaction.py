"""``atomic()``: one commit, roll back on error, then the after-commit callbacks.

Reads need nothing. Whatever may write stands inside ``atomic()``; a flush outside of it is refused, because on
SQLite a transaction that began as a reader and then writes can lose updates or fail (security.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from portal.extensions import db

log = structlog.get_logger()

_callbacks: ContextVar[list[Callable[[], object]] | None] = ContextVar("after_commit", default=None)


class WriteOutsideTransaction(RuntimeError):
    """Rows were about to be written outside ``atomic()``: a programming error."""


@contextmanager
def atomic() -> Iterator[None]:
    """Everything inside is committed once at the end, or not at all. An inner ``atomic()`` joins the outer one.

    Objects loaded before are expired at entry, so that what is decided inside is decided on what the
    database holds now.
    """
    if _callbacks.get() is not None:
        yield
        return
    db.session.rollback()
    callbacks: list[Callable[[], object]] = []
    token = _callbacks.set(callbacks)
    try:
        yield
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise
    finally:
        _callbacks.reset(token)
    for callback in callbacks:
        callback()


def after_commit(callback: Callable[[], object]) -> None:
    """Run ``callback`` once the surrounding ``atomic()`` has committed; never if it rolls back.

    Callbacks may only ring doorbells: what they do is lost if the process dies right then.
    """
    callbacks = _callbacks.get()
    if callbacks is None:
        raise WriteOutsideTransaction("after_commit() needs a surrounding atomic()")
    callbacks.append(callback)


def writing() -> bool:
    """Whether the caller stands inside ``atomic()``."""
    return _callbacks.get() is not None


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
        "busy_timeout=15000",
        "cache_size=-32000",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing() else "BEGIN")
