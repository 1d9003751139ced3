"""Invite a batch of a run with a few statements for all of it (7.3)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.access import service as access
from portal.access.charts import Chart
from portal.access.rules import Status, status
from portal.access.service import Held
from portal.audit.actor import Actor
from portal.invitations.issuing import Addressee, issue
from portal.invitations.state import Origin
from portal.people.rules import email_key
from portal.practices.models import Practice


def invite(
    charts: Sequence[Chart], *, practice: Practice, by: Actor, now: datetime
) -> dict[int, int | None]:
    """What :func:`portal.invitations.service.invite_unasked` does, in the caller's transaction.

    The caller has locked the charts and found no obstacle under the lock.

    Returns:
        Patient -> invitation, by their numbers; None for whose old account is good again (1.5). Who was invited at
        another address before is missing: their grant ends, and another begins (3.4), which is done one by one.
    """
    charts = [chart for chart in charts if chart.email is not None]
    held = access.held_by([chart.id for chart in charts])
    bare = [chart for chart in charts if chart.id not in held]
    held |= access.enable_many(bare, by=by, now=now, invited=True)
    active: dict[int, None] = {}
    addressees = []
    for chart in charts:
        grant = held[chart.id]
        if status(grant.facts, ended=False) is Status.ACTIVE:
            active[chart.id] = None
        elif addressee := _addressee(chart, grant):
            addressees.append(addressee)
    return active | issue(addressees, practice=practice, by=by, now=now, origin=Origin.BULK)


def _addressee(chart: Chart, grant: Held) -> Addressee | None:
    """None for whom there is no address, or another grant is needed for it (3.4)."""
    if chart.email is None:
        return None
    same = grant.email is not None and email_key(grant.email) == chart.email_key
    if grant.facts.invited_at is None:
        return Addressee(chart, grant.id, chart.email, note=grant.email if same else chart.email)
    return Addressee(chart, grant.id, chart.email) if same else None
