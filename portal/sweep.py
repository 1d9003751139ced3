"""The sweep: every so often each worker does what the clock or a crash has made necessary.

By the workers' own clocks, under a lease in the database; never by RQ's scheduler, for emptying the queue server
would take that along (security.md).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from flask import Flask
from sqlalchemy import or_, update
from sqlalchemy.exc import IntegrityError

from portal import clock, queue, tokens
from portal.extensions import db
from portal.mail.models import SweepLease
from portal.settings import settings
from portal.transaction import atomic

log = structlog.get_logger()

Task = Callable[[datetime], object]

_tasks: dict[str, Task] = {}


def task(name: str) -> Callable[[Task], Task]:
    """Decorator: call this with the time at every sweep. It must be harmless to repeat and to run twice at once.

    Args:
        name: at most 30 characters; the name of its lease.
    """

    def register(function: Task) -> Task:
        _tasks[name] = function
        return function

    return register


def run(app: Flask, stopping: threading.Event) -> None:
    """Sweep until ``stopping``; the body of a worker's second thread."""
    holder = tokens.public_id()
    while not stopping.is_set():
        with app.app_context():
            once(holder=holder, now=clock.now())
            interval = settings().sweep_interval
        stopping.wait(interval)
    with app.app_context():
        give_back(holder=holder, now=clock.now())


def once(*, holder: str, now: datetime) -> list[str]:
    """Run each task whose lease can be had; returns their names. An error in one does not keep the others from it."""
    done = []
    for name, function in _tasks.items():
        try:
            if not take_lease(name, holder=holder, now=now):
                continue
            function(clock.now())
            done.append(name)
        except Exception as error:  # noqa: BLE001 (see above)
            log.error("sweep.failed", task=name, **queue.told(error))
        finally:
            db.session.rollback()
    return done


def take_lease(name: str, *, holder: str, now: datetime) -> bool:
    """Whether ``holder`` may sweep ``name`` for the next interval; the holder renews, others wait until it is over."""
    until = now + timedelta(seconds=settings().sweep_interval)
    with atomic():
        done = db.session.execute(
            update(SweepLease)
            .where(
                SweepLease.name == name,
                or_(SweepLease.until <= now, SweepLease.holder == holder),
            )
            .values(holder=holder, until=until)
        )
        if getattr(done, "rowcount", 0) == 1:
            return True
    try:
        with atomic():
            if db.session.get(SweepLease, name) is not None:
                return False
            db.session.add(SweepLease(name=name, holder=holder, until=until))
    except IntegrityError:
        return False
    return True


def give_back(*, holder: str, now: datetime) -> None:
    """End this holder's leases, so that the next worker need not wait for them to run out."""
    with atomic():
        db.session.execute(update(SweepLease).where(SweepLease.holder == holder).values(until=now))
