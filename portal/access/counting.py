"""How many of a practice's patients were ever invited, and how many signed up (6.2)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, text

from portal.access.models import EVER_INVITED, Grant
from portal.extensions import db


@dataclass(frozen=True, slots=True)
class Reached:
    """Patients, each counted once however many grants they had."""

    invited: int
    """Ever, those who signed up among them."""
    signed_up: int
    """Activated an account, ever."""


def reached(practice_id: int) -> Reached:
    """Exact, by one walk along ``ix_access_grant_ever_invited``: the table itself is not read."""
    patients = (
        select(func.max(Grant.activated_at).label("activated_at"))
        .where(Grant.practice_id == practice_id, text(f"({EVER_INVITED})"))
        .group_by(Grant.patient_id)
        .subquery()
    )
    counts = select(func.count(), func.count(patients.c.activated_at))
    invited, signed_up = db.session.execute(counts.select_from(patients)).one()
    return Reached(invited, signed_up)
