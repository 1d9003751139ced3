"""The practice that tests begin with is put back exactly as the services made it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from portal.audit.service import first_broken_link
from portal.extensions import db
from portal.schedule.models import Office
from tests import usual
from tests.conftest import Database
from tests.factories import House, make_house, make_patient

Everything = dict[str, list[tuple[Any, ...]]]


def as_stored() -> Everything:
    """Every row, as the driver has it."""
    with db.engine.connect() as outside:
        return {
            name: sorted(map(tuple, outside.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
            for name in db.metadata.tables
        }


def people(house: House) -> list[str]:
    return [
        house.practice.name,
        house.administrator.name,
        house.provider_member.name,
        house.front_desk.name,
        house.provider.name,
    ]


def test_it_comes_back_as_it_was_made(app, moment, database: Database, monkeypatch) -> None:
    monkeypatch.setattr(usual, "_kept", {})
    made = people(make_house())
    before = as_stored()
    database.reset()
    db.session.remove()
    db.engine.dispose()
    assert not any(as_stored().values())

    house = make_house()
    assert as_stored() == before
    assert people(house) == made
    assert first_broken_link(house.practice.id) is None
    assert make_patient(house).id, "and life goes on in it"
    assert first_broken_link(house.practice.id) is None


def test_a_second_practice_is_made_as_ever(app, moment) -> None:
    first, second = make_house(), make_house("Lakeside Clinic")
    assert first.practice.id != second.practice.id
    assert first_broken_link(second.practice.id) is None


def test_its_numbers_are_its_own_after_a_table_was_made_anew(
    app, moment, database: Database, monkeypatch
) -> None:
    """As tests of migrations do, and on PostgreSQL the numbers then begin with one."""
    monkeypatch.setattr(usual, "_kept", {})
    make_house()
    first = db.session.scalars(select(Office.id)).one()
    database.reset()
    db.session.remove()
    db.engine.dispose()
    if db.engine.dialect.name == "postgresql":
        with db.engine.begin() as outside:
            outside.exec_driver_sql(f"ALTER SEQUENCE office_id_seq RESTART WITH {first}")
    house = make_house()
    assert make_house("Lakeside Clinic").practice.id != house.practice.id
