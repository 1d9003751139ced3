"""Who sends what is due: a worker, woken by the scheduler every minute or by the sweep.

A lease in the database lets one at a time do it, however many schedulers ring. It only saves the others the trouble:
that nothing goes out twice follows from each notice's own conditional update.
"""

from __future__ import annotations

from datetime import datetime

from portal import clock, queue, sweep, tokens
from portal.outreach import sending
from portal.settings import settings

DUE = "outreach.due"
"""The job that the scheduler asks for."""
LEASE = "notices"
LONGEST = 60.0
"""Seconds that one ring is answered for; what is left then waits for the next one."""


@queue.job(DUE)
def send_due(_public_id: str = "") -> None:
    """Somebody rang: send what is due, unless another worker does already."""
    _send(within=LONGEST)
    if not queue.stopping.is_set() and sending.is_waiting(now=clock.now()):
        queue.ring(DUE)


@sweep.task("outreach")
def sweep_notices(now: datetime) -> None:
    """See that what is due goes out also where no scheduler lives: by a worker, or where no ring is heard, here."""
    if sending.is_waiting(now=now) and not queue.ring(DUE):
        _send(within=settings().sweep_interval)


def _send(*, within: float) -> None:
    holder = tokens.public_id()

    def still_mine() -> bool:
        return sweep.take_lease(LEASE, holder=holder, now=clock.now())

    try:
        sending.send_due(within=within, goes_on=still_mine)
    finally:
        sweep.give_back(holder=holder, now=clock.now())
