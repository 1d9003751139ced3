"""A practice at noon, and its front desk at work."""

from __future__ import annotations

import pytest

from portal import clock
from portal.access import service as access
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Role
from tests.factories import PASSWORD, SETUP, House, make_house, make_patient
from tests.integration.staff.clerk import Clerk


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def clerk(app, house) -> Clerk:
    return Clerk(app, house.front_desk)


@pytest.fixture
def admin(app, house) -> Clerk:
    return Clerk(app, house.administrator)


@pytest.fixture
def jenny(house) -> Patient:
    """Jenny (Jen) Harris, with everything on file."""
    return make_patient(house, email="jenny@example.com")


@pytest.fixture
def newcomer(app, house) -> Clerk:
    """Somebody who has not read the confidentiality notice yet."""
    staff = practices.add_staff(
        practice=house.practice,
        email="nora@example.com",
        name="Nora New",
        role=Role.FRONT_DESK,
        password=PASSWORD,
        by=SETUP,
        now=clock.now(),
    )
    return Clerk(app, staff)


@pytest.fixture
def gray(house, jenny, moment) -> Patient:
    """Jenny, enabled and not invited yet."""
    access.enable(patient=jenny, by=house.hand, now=moment.now)
    return jenny
