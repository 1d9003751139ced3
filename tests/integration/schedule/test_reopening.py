"""An appointment that was cancelled by mistake and reopened tells its patient what it would have told anyway."""

from __future__ import annotations

from sqlalchemy import select

from portal.extensions import db
from portal.schedule import booking
from portal.schedule.models import AppointmentNotice
from tests.factories import make_appointment


def notices() -> dict[str, str]:
    db.session.rollback()
    rows = db.session.execute(select(AppointmentNotice.kind, AppointmentNotice.state))
    return dict(rows.all())


def test_what_was_planned_is_planned_again(house, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    assert notices() == {"confirmation": "planned", "reminder": "planned"}
    booking.cancel(appointment=made, by=house.hand, now=moment.now)
    assert notices() == {"confirmation": "cancelled", "reminder": "cancelled"}
    booking.reopen(appointment=made, by=house.hand, now=moment.now)
    assert notices() == {"confirmation": "planned", "reminder": "planned"}


def test_of_one_in_the_past_nothing_is_planned(house, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    booking.cancel(appointment=made, by=house.hand, now=moment.now)
    booking.reopen(appointment=made, by=house.hand, now=moment.pass_(days=9))
    assert notices() == {"confirmation": "cancelled", "reminder": "cancelled"}
