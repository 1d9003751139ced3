"""A batch writes the very rows that single acts write, with as many statements for many people as for a few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import DataError

from portal import clock, tokens
from portal.access import service as access
from portal.access.charts import lock_charts
from portal.access.models import EndReason, Grant
from portal.attention.models import AttentionItem
from portal.audit import service as audit
from portal.audit.models import AuditEvent
from portal.bulk import acts, rules, working
from portal.bulk.models import BulkItem
from portal.bulk.states import RunKind
from portal.extensions import db
from portal.invitations import by_set, issuing
from portal.invitations import service as invitations
from portal.invitations.models import Invitation, InvitationEvent
from portal.invitations.outcomes import record_mail_result
from portal.mail import service as mail
from portal.mail.addresses import message_id
from portal.mail.models import OutboxMessage
from portal.mail.registry import Outcome
from portal.mail.state import OutboxState
from portal.people import service as people
from portal.people.models import Patient
from portal.roster import service as roster
from portal.roster.models import RosterRow
from portal.transaction import atomic
from tests.factories import House, accept_mail, make_house, make_patient
from tests.integration.bulk.conftest import begin
from tests.plans import plans_of

Past = Callable[[House, Patient, datetime], None]
"""What happened to a patient, a day and more before the run."""


def nothing(house: House, patient: Patient, when: datetime) -> None: ...


def enabled(house: House, patient: Patient, when: datetime) -> None:
    access.enable(patient=patient, by=house.hand, now=when)


def address_came_later(house: House, patient: Patient, when: datetime) -> None:
    _edit(house, patient, when, email=None)
    enabled(house, patient, when)
    _edit(house, patient, when, email=f"late{patient.record_number}@example.com")


def invited(house: House, patient: Patient, when: datetime) -> None:
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=when)
    assert invitation is not None
    accept_mail(invitation, now=when)


def never_accepted(house: House, patient: Patient, when: datetime) -> None:
    assert invitations.enable_and_invite(patient=patient, by=house.hand, now=when)


def failed(house: House, patient: Patient, when: datetime) -> None:
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=when)
    assert invitation is not None
    with atomic():
        message = db.session.scalars(
            select(OutboxMessage).where(
                OutboxMessage.purpose == "invitation", OutboxMessage.subject_id == invitation.id
            )
        ).one()
        message.state, message.reason = "failed", "content_refused"
        outcome = Outcome(OutboxState.FAILED, reason="content_refused")
        record_mail_result(message=message, outcome=outcome, now=when)


def moved(house: House, patient: Patient, when: datetime) -> None:
    invited(house, patient, when)
    _edit(house, patient, when, email=f"moved{patient.record_number}@example.com")


def moved_before_the_invitation(house: House, patient: Patient, when: datetime) -> None:
    enabled(house, patient, when)
    _edit(house, patient, when, email=f"other{patient.record_number}@example.com")


def same_address_in_capitals(house: House, patient: Patient, when: datetime) -> None:
    enabled(house, patient, when)
    assert patient.email
    _edit(house, patient, when, email=patient.email.upper())


def ended(house: House, patient: Patient, when: datetime) -> None:
    invited(house, patient, when)
    grant = access.current_grant(patient.id)
    assert grant is not None
    access.end(grant=grant, reason=EndReason.END_DATED, by=house.hand, now=when)


def had_an_account(house: House, patient: Patient, when: datetime) -> None:
    with atomic():
        grant = access.enable(patient=patient, by=house.hand, now=when)
        access.record_activated(grant, now=when)
        access.end(grant=grant, reason=EndReason.END_DATED, by=house.hand, now=when)


def had_an_account_elsewhere(house: House, patient: Patient, when: datetime) -> None:
    had_an_account(house, patient, when)
    later = when + timedelta(hours=1)
    _edit(house, patient, later, email=f"new{patient.record_number}@example.com")


def has_had_much_mail(house: House, patient: Patient, when: datetime) -> None:
    """Two of three an hour: the second of two charts with this address waits."""
    for number in range(2):
        assert patient.email
        mail.enqueue(
            practice_id=patient.practice_id, purpose="account_activated", subject_id=number, address=patient.email,
            language="en", now=clock.now(),
        )  # fmt: skip


PASTS: tuple[tuple[Past, dict[str, Any]], ...] = (
    (nothing, {}),
    (nothing, {"provider_id": None}),
    (enabled, {}),
    (address_came_later, {}),
    (invited, {}),
    (never_accepted, {}),
    (failed, {}),
    (moved, {}),
    (moved_before_the_invitation, {}),
    (same_address_in_capitals, {}),
    (ended, {}),
    (had_an_account, {}),
    (had_an_account_elsewhere, {}),
    (has_had_much_mail, {"email": "family@example.com"}),
    (nothing, {"email": "Family@Example.com"}),
    (nothing, {"email": "family@example.com", "birth_date": date(1950, 1, 1)}),
)


def _edit(house: House, patient: Patient, when: datetime, **values: Any) -> None:
    people.edit(patient=patient, values=values, verified_how="in_person", by=house.hand, now=when)  # type: ignore[arg-type]


def make_practice(name: str) -> tuple[House, list[Patient]]:
    """Everybody's past is the same in each practice that is made so."""
    house = make_house(name)
    made = []
    for number, (past, values) in enumerate(PASTS):
        own = {"record_number": f"N{number}", "email": f"n{number}@example.com"} | values
        patient = make_patient(house, **own)
        if number % 2:
            with atomic():
                people.learn_language(patient, "es")
        past(house, patient, clock.now() - timedelta(hours=30))
        made.append(patient)
    return house, made


