"""An installation from before the portal settings."""

from __future__ import annotations

from flask_migrate import downgrade, upgrade
from sqlalchemy import select, text

from portal.extensions import db
from portal.practices.models import Practice
from tests.conftest import ROOT
from tests.factories import make_house


def test_practices_from_before_get_a_reminder_that_fits(app, moment) -> None:
    make_house()
    make_house("Brief Clinic")
    db.session.remove()
    downgrade(directory=str(ROOT / "migrations"), revision="0002")
    with db.engine.begin() as connection:
        connection.execute(
            text("UPDATE practice SET invitation_days = 2 WHERE name = 'Brief Clinic'")
        )
    upgrade(directory=str(ROOT / "migrations"))
    held = {p.name: p.reminder_days for p in db.session.scalars(select(Practice))}
    assert held == {"Family Practice": 2, "Brief Clinic": 0}
