"""A practice at noon, and somebody who has selected patients in its list."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.models import BulkRun
from portal.bulk.preview import Scope
from portal.bulk.states import RunKind, RunScope
from portal.extensions import db
from portal.logons.models import Logon
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import StaffMember
from portal.roster import selection as selections
from tests.factories import House, make_house, make_patient
from tests.integration.staff.clerk import Clerk


@pytest.fixture
def house(app: Flask, moment) -> House:
    return make_house()


@pytest.fixture
def admin(app: Flask, house: House) -> Clerk:
    return Clerk(app, house.administrator)


@pytest.fixture
def patients(house: House) -> list[Patient]:
    return [make_patient(house, family_name=f"Person{letter}") for letter in "ABC"]


def select_patients(house: House, patients: list[Patient], staff: StaffMember | None = None) -> str:
    """Tick them for the newest log-on of this person; the selection's public id."""
    staff = staff or house.administrator
    query = select(func.max(Logon.id)).where(Logon.side == "staff", Logon.subject_id == staff.id)
    logon_id = db.session.scalars(query).one()
    ids = [patient.public_id for patient in patients]
    selections.mark(
        practice_id=house.practice.id, logon_id=logon_id, shown=ids, ticks=ids, now=clock.now()
    )
    found = selections.find(logon_id=logon_id)
    assert found is not None
    return found.public_id


def begin(house: House, kind: RunKind, staff: StaffMember | None = None) -> BulkRun:
    """Start a run of the whole practice, or of what of it is this person's, as its preview shows it."""
    staff = staff or house.administrator
    scope = Scope(RunScope.PRACTICE, staff)
    shown = previews.make(kind, scope, now=clock.now())
    by = practices.actor(staff, client="127.0.0.1")
    return bulk.start(kind, scope, shown=shown, by=by, now=clock.now())
