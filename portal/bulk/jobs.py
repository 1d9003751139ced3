"""What workers do for runs: answer their rings, and sweep them."""

from __future__ import annotations

import time
from datetime import datetime

from portal import clock, queue, sweep
from portal.bulk import working
from portal.bulk.flight import WORK
from portal.mail import jobs as mail_jobs
from portal.mail.service import DELIVER
from portal.settings import settings

TURN = 5.0
"""Seconds that a run is worked on before it stands at the end of the queue again: every practice gets its turn."""
LONGEST_NAP = 2.0


@queue.job(WORK)
def work(public_id: str) -> None:
    """Somebody rang: go on with this run for one turn."""
    work_on(public_id, within=TURN)


def work_on(public_id: str, *, within: float) -> None:
    """Batch after batch, each with its mails, until the run is over, paused or cancelled, or the time is up."""
    until = time.monotonic() + within
    while not queue.stopping.is_set():
        worked = working.work_batch(public_id, now=clock.now())
        if worked is None or worked.over:
            return
        if worked.wait.total_seconds() > TURN:
            return  # the sweep comes back to it
        if worked.people:
            queue.ring(DELIVER)  # whoever has nothing to do helps
        mail_jobs.deliver_due(within=max(0.5, until - time.monotonic()))
        if time.monotonic() >= until:
            queue.ring(WORK, public_id)
            return
        if worked.wait:
            queue.stopping.wait(min(LONGEST_NAP, worked.wait.total_seconds()))


@sweep.task("bulk")
def sweep_runs(now: datetime) -> None:
    """Write down what became of mails, and see that open runs go on: by a worker, or where no ring is heard, here."""
    for public_id in working.to_look_after():
        working.settle(public_id, now=now)
        if not queue.ring(WORK, public_id):
            work_on(public_id, within=settings().sweep_interval)
