"""On SQLite one writes at a time: the next has the lock soon after it is free, and nobody waits for ever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from portal import transaction
from portal.extensions import db
from portal.transaction import atomic

HOLD = """
import sqlite3, sys, time
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(60)
"""
ASK = "SELECT 1"


pytestmark = pytest.mark.sqlite_only


@pytest.fixture
def holder(app):
    """A process that has the lock and knows nothing of how we wait for it."""
    path = str(db.engine.url.database)
    process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_killed_writer_lets_the_next_one_in(holder) -> None:
    killed: list[float] = []

    def kill() -> None:
        killed.append(time.monotonic())
        os.kill(holder.pid, signal.SIGKILL)

    threading.Timer(0.5, kill).start()
    with atomic():
        db.session.execute(text(ASK))
        got = time.monotonic()
    assert 0.0 <= got - killed[0] < 1.0


def test_nobody_waits_for_ever_and_the_next_try_is_a_whole_one(holder, monkeypatch) -> None:
    monkeypatch.setattr(transaction, "BUSY", 0.2)
    begun = time.monotonic()
    with pytest.raises(OperationalError, match="database is locked"), atomic():
        db.session.execute(text(ASK))
    assert 0.2 <= time.monotonic() - begun < 2.0
    holder.kill()
    holder.wait()
    with atomic():
        assert db.session.scalar(text(ASK)) == 1


def test_it_looks_often_and_leaves_readers_their_patience(holder, monkeypatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(transaction, "BUSY", 0.1)
    real = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: (naps.append(seconds), real(seconds)))
    with pytest.raises(OperationalError), atomic():
        db.session.execute(text(ASK))
    assert len(naps) > 20
    assert max(naps) < 0.001
    assert db.session.scalar(text("PRAGMA busy_timeout")) == 15_000


def test_who_reads_waits_for_no_writer(holder, monkeypatch) -> None:
    monkeypatch.setattr(transaction, "BUSY", 0.0)
    assert db.session.scalar(text(ASK)) == 1


def test_what_is_not_a_lock_is_told_at_once(app) -> None:
    begun = time.monotonic()
    with atomic():
        db.session.execute(text(ASK))
        with pytest.raises(OperationalError, match="within a transaction"):
            transaction._begin_to_write(db.session.connection())
    assert time.monotonic() - begun < 5.0
