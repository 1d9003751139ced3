"""Whether invitations may go out at this moment, and what their mails need: read for many at once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, select

from portal import clock
from portal.access.models import Grant
from portal.access.rules import has_ended
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState, link_state
from portal.invitations.state import InvitationState
from portal.people.models import BlockedAddress, Patient
from portal.practices.models import Practice
from portal.rows import among

FACTS = (
    select(
        Invitation.id,
        Invitation.practice_id,
        Invitation.state,
        Invitation.origin,
        Invitation.nonce,
        Invitation.expires_at,
        Grant.ended_at,
        Grant.activated_at,
        Patient.given_name,
        Patient.family_name,
        Patient.end_date,
        Patient.deceased,
        Patient.deceased_on,
        Patient.opted_out_at,
        Practice.time_zone,
        exists(
            select(BlockedAddress.patient_id).where(
                BlockedAddress.patient_id == Patient.id,
                BlockedAddress.email_key == Patient.email_key,
            )
        ).label("blocked"),
    )
    .join(Grant, Grant.id == Invitation.grant_id)
    .join(Patient, Patient.id == Invitation.patient_id)
    .join(Practice, Practice.id == Patient.practice_id)
    .where(among(Invitation.id, "numbers"))
)
"""One row for each of some invitations."""


def open_ones(numbers: Collection[int], *, now: datetime) -> dict[int, Row[*tuple[Any, ...]]]:
    """Those of these whose link works and whose chart may be written to, by number; a row of :data:`FACTS` each."""
    rows = db.session.connection().execute(FACTS, {"numbers": numbers}).all()
    return {row.id: row for row in rows if _stands(row, now=now)}


def _stands(facts: Row[*tuple[Any, ...]], *, now: datetime) -> bool:
    if facts.opted_out_at is not None or facts.blocked:
        return False
    ended = has_ended(
        end_date=facts.end_date,
        deceased=facts.deceased,
        deceased_on=facts.deceased_on,
        today=clock.local_date(now, facts.time_zone),
    )
    state = link_state(
        InvitationState(facts.state),
        expires_at=facts.expires_at,
        grant_stands=facts.ended_at is None,
        activated=facts.activated_at is not None,
        chart_ended=ended,
        now=now,
    )
    return state is LinkState.OPEN
