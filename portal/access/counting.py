"""How many of a practice's patients were ever invited, and how many signed up (6.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.access.models import Grant
from portal.extensions import db


@dataclass(frozen=True, slots=True)
class Reached:
    """Patients, each counted once however many grants they had, ended ones too."""

    invited: int
    """Ever, those who signed up among them: whoever signs up does so under a grant that was invited."""
    signed_up: int
    """Activated an account, ever."""


def reached(practice_id: int) -> Reached:
    """Exact: two walks along partial indexes, the table itself is not read."""
    return Reached(
        invited=_patients(practice_id, Grant.invited_at),
        signed_up=_patients(practice_id, Grant.activated_at),
    )


def _patients(practice_id: int, moment: InstrumentedAttribute[datetime | None]) -> int:
    query = select(func.count(Grant.patient_id.distinct())).where(
        Grant.practice_id == practice_id, moment.is_not(None)
    )
    return db.session.scalar(query) or 0
