"""A practice at noon, and its front desk at work."""

from __future__ import annotations

import pytest

from portal.people.models import Patient
from tests.factories import House, make_house, make_patient
from tests.integration.staff.clerk import Clerk


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


@pytest.fixture
def clerk(app, house) -> Clerk:
    return Clerk(app, house.front_desk)


@pytest.fixture
def jenny(house) -> Patient:
    """Jenny (Jen) Harris, with everything on file."""
    return make_patient(house, email="jenny@example.com")
