"""The database and the rules judge everybody alike, and everybody stands in exactly one place (7.1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from portal import clock
from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.bulk import preview as previews
from portal.bulk.facts import facts_of, judged, reasons_of
from portal.bulk.people import passed_over
from portal.bulk.preview import Scope, moment_of
from portal.bulk.rules import REASONS, reason_for
from portal.bulk.states import RunKind, RunScope, SkipReason
from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.people.models import BlockedAddress, Patient
from portal.practices import service as practices
from portal.practices.models import Provider, Role, StaffMember
from portal.transaction import atomic
from tests.factories import PASSWORD, SETUP, House, make_house, make_patient

PEOPLE = 6

person = st.fixed_dictionaries(
    {
        "provider": st.sampled_from(["who", "what", "alone", None]),
        "end": st.sampled_from([None, None, -1, 0, 1]),
        "death": st.sampled_from([None, None, None, "undated", -1, 0, 1]),
        "grant": st.sampled_from([None, None, "ready", "invited", "active", "existing"]),
        "ended": st.sampled_from([None, None, *EndReason]),
        "was_active": st.booleans(),
        "invited_hours": st.sampled_from([None, 1, 23, 24, 25, 1000]),
        "invitation": st.sampled_from(["prepared", "live", "replaced", "failed", "voided"]),
        "opted_out": st.sampled_from([False, False, True]),
        "email": st.sampled_from([None, "", "x@one.org", "x@one.org", "y@one.org", "é@one.org", "@", "no", "a@"]),
        "ssn": st.booleans(),
        "age": st.sampled_from([None, 0, 17, 18, 40]),
        "phone": st.booleans(),
        "blocked": st.sampled_from([False, False, True]),
        "bounced": st.sampled_from([False, False, True]),
        "flagged": st.sampled_from([False, False, True]),
    }
)  # fmt: skip


class Cast:
    """A practice whose few patients are made over and over again."""

    def __init__(self, house: House) -> None:
        self.house, self.now = house, clock.now()
        practice = house.practice
        self.at = moment_of(practice, self.now)
        self.providers: dict[str | None, int | None] = {"who": house.provider.id, None: None}
        for name, shares in (("what", True), ("alone", False)):
            made = practices.add_provider(
                practice=practice,
                name=name,
                shares_patients=shares,
                staff=None,
                by=SETUP,
                now=self.now,
            )
            self.providers[name] = made.id
        self.patients = [make_patient(house) for _ in range(PEOPLE)]
        self.ids = [patient.id for patient in self.patients]
        self.blank_ssn = [patient.ssn_sealed for patient in self.patients]

    def play(self, people: list[dict[str, Any]]) -> None:
        with atomic():
            for table in (InvitationEvent, Invitation, Grant, BlockedAddress):
                db.session.execute(delete(table))
            for number, told in zip(self.ids, people, strict=True):
                self._be(number, told)

    def _be(self, number: int, told: dict[str, Any]) -> None:
        at, now, death = self.at, self.now, told["death"]
        day = lambda n: None if n is None else at.today + timedelta(days=n)  # noqa: E731
        born = (
            at.today.replace(year=at.today.year - told["age"]) if told["age"] is not None else None
        )
        db.session.execute(
            update(Patient)
            .where(Patient.id == number)
            .values(
                provider_id=self.providers[told["provider"]],
                end_date=day(told["end"]),
                deceased=death is not None,
                deceased_on=None if death in {None, "undated"} else day(death),
                opted_out_at=now if told["opted_out"] else None,
                email=told["email"],
                email_key=told["email"],
                ssn_sealed=b"x" if told["ssn"] else None,
                birth_date=born,
                email_bounced_at=now if told["bounced"] else None,
                email_flagged=told["flagged"],
            )
        )
        if told["blocked"] and told["email"] is not None:
            db.session.add(
                BlockedAddress(patient_id=number, email_key=told["email"], blocked_at=now)
            )
        self._grants(number, told)

    def _grants(self, number: int, told: dict[str, Any]) -> None:
        now = self.now
        blank = {
            "practice_id": self.house.practice.id,
            "patient_id": number,
            "enabled_by_name": "T",
        }
        if told["ended"] is not None:
            then = now - timedelta(days=9) if told["was_active"] else None
            db.session.add(
                Grant(**blank, enabled_at=now - timedelta(days=9), activated_at=then, first_logon_at=then,
                      ended_at=now - timedelta(days=8), ended_by_name="T", end_reason=told["ended"].value)
            )  # fmt: skip
        if told["grant"] is None:
            return
        active, existing = told["grant"] == "active", told["grant"] == "existing"
        grant = Grant(
            **blank,
            enabled_at=now - timedelta(days=2),
            invited_at=None if told["grant"] == "ready" else now,
            activated_at=now if active else None,
            first_logon_at=now if active else None,
            existing_account_since=now if existing else None,
        )
        db.session.add(grant)
        db.session.flush()
        if told["invited_hours"] is not None:
            then = now - timedelta(hours=told["invited_hours"])
            db.session.add(
                Invitation(practice_id=self.house.practice.id, patient_id=number, grant_id=grant.id,
                           state=told["invitation"], origin="staff", email="x", language="en", inviter_name="T",
                           nonce="n", token_hash=f"{number}", issued_at=then, expires_at=now, identity_failures=0)
            )  # fmt: skip


@pytest.fixture
def cast(app, moment) -> Cast:
    return Cast(make_house())


@pytest.mark.parametrize("role", ["administrator", "provider_member"])
def test_the_database_and_the_rules_agree_and_nobody_is_lost(cast: Cast, role: str) -> None:
    staff: StaffMember = getattr(cast.house, role)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.lists(person, min_size=PEOPLE, max_size=PEOPLE))
    def holds(people: list[dict[str, Any]]) -> None:
        cast.play(people)
        facts = facts_of(cast.ids, staff=staff, at=cast.at)
        for kind in RunKind:
            rows = dict(db.session.execute(judged(kind, staff=staff, at=cast.at)).all())
            ruled = {number: reason_for(kind, facts[number], cast.at) for number in cast.ids}
            assert rows == ruled == reasons_of(kind, cast.ids, staff=staff, at=cast.at)
            scope = Scope(RunScope.PRACTICE, staff)
            counted = previews.make(kind, scope, now=cast.now)
            inside = [number for number in cast.ids if facts[number].in_scope]
            assert counted.total == len(inside) == counted.eligible + sum(counted.reasons.values())
            assert counted.eligible == sum(ruled[number] is None for number in inside)
            for reason, number in counted.reasons.items():
                found = passed_over(kind, scope, reason, after=None, now=cast.now)
                assert len(found.lines) == number
            assert list(counted.reasons) == [r for r in REASONS[kind] if r in counted.reasons]
        db.session.rollback()

    holds()


def test_dr_who_reaches_exactly_the_patients_of_those_who_share(cast: Cast) -> None:
    house = cast.house
    fine = {"end": None, "death": None, "grant": None, "ended": None, "was_active": False, "invited_hours": None,
            "invitation": "live", "opted_out": False, "ssn": True, "age": 40, "phone": True, "blocked": False,
            "bounced": False, "flagged": False}  # fmt: skip
    owners = ["who", "what", "alone", None, "what", "alone"]
    cast.play(
        [fine | {"provider": owner, "email": f"p{n}@one.org"} for n, owner in enumerate(owners)]
    )

    def reached(staff: StaffMember) -> list[str | None]:
        rows = db.session.execute(judged(RunKind.INVITE, staff=staff, at=cast.at)).all()
        found = {number for number, reason in rows if reason is None}
        assert {reason for _, reason in rows} <= {None, SkipReason.OUTSIDE_SCOPE}
        return [owner for number, owner in zip(cast.ids, owners, strict=True) if number in found]

    assert reached(house.provider_member) == ["who", "what", "what"]
    assert reached(house.administrator) == owners
    with atomic():
        db.session.execute(
            update(Provider).where(Provider.name == "what").values(shares_patients=False)
        )
    assert reached(house.provider_member) == ["who"]
    nobody = practices.add_staff(
        practice=house.practice, email="new@example.com", name="New", role=Role.PROVIDER,
        password=PASSWORD, by=SETUP, now=cast.now,
    )  # fmt: skip
    assert reached(nobody) == ["who"], "Dr. Who shares with everybody"


def test_a_real_history_is_judged_too(cast: Cast, moment) -> None:
    patient = cast.patients[0]
    grant = access.enable(patient=patient, by=cast.house.hand, now=moment.now)
    access.end(grant=grant, reason=EndReason.DISABLED, by=cast.house.hand, now=moment.now)
    scope = Scope(RunScope.PRACTICE, cast.house.administrator)
    assert previews.make(RunKind.ENABLE, scope, now=moment.now).reasons == {
        SkipReason.ENDED_BY_PERSON: 1
    }
