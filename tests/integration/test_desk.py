"""Credentials handed over at the desk: once, for 72 hours, changed before anything is shown (3.5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import passwords
from portal.access import service as access
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.accounts import desk, suggested_passwords
from portal.accounts import service as accounts
from portal.accounts.models import AccountPerson
from portal.accounts.recovery_models import OneTimePassword
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.invitations import service as invitations
from portal.logons.models import Logon
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from portal.transaction import atomic
from tests.factories import PASSWORD, make_house, make_invitation, make_patient
from tests.resets import NEW, account_of, make_active, send_reset

DESK = "bamo-teki-runa-sofe-lidu"
CLIENT = "203.0.113.7"


@pytest.fixture
def house(app, moment):
    return make_house()


@pytest.fixture
def jenny(house) -> Patient:
    return make_patient(house, email=None)


def hand_over(house, patient: Patient, moment, **more: object) -> desk.HandedOver:
    account = accounts.holder_of(patient.id)
    typed = {
        "username": "jenny.h",
        "password": DESK,
        "account": account.public_id if account else "",
        "identity_checked": True,
    }
    return desk.hand_over(
        patient=db.session.get_one(Patient, patient.id),
        credentials=desk.Credentials(**(typed | more)),  # type: ignore[arg-type]
        by=practices.actor(house.administrator),
        now=moment.now,
    )


def status(patient: Patient, moment) -> Status:
    db.session.rollback()
    patient = db.session.get_one(Patient, patient.id)
    return access.status_of(patient, access.current_grant(patient.id), now=moment.now)


def log_on(moment, password: str = DESK, username: str = "jenny.h") -> str:
    account = accounts.authenticate(
        identifier=username, password=password, client=CLIENT, now=moment.now
    )
    return accounts.log_on(account=account, client=CLIENT, now=moment.now)


def choose(patient: Patient, moment, password: str = NEW) -> str:
    return desk.choose_password(
        account=account_of(patient), password=password, client=CLIENT, now=moment.now
    )


def test_it_makes_the_account_gives_access_and_turns_orange_then_green(
    house, jenny, moment
) -> None:
    handed = hand_over(house, jenny, moment)
    assert handed.enabled
    assert handed.expires_at == moment.now + timedelta(hours=72)
    assert status(jenny, moment) is Status.INVITED
    account = account_of(jenny)
    assert (account.username, account.first_name, account.email) == ("jenny.h", "Jenny", "")
    log_on(moment)
    assert status(jenny, moment) is Status.INVITED, "not before the password is changed"
    choose(jenny, moment)
    assert status(jenny, moment) is Status.ACTIVE
    assert log_on(moment, NEW)
    link = db.session.scalars(select(AccountPerson)).one()
    assert link.provider_id == house.provider.id
    assert first_broken_link(house.practice.id) is None


def test_it_is_told_to_the_audit_trail_with_the_attestation(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    event = db.session.scalars(
        select(AuditEvent).where(AuditEvent.event == "account.credentials_handed_over")
    ).one()
    assert event.actor_name == "Ada Admin"
    assert event.data["identity_checked"] is True
    assert event.data["hours"] == 72
    assert DESK not in repr(event.data)


def test_without_the_attestation_nothing_happens(house, jenny, moment) -> None:
    with pytest.raises(Refused, match="not_attested"):
        hand_over(house, jenny, moment, identity_checked=False)
    assert accounts.holder_of(jenny.id) is None
    assert access.current_grant(jenny.id) is None


def test_it_works_once(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    log_on(moment)
    with pytest.raises(Refused, match="wrong"):
        log_on(moment)


def test_two_at_the_same_moment_are_one(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    account = accounts.authenticate(
        identifier="jenny.h", password=DESK, client=CLIENT, now=moment.now
    )
    accounts.log_on(account=account, client=CLIENT, now=moment.now)
    with pytest.raises(Refused, match="wrong"):
        accounts.log_on(account=account, client=CLIENT, now=moment.now)


def test_it_works_for_72_hours(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    moment.pass_(hours=72)
    with pytest.raises(Refused, match="wrong"):
        log_on(moment)
    moment.pass_(microseconds=-1)
    assert log_on(moment)


def test_a_new_one_replaces_a_spent_one(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    log_on(moment)
    moment.pass_(minutes=5)
    hand_over(house, jenny, moment, password="kamo-feru-bide-josa-nuve")
    with pytest.raises(Refused, match="wrong"):
        log_on(moment)
    assert log_on(moment, "kamo-feru-bide-josa-nuve")


def test_a_log_on_of_before_cannot_choose_over_a_newer_one(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    log_on(moment)
    moment.pass_(minutes=5)
    hand_over(house, jenny, moment, password="kamo-feru-bide-josa-nuve")
    with pytest.raises(Refused, match="no_chart"):
        choose(jenny, moment)


def test_the_same_password_again_is_no_change(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    log_on(moment)
    with pytest.raises(Refused, match="same"):
        choose(jenny, moment, DESK)


def test_choosing_starts_a_new_log_on_and_ends_the_old(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    log_on(moment)
    choose(jenny, moment)
    logons = db.session.scalars(select(Logon).order_by(Logon.id)).all()
    assert [logon.end_reason for logon in logons] == ["password_changed", None]


def test_it_dies_with_the_grant_and_does_not_come_back_with_another(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    grant = access.current_grant(jenny.id)
    access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)
    with pytest.raises(Refused, match="no_chart"):
        log_on(moment)
    patient = db.session.get_one(Patient, jenny.id)
    access.enable(patient=patient, by=house.hand, now=moment.now)
    with pytest.raises(Refused, match="no_chart"):
        log_on(moment)


def test_access_that_ends_between_log_on_and_change(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    log_on(moment)
    grant = access.current_grant(jenny.id)
    access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)
    assert db.session.scalars(select(Logon.end_reason)).all()[-1] == "access_ended"
    with pytest.raises(Refused, match="no_chart"):
        choose(jenny, moment)


def test_for_an_active_patient_it_ends_log_ons_and_resets_and_is_told(app, house, moment) -> None:
    patient = make_active(app, house, email="jenny@example.com")
    send_reset(house, patient)
    handed = hand_over(house, patient, moment)
    assert not handed.enabled
    assert status(patient, moment) is Status.ACTIVE, "green stays green"
    reasons = db.session.scalars(select(Logon.end_reason).where(Logon.side == "portal")).all()
    assert reasons == ["password_set"]
    with pytest.raises(Refused, match="wrong"):
        log_on(moment, PASSWORD)
    told = db.session.scalars(
        select(OutboxMessage.address).where(OutboxMessage.purpose == "password_set")
    ).all()
    assert told == ["jenny@example.com"]
    states = db.session.execute(db.text("SELECT state FROM password_reset")).scalars().all()
    assert states == ["replaced"]
    log_on(moment)
    choose(patient, moment)
    assert status(patient, moment) is Status.ACTIVE


def test_an_open_invitation_is_void_then(house, moment) -> None:
    patient = make_patient(house)
    invitation = make_invitation(house, patient)
    hand_over(house, patient, moment)
    db.session.refresh(invitation)
    assert invitation.state == "voided"


def test_an_invitation_may_follow_and_who_chooses_first_is_in(house, moment) -> None:
    patient = make_patient(house)
    hand_over(house, patient, moment)
    sent = invitations.send(
        patient=db.session.get_one(Patient, patient.id), by=house.hand, now=moment.now
    )
    assert sent is not None
    log_on(moment)
    choose(patient, moment)
    db.session.refresh(sent)
    assert sent.state == "voided"


def test_an_account_of_two_practices_is_refused(app, house, moment) -> None:
    patient = make_active(app, house)
    other = make_patient(make_house("Other Clinic"))
    with atomic():
        db.session.add(
            AccountPerson(
                account_id=accounts.holder_of(patient.id).id,
                patient_id=other.id,
                practice_id=other.practice_id,
                relationship_="self",
                linked_at=moment.now,
            )
        )
    with pytest.raises(Refused, match="other_practice"):
        hand_over(house, patient, moment)
    assert passwords.matches(PASSWORD, account_of(patient).password_hash)


@pytest.mark.parametrize("values", [{"deceased": True}, {"end_date": True}])
def test_an_ended_chart_is_refused(house, jenny, moment, values) -> None:
    if "end_date" in values:
        values = {"end_date": moment.now.date()}
    people.edit(patient=jenny, values=values, by=house.hand, now=moment.now)
    with pytest.raises(Refused, match=r"deceased|end_dated"):
        hand_over(house, jenny, moment)
    assert accounts.holder_of(jenny.id) is None, "nothing half done"


def test_an_ended_chart_under_an_open_grant_is_refused(house, jenny, moment) -> None:
    access.enable(patient=jenny, by=house.hand, now=moment.now)
    people.edit(patient=jenny, values={"deceased": True}, by=house.hand, now=moment.now)
    with pytest.raises(Refused, match="deceased"):
        hand_over(house, jenny, moment)
    assert accounts.holder_of(jenny.id) is None


def test_names_and_passwords_by_their_rules(app, house, jenny, moment) -> None:
    make_active(app, house, username="taken.name")
    with pytest.raises(Refused, match="username_taken"):
        hand_over(house, jenny, moment, username="taken.name")
    with pytest.raises(Refused, match="username_shape"):
        hand_over(house, jenny, moment, username="a@b")
    with pytest.raises(Refused, match="password_too_short"):
        hand_over(house, jenny, moment, password="short")
    with pytest.raises(Refused, match="password_common"):
        hand_over(house, jenny, moment, password="passwordpassword")


def test_another_account_than_the_one_shown(app, house, moment) -> None:
    patient = make_active(app, house)
    with pytest.raises(Stale):
        hand_over(house, patient, moment, account="")


def test_the_password_stands_nowhere_in_clear(house, jenny, moment) -> None:
    hand_over(house, jenny, moment)
    for table in db.metadata.sorted_tables:
        assert DESK not in repr(db.session.execute(select(table)).all()), table.name


def test_it_opens_no_invitation_s_door(house, jenny, moment) -> None:
    from portal.accounts import sign_up
    from portal.audit.actor import system

    hand_over(house, jenny, moment)
    invitation = make_invitation(house, make_patient(house, given_name="Sam"))
    with pytest.raises(Refused, match="one_time"):
        sign_up.begin_linking(
            invitation=invitation,
            handle="handle",
            account=account_of(jenny),
            by=system(),
            now=moment.now,
        )


def test_suggestions_are_different_and_pass_the_rules(app) -> None:
    made = {suggested_passwords.suggest(known=("Jenny", "Harris")) for _ in range(200)}
    assert len(made) == 200
    assert all(passwords.problem(text, context=("Jenny",)) is None for text in made)


def test_one_row_per_account(house, jenny, moment) -> None:
    for minutes in range(3):
        moment.pass_(minutes=minutes)
        hand_over(house, jenny, moment)
    assert len(db.session.scalars(select(OneTimePassword)).all()) == 1
