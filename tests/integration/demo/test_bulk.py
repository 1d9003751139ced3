"""Patients by the set are as consistent as if the services had made each of them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal import clock, tokens
from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.access.rules import Obstacle, Status
from portal.accounts import service as accounts
from portal.accounts.models import AccountPerson
from portal.attention import service as attention
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.demo import bulk, service
from portal.demo.fates import STATUS, Fate
from portal.demo.founding import HAND
from portal.demo.people import SIXTY
from portal.demo.service import Made
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState
from portal.mail.models import OutboxMessage
from portal.mail.rules import SETTLED
from portal.people import rules, search
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from tests.conftest import Moment

PASSWORD = "a quiet orchard in late november"
MANY = 500


@pytest.fixture
def made(app: Flask, moment: Moment, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Five hundred in three chunks; of the sixty, whose history takes its time, only Jenny Harris."""
    monkeypatch.setattr(bulk, "CHUNK", 200)
    monkeypatch.setattr(service, "SIXTY", SIXTY[:1])
    return service.make(password=PASSWORD, now=moment.now, patients=MANY)


def those_by_set() -> list[Patient]:
    """Without those whose history the services have made."""
    return list(
        db.session.scalars(
            select(Patient)
            .where(func.length(Patient.record_number) > len("FP-1001"))
            .order_by(Patient.id)
        )
    )


def test_statuses_by_the_rules_are_those_intended(made: Made, moment: Moment) -> None:
    now = moment.now
    home = practices.get_practice("Family Practice")
    total = select(func.count()).where(Patient.practice_id == home.id)
    assert db.session.scalar(total) == made.patients == MANY
    patients = those_by_set()
    assert len(patients) == made.fates.total() == MANY - 1
    assert set(made.fates) == set(Fate), "five hundred meet every fate"
    intended: Counter[Status] = Counter()
    for fate, many in made.fates.items():
        intended[STATUS[fate]] += many
    found = access.statuses(patients, now=now)
    assert Counter(found.values()) == intended
    for patient in patients:
        open_grants = [grant for grant in access.history(patient.id) if grant.ended_at is None]
        assert len(open_grants) == (found[patient.id] is not Status.NOT_ENABLED)
        assert (accounts.holder_of(patient.id) is not None) or found[patient.id] != Status.ACTIVE
    reasons = Counter(
        db.session.scalars(
            select(Grant.end_reason).where(
                Grant.end_reason.is_not(None), Grant.patient_id >= patients[0].id
            )
        )
    )
    assert reasons == {
        EndReason.REVOKED: made.fates[Fate.REVOKED],
        EndReason.DISABLED: made.fates[Fate.DISABLED] + made.fates[Fate.BACK],
        EndReason.IDENTITY_LOCKED: made.fates[Fate.LOCKED],
        EndReason.NOT_ME: made.fates[Fate.NOT_ME],
        EndReason.END_DATED: made.fates[Fate.LEFT],
        EndReason.DECEASED: made.fates[Fate.DIED],
    }
    charts = Counter(
        fact
        for patient in patients
        for fact in ("end_date", "deceased_on", "opted_out_at", "email_bounced_at")
        if getattr(patient, fact)
    )
    assert charts["end_date"] == made.fates[Fate.LEFT]
    assert charts["deceased_on"] == made.fates[Fate.DIED]
    assert min(charts["opted_out_at"], charts["email_bounced_at"]) > 0
    assert access.end_overdue(by=HAND, now=now) == 0, "the sweep finds nothing left to do"


def test_charts_hold_what_the_services_would_have_written(made: Made, moment: Moment) -> None:
    now = moment.now
    for patient in those_by_set()[::5]:
        same = people.blank(practice_id=patient.practice_id, now=now)
        same.public_id = patient.public_id
        ssn = people.ssn_of(patient)
        people.write(
            same,
            {
                "given_name": patient.given_name,
                "family_name": patient.family_name,
                "preferred_name": patient.preferred_name,
                "email": patient.email,
                "ssn": ssn,
            },
            now=now,
        )
        assert same.sort_name == patient.sort_name
        assert {word.word for word in same.search_words} == {
            word.word for word in patient.search_words
        }
        assert (same.email_key, same.email_flagged) == (patient.email_key, patient.email_flagged)
        assert same.ssn_match == patient.ssn_match
        assert [phone.position for phone in patient.phones] == list(range(len(patient.phones)))
        for phone in patient.phones:
            assert rules.parse_phone(phone.e164).e164 == phone.e164


def test_search_finds_each_of_them(made: Made, moment: Moment) -> None:
    patients = those_by_set()[::40]
    assert len(patients) > 10
    for patient in patients:
        wanted = [f"{patient.family_name} {patient.given_name}", patient.record_number]
        wanted += [patient.email] if patient.email else []
        for text in wanted:
            page = search.page(practice_id=patient.practice_id, text=text, now=moment.now, size=500)
            assert patient.id in {found.id for found in page.patients}, text


def test_invitations_are_real_ones(made: Made, moment: Moment) -> None:
    now = moment.now
    by_set = those_by_set()
    first = by_set[0].id
    rows = db.session.scalars(select(Invitation).where(Invitation.patient_id >= first)).all()
    states = Counter(invitations.state_of_link(row, now=now) for row in rows)
    assert states[LinkState.OPEN] == made.fates[Fate.INVITED]
    assert states[LinkState.EXPIRED] == made.fates[Fate.EXPIRED]
    for row in rows[::10]:
        assert invitations.find_by_token(tokens.link_token(row.nonce)) == row
        day = clock.local_date(row.issued_at, "America/New_York") + timedelta(days=7)
        assert row.expires_at == clock.end_of_day(day, "America/New_York")
        kinds = [line.kind for line in timeline.of_grant(row.grant_id)]
        assert "queued" in kinds
        assert row.state != "used" or {"accepted", "registered", "first_logon"} <= set(kinds)
    for patient in by_set:
        newest = [row for row in rows if row.patient_id == patient.id and row.state == "live"]
        if newest:
            assert set(invitations.obstacles_of(patient, now=now)) <= {Obstacle.OPTED_OUT}


def test_an_account_by_set_can_log_on(made: Made, moment: Moment) -> None:
    now = moment.now
    link = db.session.scalars(
        select(AccountPerson)
        .join(Grant, (Grant.patient_id == AccountPerson.patient_id) & Grant.ended_at.is_(None))
        .where(AccountPerson.patient_id >= those_by_set()[0].id)
    ).first()
    assert link is not None
    account = accounts.authenticate(
        identifier=link.account.username, password=PASSWORD, client="192.0.2.1", now=now
    )
    assert accounts.log_on(account=account, client="192.0.2.1", now=now)


def test_life_goes_on_afterwards(made: Made, moment: Moment) -> None:
    now = moment.now
    home = practices.get_practice("Family Practice")
    assert first_broken_link(home.id) is None
    events = db.session.scalars(select(AuditEvent).where(AuditEvent.event == "demo.made")).all()
    assert [event.data for event in events] == [{"patients": MANY}]
    assert set(db.session.scalars(select(OutboxMessage.state).distinct())) <= set(SETTLED)
    assert attention.open_items(practice_id=home.id)
    highest = those_by_set()[-1].id
    hand = practices.actor(practices.get_staff_by_email("frontdesk@example.com"))
    new = people.add(
        practice=home,
        values={
            "given_name": "New",
            "family_name": "Comer",
            "email": "new@example.org",
            "ssn": "900011234",
        },
        by=hand,
        now=now,
    )
    invitation = invitations.enable_and_invite(patient=new, by=hand, now=now)
    assert invitation is not None
    assert new.id > highest
