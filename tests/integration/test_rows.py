"""Many values as one parameter: the same rows as by ``IN``, and the same statement for however many."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from portal.extensions import db
from portal.people.models import Patient
from portal.rows import among
from portal.transaction import atomic
from tests.factories import make_house, make_patient

STRANGE = ["o'neil", 'a"b', "%s", "ä{,}", "\\", "null"]


@pytest.mark.parametrize("many", [0, 1, 3])
def test_it_finds_what_in_finds(app, moment, many) -> None:
    house = make_house()
    numbers = [make_patient(house).id for _ in range(4)]
    asked = [*numbers[:many], 999_999_999_999]
    for values in (asked, tuple(asked), set(asked), dict.fromkeys(asked).keys()):
        found = db.session.scalars(select(Patient.id).where(among(Patient.id, values)))
        assert sorted(found) == numbers[:many]


def test_words_are_told_as_they_are(app, moment) -> None:
    house = make_house()
    patients = [make_patient(house, family_name=name) for name in STRANGE]
    found = db.session.scalars(select(Patient.id).where(among(Patient.family_name, STRANGE[:-1])))
    assert sorted(found) == [patient.id for patient in patients[:-1]]


def test_a_named_parameter_is_given_later(app, moment) -> None:
    patient = make_patient(make_house())
    query = select(Patient.id).where(among(Patient.id, "numbers"))
    found = db.session.connection().scalars(query, {"numbers": [patient.id]})
    assert found.all() == [patient.id]


def test_one_statement_for_however_many(app, moment) -> None:
    said: set[str] = set()

    def listen(_connection, _cursor, statement, *_more) -> None:
        if "patient" in statement:
            said.add(statement)

    with atomic():
        event.listen(db.engine, "before_cursor_execute", listen)
        for many in 0, 1, 200:
            db.session.execute(select(Patient.id).where(among(Patient.id, range(many))))
        event.remove(db.engine, "before_cursor_execute", listen)
    assert len(said) == 1
