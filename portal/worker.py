"""A worker: one process that answers rings in its main thread and sweeps in a second one."""

from __future__ import annotations

import os
import threading
import time

import structlog
from flask import Flask

from portal import queue, sweep
from portal.bulk import jobs as bulk_jobs
from portal.mail import jobs
from portal.outreach import jobs as outreach_jobs

log = structlog.get_logger()

JOBS = (jobs, bulk_jobs, outreach_jobs)
"""The modules whose functions answer rings and sweep; naming them here registers them."""
GRACE = 25.0
"""Seconds for the piece in hand after SIGTERM. Then the process leaves as if killed, which everything survives."""


def run_worker(app: Flask) -> None:
    """Work until SIGTERM or SIGINT; ends within 30 seconds then, with the mail in hand finished (faults.md F9).

    Must be called in the main thread. A queue server that is away or was emptied is no reason to end.
    """
    sweeper = threading.Thread(target=sweep.run, args=(app, queue.stopping), daemon=True)
    threading.Thread(target=_leave_in_time, daemon=True).start()
    sweeper.start()
    log.info("worker.started", pid=os.getpid())
    with app.app_context():
        queue.work()
    sweeper.join()
    log.info("worker.stopped", pid=os.getpid())


def _leave_in_time() -> None:
    queue.stopping.wait()
    time.sleep(GRACE)
    log.warning("worker.left_unfinished", pid=os.getpid())
    os._exit(1)
