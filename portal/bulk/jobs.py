"""What workers do for runs: answer their rings, and sweep them."""

from __future__ import annotations

import time
from datetime import datetime

from portal import clock, queue, sweep
from portal.bulk import returned, working
from portal.bulk.flight import WORK
from portal.mail import delivery
from portal.mail.service import DELIVER
from portal.settings import settings

TURN = 5.0
"""Seconds that a run is worked on before it stands at the end of the queue again: every practice gets its turn."""
SETTLE_EVERY = 1.0
"""Seconds between two looks at what became of the mails on their way."""
SEND_EVERY = 0.5
"""Seconds after which whoever works on a run also sends: no mail waits for a turn to end, where there is one worker."""
SEND_FOR = 0.2
"""Seconds of sending between two batches; meanwhile other workers have enough to send."""
SHORTEST_NAP, LONGEST_NAP = 0.05, 2.0


@queue.job(WORK)
def work(public_id: str) -> None:
    """Somebody rang: go on with this run for one turn."""
    work_on(public_id, within=TURN)


def work_on(public_id: str, *, within: float) -> None:
    """Batch after batch until the run is over, paused or cancelled, or the time is up.

    Invitations are issued ahead of the sending, as far as a run may have mails on their way, so that all workers
    have mails to send; then whoever issues them sends too, and comes back before the others run out of mails.
    """
    begun = time.monotonic()
    settled, sent = float("-inf"), begun
    nap = SHORTEST_NAP
    while not queue.stopping.is_set():
        settle = time.monotonic() >= settled + SETTLE_EVERY
        worked = working.work_batch(public_id, now=clock.now(), settle=settle)
        settled = time.monotonic() if settle else settled
        if worked is None or worked.over:
            return
        if worked.wait.total_seconds() > TURN:
            return  # the sweep comes back to it
        busy = worked.people > 0
        if busy:
            queue.ring(DELIVER)  # whoever has nothing to do helps
        if worked.wait or time.monotonic() >= sent + SEND_EVERY:
            busy |= _send()
            sent = time.monotonic()
        if time.monotonic() >= begun + within:
            queue.ring(WORK, public_id)
            return
        if worked.wait and not busy:
            queue.stopping.wait(min(nap, worked.wait.total_seconds()))
        nap = SHORTEST_NAP if busy else min(LONGEST_NAP, 2 * nap)


def _send() -> bool:
    """Send a little of what is due, like any other worker; whether there was anything."""
    return delivery.deliver(within=SEND_FOR).claimed > 0


@sweep.task("bulk")
def sweep_runs(now: datetime) -> None:
    """Write down what became of mails, and see that open runs go on: by a worker, or where no ring is heard, here."""
    for public_id in working.to_look_after():
        working.settle(public_id, now=now)
        if not queue.ring(WORK, public_id):
            work_on(public_id, within=settings().sweep_interval)
    for public_id in returned.runs_to_look_at(now=now):
        returned.take_in(public_id, now=now)
