"""A practice at noon with every switch on."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import Moment
from tests.factories import House, make_house
from tests.integration.outreach.diary import ALL_ON, switch


@pytest.fixture
def house(app: Flask, moment: Moment) -> House:
    made = make_house()
    switch(made.practice, **ALL_ON)
    return made
