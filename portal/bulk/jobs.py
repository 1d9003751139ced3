"""What workers do for runs: answer their rings, and sweep them."""

from __future__ import annotations

import time
from datetime import datetime

from portal import clock, queue, sweep
from portal.bulk import working
from portal.bulk.service import WORK
from portal.settings import settings

TURN = 5.0
"""Seconds that a run is worked on before it stands at the end of the queue again: every practice gets its turn."""


@queue.job(WORK)
def work(public_id: str) -> None:
    """Somebody rang: go on with this run for one turn."""
    work_on(public_id, within=TURN)


def work_on(public_id: str, *, within: float) -> None:
    """Batch after batch, until the run is over, paused or cancelled, or so many seconds have gone by."""
    until = time.monotonic() + within
    while not queue.stopping.is_set():
        worked = working.work_batch(public_id, now=clock.now())
        if worked is None or worked.over:
            return
        if time.monotonic() >= until:
            queue.ring(WORK, public_id)
            return


@sweep.task("bulk")
def sweep_runs(now: datetime) -> None:
    """See that open runs go on: by a worker, or where no ring is heard, here."""
    for public_id in working.running():
        if not queue.ring(WORK, public_id):
            work_on(public_id, within=settings().sweep_interval)
