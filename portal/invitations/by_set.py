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
    """What :func:`portal.invitations.service.invite_in_bulk` does, in the caller's transaction.

    The caller has locked the charts and found no obstacle under the lock.

    Returns:
        Patient -> invitation, by their numbers; None for whose old account is good again (1.5). Who was invited at
        another address before is missing: their grant ends, and another begins (3.4), which is done one by one.
    """
    held = access.held_by([chart.id for chart in charts])
    bare = [chart for chart in charts if chart.id not in held]
    held |= access.enable_many(bare, by=by, now=now)
    active = [
        chart.id for chart in charts if status(held[chart.id].facts, ended=False) is Status.ACTIVE
    ]
    found = [_addressee(chart, held[chart.id]) for chart in charts if chart.id not in set(active)]
    addressees = [addressee for addressee in found if addressee is not None]
    issued = issue(addressees, practice=practice, by=by, now=now, origin=Origin.BULK)
    return {**issued, **dict.fromkeys(active)}


def _addressee(chart: Chart, grant: Held) -> Addressee | None:
    """None for whom there is no address, or another grant is needed for it."""
    if chart.email is None:
        return None
    same = grant.email is not None and email_key(grant.email) == chart.email_key
    if not same and grant.facts.invited_at is not None:
        return None
    return Addressee(chart, grant.id, chart.email, address_is_new=not same)