RANDOM = {"nonce", "token_hash", "message_id", "hash", "previous_hash", "sequence", "public_id"}
OWN = {"id", "practice_id", "patient_id", "subject_id", "actor_id", "enabled_by_staff_id", "provider_id"}  # fmt: skip


@dataclass
class Dump:
    """Everything that the tables hold of a patient, with names instead of numbers."""

    patient: Patient

    def all(self) -> dict[str, list[dict[str, Any]]]:
        own = self.patient.id
        grants = self._rows(select(Grant).where(Grant.patient_id == own).order_by(Grant.id))
        letters = self._rows(
            select(Invitation).where(Invitation.patient_id == own).order_by(Invitation.id)
        )
        of_letters = [letter.id for letter in letters]
        items = self._rows(select(AttentionItem).where(AttentionItem.patient_id == own))
        self._names = {
            row.public_id: f"{kind} {number}"
            for kind, rows in (("grant", grants), ("invitation", letters), ("item", items))
            for number, row in enumerate(rows)
        }
        self._grants = {grant.id: number for number, grant in enumerate(grants)}
        self._letters = {letter.id: number for number, letter in enumerate(letters)}
        lines = select(InvitationEvent).where(InvitationEvent.invitation_id.in_(of_letters))
        mails = select(OutboxMessage).where(
            OutboxMessage.purpose == "invitation", OutboxMessage.subject_id.in_(of_letters)
        )
        told = select(AuditEvent).where(
            AuditEvent.subject_kind == "patient", AuditEvent.subject_id == own
        )
        mails_of = self._rows(mails.order_by(OutboxMessage.id))
        for letter in letters:
            assert letter.token_hash == tokens.digest(tokens.link_token(letter.nonce))
        for message in mails_of:
            assert message.message_id == message_id(message.public_id)
        return {
            "grants": self._told(grants),
            "invitations": self._told(letters),
            "items": self._told(items),
            "lines": self._told(self._rows(lines.order_by(InvitationEvent.id))),
            "mails": self._told(mails_of),
            "audit": self._told(self._rows(told.order_by(AuditEvent.id))),
            "roster": self._told(self._rows(select(RosterRow).where(RosterRow.patient_id == own))),
        }

    def _rows(self, query: Any) -> list[Any]:
        return list(db.session.scalars(query))

    def _told(self, rows: list[Any]) -> list[dict[str, Any]]:
        return [
            {
                column.name: self._named(column.name, getattr(row, column.name))
                for column in row.__table__.columns
            }
            for row in rows
        ]

    def _named(self, column: str, value: Any) -> Any:
        if column in RANDOM | OWN:
            return value is not None
        match column:
            case "grant_id":
                return self._grants[value]
            case "invitation_id":
                return self._letters[value]
            case "data":
                return {
                    key: self._names.get(each, each) if isinstance(each, str) else each
                    for key, each in value.items()
                }
        return value


