"""The database's plug: out and in again, pulled in the middle, or held by somebody else."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psutil
from flask import Flask
from sqlalchemy import create_engine, text

from portal.extensions import db


@dataclass
class Power:
    """Over the database of the current test."""

    app: Flask
    dialect: str
    server: Any = None
    """The PostgreSQL; None on SQLite."""

    @property
    def is_server(self) -> bool:
        """Whether there is a server that can be stopped."""
        return self.server is not None

    def stop(self) -> None:
        """``pg_ctl stop``: everybody's connection ends."""
        self.forget()
        self.server.stop()

    def kill(self) -> None:
        """kill -9 of the server and of everything that belongs to it."""
        if not self.is_server:
            return
        self.forget()
        postmaster = psutil.Process(self.server.get_pid())
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):  # whoever saw another die may have ended already
                process.kill()
        psutil.wait_procs(family, timeout=20)

    def come_back(self) -> None:
        """Up again, after its recovery where it needs one."""
        if self.is_server:
            self.server.ensure_postgres_running()
        self.forget()

    def forget(self) -> None:
        """The connections of the test itself."""
        db.session.remove()
        db.engine.dispose()

    def end_connections(self) -> int:
        """``pg_terminate_backend`` for everybody else's; how many."""
        outside = create_engine(
            self.server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        )
        with outside.connect() as connection:
            ended = connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
            ).all()
        outside.dispose()
        self.forget()
        return len(ended)

    @contextmanager
    def locked(self, seconds: float) -> Iterator[None]:
        """SQLite: somebody else holds the only write lock for so long."""
        held = threading.Event()

        def hold() -> None:
            other = sqlite3.connect(str(db_path), isolation_level=None, timeout=30)
            other.execute("BEGIN EXCLUSIVE")
            held.set()
            time.sleep(seconds)
            other.execute("ROLLBACK")
            other.close()

        db_path = db.engine.url.database
        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(30)
        yield
        holder.join()

    def make_durable(self) -> None:
        """A commit is on the disk when it returns, as in production; other tests spare themselves the wait."""
        self._alter("RESET synchronous_commit")

    def make_as_usual(self) -> None:
        """Undo :meth:`make_durable`."""
        self._alter("SET synchronous_commit = off")

    def _alter(self, what: str) -> None:
        if not self.is_server:
            return
        name = db.engine.url.database
        with db.engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {name} {what}"))
            connection.commit()
        self.forget()

    def durable(self) -> dict[str, str]:
        """What the database promises of a commit."""
        names = (
            ("fsync", "full_page_writes", "synchronous_commit")
            if self.is_server
            else ("synchronous", "journal_mode")
        )
        ask = "SHOW" if self.is_server else "PRAGMA"
        with db.engine.connect() as connection:
            return {name: str(connection.execute(text(f"{ask} {name}")).scalar()) for name in names}

    def broken(self) -> list[str]:
        """Read every page of the database; what is wrong with it."""
        self.forget()
        if not self.is_server:
            with db.engine.connect() as connection:
                told = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check"))]
                keys = connection.execute(text("PRAGMA foreign_key_check")).all()
            return [line for line in told if line != "ok"] + [f"foreign key: {row}" for row in keys]
        engine = create_engine(db.engine.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:  # page checksums are on: reading a page proves it
            connection.execute(text("VACUUM (DISABLE_PAGE_SKIPPING, INDEX_CLEANUP ON)"))
            failed = connection.scalar(
                text("SELECT coalesce(sum(checksum_failures), 0) FROM pg_stat_database")
            )
        engine.dispose()
        return [f"{failed} pages are damaged"] if failed else []
