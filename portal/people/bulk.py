"""Many new charts at once, inserted by set: the same rows that ``service.add`` would write one by
one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, inspect, select

from portal import crypto, tokens
from portal.extensions import Model, db
from portal.people import rules
from portal.people import service as people
from portal.people.models import Patient, PatientPhone, SearchWord
from portal.people.service import PatientValues, PhoneValue
from portal.transaction import touch_patients

_COLUMNS = [column.key for column in inspect(Patient).column_attrs if column.key != "id"]
_NOT_COLUMNS = frozenset({"ssn", "phones"})


@dataclass(frozen=True, slots=True)
class NewChart:
    """The rows of a chart that is not there yet."""

    patient: dict[str, Any]
    phones: list[PhoneValue]
    words: set[str]

    @property
    def public_id(self) -> str:
        """The random id that it will have."""
        public_id: str = self.patient["public_id"]
        return public_id


def blank_row(*, practice_id: int, now: datetime) -> dict[str, Any]:
    """The columns of a chart with nothing in it, to fill many from."""
    blank = people.blank(practice_id=practice_id, now=now)
    return {name: getattr(blank, name) for name in _COLUMNS}


def new_chart(values: PatientValues, *, blank: dict[str, Any]) -> NewChart:
    """What ``people.service.write`` would make of a blank chart and these values."""
    row = blank | {name: value for name, value in values.items() if name not in _NOT_COLUMNS}
    row["public_id"] = tokens.public_id()
    email = row["email"]
    if email:
        row["email_key"] = rules.email_key(email)
        row["email_flagged"] = rules.is_placeholder_address(email)
    digits = values.get("ssn")
    if digits:
        row["ssn_match"] = people.ssn_match(digits)
        row["ssn_sealed"] = crypto.encrypt(digits, bound_to=row["public_id"])
    given, middle, family = row["given_name"], row["middle_name"], row["family_name"]
    row["sort_name"] = rules.sort_name(given=given, middle=middle, family=family)
    words = rules.search_words(given, middle, family, row["preferred_name"])
    return NewChart(row, values.get("phones", []), words)


def ids_by_record_number(practice_id: int, numbers: Collection[str]) -> dict[str, int]:
    """The internal numbers of the patients of a practice who have these record numbers."""
    query = select(Patient.record_number, Patient.id).where(
        Patient.practice_id == practice_id, Patient.record_number.in_(numbers)
    )
    return dict(db.session.execute(query).all())


def insert_charts(charts: Sequence[NewChart]) -> None:
    """One statement for each table, in the caller's transaction.

    Raises:
        sqlalchemy.exc.IntegrityError: a record number is taken.
    """
    if not charts:
        return
    patients, phones, words = (
        Model.metadata.tables[model.__tablename__] for model in (Patient, PatientPhone, SearchWord)
    )
    new = insert(patients).returning(patients.c.public_id, patients.c.id)
    rows = [chart.patient for chart in charts]
    ids: dict[str, int] = dict(db.session.execute(new, rows).all())
    touch_patients(ids.values())
    phone_rows = []
    word_rows = []
    for chart in charts:
        owner = {
            "practice_id": chart.patient["practice_id"],
            "patient_id": ids[chart.public_id],
        }
        phone_rows += [
            {**phone, **owner, "position": position} for position, phone in enumerate(chart.phones)
        ]
        word_rows += [owner | {"word": word} for word in chart.words]
    if phone_rows:
        db.session.execute(insert(phones), phone_rows)
    if word_rows:
        db.session.execute(insert(words), word_rows)