def dumps(patients: list[Patient]) -> list[dict[str, list[dict[str, Any]]]]:
    db.session.rollback()
    return [Dump(patient).all() for patient in patients]


def acted_by_set(kind: RunKind, house: House, patients: list[Patient], now: datetime) -> None:
    """As a worker does: those whom the set leaves out are acted upon alone."""
    with atomic():
        charts = lock_charts([patient.id for patient in patients])
        done = acts.act_by_set(
            kind, [*charts.values()], practice=house.practice, by=house.hand, now=now
        )
        assert set(charts) - set(done) == {patients[7].id}, "who moved gets another grant"
        for patient in patients:
            if patient.id not in done:
                acts.act(kind, patient, by=house.hand, now=now)


@pytest.mark.parametrize("kind", [RunKind.INVITE, RunKind.ENABLE])
def test_a_batch_writes_the_rows_that_single_acts_write(app, moment, kind: RunKind) -> None:
    one, by_one = make_practice("One by one")
    other, at_once = make_practice("All at once")
    if kind is RunKind.ENABLE:
        bare = [
            number
            for number, patient in enumerate(by_one)
            if access.current_grant(patient.id) is None
        ]
        by_one, at_once = [by_one[n] for n in bare], [at_once[n] for n in bare]
        assert 7 not in bare
    assert dumps(by_one) == dumps(at_once)
    before = dumps(by_one)
    now = moment.now
    for patient in by_one:
        acts.act(kind, patient, by=one.hand, now=now)
    if kind is RunKind.ENABLE:
        with atomic():
            charts = lock_charts([patient.id for patient in at_once])
            acts.act_by_set(
                kind, [*charts.values()], practice=other.practice, by=other.hand, now=now
            )
    else:
        acted_by_set(kind, other, at_once, now)
    single, together = dumps(by_one), dumps(at_once)
    for number, (this, that) in enumerate(zip(single, together, strict=True)):
        assert this == that, PASTS[number][0].__name__
    assert single != before
    if kind is RunKind.INVITE:
        waiting = [
            line["kind"] for dump in together for line in dump["lines"] if line["kind"] == "waiting"
        ]
        assert len(waiting) == 2, "two of three who share an address wait for the hour"
    for house in one, other:
        assert audit.first_broken_link(house.practice.id) is None
        assert roster.check(house.practice.id, moment.now) == []


