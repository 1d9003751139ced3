"""The audit chain is the last lock that a commit takes."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from portal import clock
from portal.access import service as access
from portal.audit import service as audit
from portal.extensions import db
from portal.transaction import WriteOutsideTransaction, at_last, atomic
from tests.factories import make_house, make_patient
from tests.integration.staff.clerk import audited


def test_nothing_is_written_after_the_chain_is_locked(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    said: list[str] = []

    def listen(_c, _cursor, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        access.enable(patient=patient, by=house.hand, now=clock.now())
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    locked = next(n for n, statement in enumerate(said) if "FROM audit_chain" in statement)
    assert any("roster_count" in statement for statement in said[:locked])
    assert all("audit_" in statement for statement in said[locked:] if "BEGIN" not in statement)
    assert len(audited("access.enabled")) == 1


def test_events_of_one_commit_keep_their_order_and_the_chain_holds(app, moment) -> None:
    house, other = make_house(), make_house("Lakeside Clinic")
    with atomic():
        for practice, days in ((other, 1), (house, 2), (other, 3)):
            audit.record(
                "patients.imported", practice_id=practice.practice.id, by=house.hand, now=moment.now,
                created=days, updated=0, digest="",
            )  # fmt: skip
    told = [(row.practice_id, row.data["created"]) for row in audited("patients.imported")]
    assert told == [(house.practice.id, 2), (other.practice.id, 1), (other.practice.id, 3)]
    assert audit.first_broken_link(house.practice.id) is None
    assert audit.first_broken_link(other.practice.id) is None


def test_what_is_rolled_back_is_not_told(app, moment) -> None:
    house = make_house()
    with pytest.raises(RuntimeError), atomic():
        audit.record(
            "patients.imported", practice_id=house.practice.id, by=house.hand, now=moment.now,
            created=1, updated=0, digest="",
        )  # fmt: skip
        raise RuntimeError
    assert audited("patients.imported") == []


def test_at_last_belongs_into_a_commit(app) -> None:
    with pytest.raises(WriteOutsideTransaction):
        at_last(1, lambda items: None, None)
