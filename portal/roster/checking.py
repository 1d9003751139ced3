"""Prove rows and counters against the facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select

from portal.extensions import db
from portal.people.models import Patient
from portal.roster.facts import FACTS, row_values
from portal.roster.models import RosterCount, RosterRow
from portal.roster.rules import Pill
from portal.roster.writing import tally
from portal.transaction import writing

TOLD = 100
"""Differences are listed up to here."""
SWEPT_WITHIN = timedelta(seconds=60)
"""So late may a row be that the clock has overtaken."""
_CHUNK = 1_000


def check(practice_id: int, now: datetime) -> list[str]:
    """What differs from the truth: one line for each row (by the patient's public id) or counter; empty if all is well.

    The truth is worked out by the rules, patient by patient, however the rows were written. A row that
    the clock overtook within the last minute is the sweep's to renew, and no difference.
    """
    if not writing() and db.engine.dialect.name == "postgresql":
        db.session.rollback()
        db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    found = list(islice(_rows(practice_id, now), TOLD))
    counted = tally(RosterRow.practice_id == practice_id)
    held = {
        Pill(row.pill): row.number
        for row in db.session.scalars(
            select(RosterCount)
            .where(RosterCount.practice_id == practice_id)
            .execution_options(populate_existing=True)
        )
    }
    found += [
        f"counter {pill.value}: {held.get(pill, 0)}, but there are {counted[practice_id, pill]}"
        for pill in Pill
        if held.get(pill, 0) != counted[practice_id, pill]
    ]
    return found


def _rows(practice_id: int, now: datetime) -> Iterator[str]:
    columns = list(RosterRow.__table__.columns)
    query = (
        FACTS.add_columns(*(column.label(f"held_{column.name}") for column in columns))
        .outerjoin(RosterRow, RosterRow.patient_id == Patient.id)
        .where(Patient.practice_id == practice_id)
        .execution_options(yield_per=_CHUNK)
    )
    for row in db.session.execute(query, {"now": now}):
        if row.held_patient_id is None:
            yield f"patient {row.public_id}: no row"
            continue
        due = row.held_changes_at
        if due is not None and now - SWEPT_WITHIN < due <= now:
            continue
        for name, true in row_values(row, now=now).items():
            held = getattr(row, f"held_{name}")
            # a set-based write leaves the exact moment to the sweep: earlier is no error
            early = name == "changes_at" and None not in (held, true) and held <= true
            if held != true and not early:
                yield f"patient {row.public_id}: {name} is {_shown(name, held)}, true is {_shown(name, true)}"


def _shown(name: str, value: object) -> object:
    return "…" if name in {"sort_name", "birth_date"} else value