@contextmanager
def counting() -> Iterator[list[str]]:
    said: list[str] = []

    def listen(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    yield said
    event.remove(db.engine, "before_cursor_execute", listen)


@pytest.mark.parametrize("kind", [RunKind.INVITE, RunKind.ENABLE])
def test_many_take_no_more_statements_than_a_few(app, moment, kind: RunKind) -> None:
    counted = []
    for number in 2, 12:
        house = make_house(f"Practice of {number}")
        for _ in range(number):
            make_patient(house)
        monkey = pytest.MonkeyPatch()
        monkey.setattr("portal.bulk.service.AT_ONCE", 0)
        run = begin(house, kind)
        monkey.undo()
        with counting() as said:
            worked = working.work_batch(run.public_id, now=moment.now)
        assert worked is not None
        assert worked.people == number
        counted.append(len(said))
    few, many = counted
    assert many <= few, "no statement is said for each person"


def the_items() -> list[tuple[str, str | None]]:
    db.session.rollback()
    rows = db.session.execute(select(BulkItem.state, BulkItem.reason).order_by(BulkItem.patient_id))
    return [(state, reason) for state, reason in rows]


@pytest.mark.parametrize(
    "poison", [RuntimeError("poison"), DataError("INSERT", {}, ValueError("poison"))]
)
def test_one_poisoned_person_sends_the_batch_one_by_one(
    app, moment, monkeypatch, poison: Exception
) -> None:
    """F12: everybody else is invited, once."""
    house = make_house()
    patients = [make_patient(house) for _ in range(4)]
    own = issuing._own

    def breaks(addressee, practice):
        if addressee.chart.id == patients[2].id:
            raise poison
        return own(addressee, practice)

    monkeypatch.setattr(issuing, "_own", breaks)
    run = begin(house, RunKind.INVITE)
    working.work_batch(run.public_id, now=moment.now)
    fine = ("mailing", None)
    assert the_items() == [fine, fine, ("failed", "cannot_act"), fine]
    assert access.current_grant(patients[2].id) is None, "nothing of it happened"
    invited = db.session.scalars(select(Invitation.patient_id)).all()
    assert sorted(invited) == [patients[0].id, patients[1].id, patients[3].id]
    told = select(AuditEvent.subject_id).where(AuditEvent.event == "access.enabled")
    assert sorted(db.session.scalars(told)) == sorted(invited), "nothing is told that did not"
    assert audit.first_broken_link(house.practice.id) is None
    assert roster.check(house.practice.id, moment.now) == []


def test_a_database_that_fails_as_a_whole_makes_nobody_a_failure(app, moment, monkeypatch) -> None:
    from sqlalchemy.exc import OperationalError

    house = make_house()
    make_patient(house)

    def breaks(*_: Any, **__: Any) -> None:
        raise OperationalError("INSERT", {}, ValueError("gone"))

    monkeypatch.setattr(by_set, "issue", breaks)
    run = begin(house, RunKind.INVITE)
    with pytest.raises(OperationalError):
        working.work_batch(run.public_id, now=moment.now)
    assert the_items() == [("waiting", None)]


def test_mails_that_are_put_off_leave_room_for_others(app, moment, monkeypatch) -> None:
    monkeypatch.setattr(working, "IN_FLIGHT", 2)
    house = make_house()
    for _ in range(6):
        make_patient(house)
    run = begin(house, RunKind.INVITE)
    for held in 2, 4, 6:
        worked = working.work_batch(run.public_id, now=moment.now)
        assert worked is not None
        assert worked.people == 2
        with atomic():
            later = moment.now + timedelta(minutes=10)
            db.session.execute(update(OutboxMessage).values(next_attempt_at=later))
        assert [state for state, _ in the_items()].count("mailing") == held


GROWS = (
    "SCAN patient", "SCAN invitation", "SCAN outbox_message", "SCAN access_grant", "SCAN bulk_item", "SCAN roster_row",
    "PRIMARY KEY (run_id=?)", "(practice_id=?)", "(purpose=?)", "birth_date<?",
)  # fmt: skip
"""Walks through all of a practice, of a run, or of what was ever mailed."""


@pytest.mark.sqlite_only
def test_no_statement_of_a_batch_walks_through_what_grows(app, moment) -> None:
    house = make_house()
    for _ in range(6):
        make_patient(house)
    run = begin(house, RunKind.INVITE)

    def work() -> None:
        with pytest.MonkeyPatch.context() as few:
            few.setattr(rules, "BATCH", 2)
            for _ in range(2):
                assert working.work_batch(run.public_id, now=moment.now)

    plans = plans_of(work)
    assert len(plans) > 20
    assert [plan for plan in plans if any(walk in plan[0] for walk in GROWS)] == []


def test_many_rows_that_the_database_refuses_say_so_as_one_does(app, moment) -> None:
    from sqlalchemy.exc import IntegrityError

    from portal.rows import insert_numbered

    house = make_house()
    patient = make_patient(house)
    chart = lock_charts([patient.id])[patient.id]
    for many in 2, 8:
        with pytest.raises(IntegrityError), atomic():
            rows = [access._values(chart, None, by=house.hand, now=moment.now) for _ in range(many)]
            insert_numbered(Grant, rows)
    assert access.current_grant(patient.id) is None
