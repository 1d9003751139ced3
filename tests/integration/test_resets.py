"""Reset links: who gets one, what kills it, and what it is worth (3.5, 3.7; faults.md 13, 22)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.accounts import email_codes, reset_mail, reset_passwords, resets
from portal.accounts.models import EmailConfirmation, PortalAccount
from portal.accounts.recovery_models import AccountEvent, PasswordReset, PendingReset
from portal.accounts.rules import ResetLink
from portal.attention import service as attention
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.identity.rules import SsnClaim, Verdict
from portal.mail.models import OutboxMessage, OutboxState
from portal.mail.registry import Outcome
from portal.people import service as people
from portal.people.models import Patient
from portal.transaction import atomic
from tests.factories import PASSWORD, make_house, make_patient
from tests.resets import (
    NEW,
    account_of,
    mails_of,
    make_active,
    send_reset,
    settle_reset_mail,
)

RIGHT, WRONG = SsnClaim("536904399"), SsnClaim("536904398")
BY = Actor(ActorKind.LINK, None, "Holder of the reset link", "203.0.113.7")


@pytest.fixture
def house(app, moment):
    return make_house()


@pytest.fixture
def jenny(app, house) -> Patient:
    return make_active(app, house, email="jenny@example.com")


def state(reset: PasswordReset, moment) -> ResetLink:
    db.session.rollback()
    return resets.state_of_link(reset, now=moment.now)


def choose(reset: PasswordReset, moment, handle: str = "handle") -> None:
    reset_passwords.begin(reset=reset, handle=handle, password=NEW, by=BY, now=moment.now)


def prove(moment, claim: SsnClaim = RIGHT, handle: str = "handle") -> Verdict:
    return reset_passwords.finish(
        handle=handle, claim=claim, client="203.0.113.7", by=BY, now=moment.now
    )


def kinds(patient: Patient) -> list[str]:
    db.session.rollback()
    query = select(AccountEvent.kind).order_by(AccountEvent.id)
    return list(db.session.scalars(query))


def change_email(house, patient: Patient, moment, email: str) -> None:
    people.edit(
        patient=patient,
        values={"email": email},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )


def test_the_hour_begins_when_the_mail_server_has_the_mail(house, jenny, moment) -> None:
    reset = send_reset(house, jenny, accepted=False)
    moment.pass_(minutes=45)
    settle_reset_mail(reset)
    moment.pass_(minutes=59)
    assert state(reset, moment) is ResetLink.OPEN
    moment.pass_(minutes=1)
    assert state(reset, moment) is ResetLink.EXPIRED


def test_a_mail_that_waits_does_not_use_the_hour_up(house, jenny, moment) -> None:
    reset = send_reset(house, jenny, accepted=False)
    later = moment.now + timedelta(hours=3)
    settle_reset_mail(reset, Outcome(state=OutboxState.QUEUED, next_attempt_at=later))
    assert reset_mail.compose(mails_of(reset)[0], now=later) is not None
    moment.pass_(hours=3, minutes=59)
    assert state(reset, moment) is ResetLink.OPEN


def test_a_day_old_reset_is_not_mailed_any_more(house, jenny, moment) -> None:
    message = mails_of(send_reset(house, jenny, accepted=False))[0]
    moment.pass_(hours=24)
    assert reset_mail.compose(message, now=moment.now) is None
    assert not reset_mail.is_wanted(message, now=moment.now)


def test_the_mail_s_link_is_the_row_s(app, house, jenny, moment) -> None:
    reset = send_reset(house, jenny)
    with app.test_request_context():
        composed = reset_mail.compose(mails_of(reset)[0], now=moment.now)
    assert composed is not None
    link = composed.text.split("http://127.0.0.1:8000/r/")[1].split()[0]
    found = resets.find_by_token(link)
    assert found is not None
    assert found.id == reset.id
    assert link not in repr(db.session.execute(select(PasswordReset.__table__)).all())
    assert "Harris" not in composed.text


def test_passing_the_check_changes_the_password_and_ends_every_logon(
    app, house, jenny, moment
) -> None:
    old = account_of(jenny).password_hash
    reset = send_reset(house, jenny)
    choose(reset, moment)
    assert account_of(jenny).password_hash == old, "nothing before the second lock"
    assert prove(moment) is Verdict.PASSED
    account = account_of(jenny)
    assert account.password_hash != old
    assert state(reset, moment) is ResetLink.USED
    logons = db.session.execute(
        db.text("SELECT ended_at, end_reason FROM logon WHERE side='portal'")
    )
    assert [row.end_reason for row in logons] == ["password_changed"]
    notice = db.session.scalar(
        select(OutboxMessage).where(OutboxMessage.purpose == "password_changed")
    )
    assert notice is not None
    assert notice.address == "jenny@example.com"
    with pytest.raises(Refused, match="pending_gone"):
        prove(moment)


def test_five_failures_lock_the_reset_and_tell_staff(house, jenny, moment) -> None:
    reset = send_reset(house, jenny)
    choose(reset, moment)
    assert [prove(moment, WRONG) for _ in range(5)] == [Verdict.FAILED] * 4 + [Verdict.LOCKED]
    assert state(reset, moment) is ResetLink.LOCKED
    with pytest.raises(Refused, match="locked"):
        prove(moment, RIGHT)
    items = attention.open_items(practice_id=house.practice.id)
    assert [item.kind for item in items] == ["identity_locked"]
    grant = access.current_grant(jenny.id)
    assert grant is not None, "the account itself is not locked out"
    send_reset(house, db.session.get_one(Patient, jenny.id))
    assert attention.open_items(practice_id=house.practice.id) == []


def test_the_limit_per_patient_spans_resets(house, jenny, moment) -> None:
    for _ in range(2):
        reset = send_reset(house, db.session.get_one(Patient, jenny.id))
        choose(reset, moment)
        for _ in range(5):
            prove(moment, WRONG)
        moment.pass_(hours=2)  # the limits per number and client have a window of an hour
    choose(send_reset(house, db.session.get_one(Patient, jenny.id)), moment)
    assert prove(moment, RIGHT) is Verdict.THROTTLED


def test_one_browser_s_check_never_takes_another_one_s_password(house, jenny, moment) -> None:
    reset = send_reset(house, jenny)
    reset_passwords.begin(
        reset=reset, handle="thief", password="a thief is not so easily", by=BY, now=moment.now
    )
    with pytest.raises(Refused, match="pending_gone"):
        prove(moment, handle="patient")
    choose(reset, moment, handle="patient")
    assert prove(moment, handle="patient") is Verdict.PASSED
    from portal import passwords

    assert passwords.matches(NEW, account_of(jenny).password_hash)
    assert db.session.scalars(select(PendingReset)).all() == []


def test_what_was_typed_dies_after_half_an_hour(house, jenny, moment) -> None:
    choose(send_reset(house, jenny), moment)
    moment.pass_(minutes=30)
    with pytest.raises(Refused, match="pending_gone"):
        prove(moment)
    assert reset_passwords.forget_stale(now=moment.now) == 1


def test_a_newer_reset_kills_the_older(house, jenny, moment) -> None:
    first = send_reset(house, jenny)
    choose(first, moment)
    moment.pass_(minutes=1)
    second = send_reset(house, db.session.get_one(Patient, jenny.id))
    assert state(first, moment) is ResetLink.REPLACED
    assert state(second, moment) is ResetLink.OPEN
    with pytest.raises(Refused, match="replaced"):
        prove(moment)


def test_a_form_sent_twice_sends_one_mail(house, jenny, moment) -> None:
    sent = [
        resets.send(
            patient=db.session.get_one(Patient, jenny.id),
            replaces="",
            expect_address="jenny@example.com",
            by=house.hand,
            now=moment.now,
        ).id
        for _ in range(2)
    ]
    assert len(set(sent)) == 1
    assert len(mails_of(db.session.get_one(PasswordReset, sent[0]))) == 1


def test_a_hundred_resets_are_one_live_link_and_three_mails_an_hour(house, jenny, moment) -> None:
    for _ in range(100):
        moment.pass_(seconds=1)
        send_reset(house, db.session.get_one(Patient, jenny.id), accepted=False)
    live = db.session.scalars(select(PasswordReset).where(PasswordReset.state == "open")).all()
    assert len(live) == 1
    queued = db.session.scalars(
        select(OutboxMessage).where(
            OutboxMessage.purpose == resets.PURPOSE, OutboxMessage.state == "queued"
        )
    ).all()
    assert len(queued) == 1, "the others were taken back before they went out"


def test_the_fourth_mail_in_an_hour_waits_and_its_link_lasts(house, jenny, moment) -> None:
    for _ in range(2):  # the invitation was the first
        moment.pass_(minutes=1)
        send_reset(house, db.session.get_one(Patient, jenny.id))
    moment.pass_(minutes=1)
    reset = send_reset(house, db.session.get_one(Patient, jenny.id), accepted=False)
    message = mails_of(reset)[0]
    assert message.next_attempt_at > moment.now + timedelta(minutes=50)
    assert "reset_waiting" in kinds(jenny)
    moment.now = message.next_attempt_at
    settle_reset_mail(reset)
    moment.pass_(minutes=59)
    assert state(reset, moment) is ResetLink.OPEN


def test_it_dies_with_the_grant(house, jenny, moment) -> None:
    reset = send_reset(house, jenny, accepted=False)
    choose(reset, moment)
    grant = access.current_grant(jenny.id)
    assert grant is not None
    access.end(grant=grant, reason=EndReason.DISABLED, by=house.hand, now=moment.now)
    assert state(reset, moment) is ResetLink.REVOKED
    assert mails_of(reset)[0].state == "cancelled"
    with pytest.raises(Refused, match="revoked"):
        prove(moment)


def test_it_dies_at_the_end_date_without_waiting_for_the_sweep(house, jenny, moment) -> None:
    reset = send_reset(house, jenny)
    people.edit(
        patient=jenny, values={"end_date": moment.now.date()}, by=house.hand, now=moment.now
    )
    assert state(reset, moment) is ResetLink.REVOKED


def test_it_dies_when_the_email_on_file_changes(house, jenny, moment) -> None:
    reset = send_reset(house, jenny)
    choose(reset, moment)
    change_email(house, jenny, moment, "new@example.com")
    assert state(reset, moment) is ResetLink.REVOKED
    with pytest.raises(Refused, match="revoked"):
        prove(moment)


def test_after_an_email_change_resets_wait_a_day_and_for_the_code(house, jenny, moment) -> None:
    change_email(house, jenny, moment, "new@example.com")
    moment.pass_(hours=23, minutes=59)
    jenny = db.session.get_one(Patient, jenny.id)
    with pytest.raises(Refused, match="reset_waits"):
        send_reset(house, jenny)
    moment.pass_(minutes=1)
    with pytest.raises(Refused, match="email_unconfirmed"):
        send_reset(house, jenny)
    account = account_of(jenny)
    email_codes.resend(
        account=account, practice_id=house.practice.id, now=moment.now, patient=jenny
    )
    _confirm(jenny, moment)
    reset = send_reset(house, db.session.get_one(Patient, jenny.id))
    assert reset.email == "new@example.com"
    account = account_of(jenny)
    assert (account.email, account.email_confirmed_at) == ("new@example.com", moment.now)


def test_the_code_alone_does_not_shorten_the_day(house, jenny, moment) -> None:
    change_email(house, jenny, moment, "new@example.com")
    _confirm(db.session.get_one(Patient, jenny.id), moment)
    with pytest.raises(Refused, match="reset_waits"):
        send_reset(house, db.session.get_one(Patient, jenny.id))


def test_a_code_is_for_the_address_it_went_to(house, jenny, moment) -> None:
    change_email(house, jenny, moment, "new@example.com")
    first = db.session.scalars(select(EmailConfirmation)).all()[-1]
    code = email_codes.code_of(first)
    change_email(house, db.session.get_one(Patient, jenny.id), moment, "newer@example.com")
    with pytest.raises(Refused, match="wrong_code"):
        email_codes.confirm(
            account=account_of(jenny),
            code=code,
            by=BY,
            now=moment.now,
            patient=db.session.get_one(Patient, jenny.id),
        )


def test_an_account_s_own_address_stays_its_own(app, house, moment) -> None:
    patient = make_active(app, house, username="jenny.h")
    account = account_of(patient)
    with atomic():
        account = db.session.get_one(PortalAccount, account.id)
        account.email = account.email_key = "private@example.org"
    change_email(house, db.session.get_one(Patient, patient.id), moment, "new@example.com")
    _confirm(db.session.get_one(Patient, patient.id), moment)
    assert account_of(patient).email == "private@example.org"


def _confirm(patient: Patient, moment) -> None:
    account = account_of(patient)
    confirmation = email_codes.open_confirmation(account, now=moment.now, patient_id=patient.id)
    assert confirmation is not None
    assert confirmation.email == patient.email
    email_codes.confirm(
        account=account,
        code=email_codes.code_of(confirmation),
        by=BY,
        now=moment.now,
        patient=db.session.get_one(Patient, patient.id),
    )


def test_only_the_address_that_was_shown(house, jenny, moment) -> None:
    with pytest.raises(Stale):
        resets.send(
            patient=jenny,
            replaces="",
            expect_address="other@example.com",
            by=house.hand,
            now=moment.now,
        )


def test_who_is_not_active_gets_none(house, moment) -> None:
    patient = make_patient(house)
    with pytest.raises(Stale):
        send_reset(house, patient)


def test_obstacles_of_every_mail_are_a_reset_s_too(house, jenny, moment) -> None:
    people.set_opted_out(patient=jenny, opted_out=True, by=house.hand, now=moment.now)
    with pytest.raises(Refused, match="opted_out"):
        send_reset(house, db.session.get_one(Patient, jenny.id))


def test_a_mail_that_fails_for_good_kills_the_link_and_tells_staff(house, jenny, moment) -> None:
    reset = send_reset(house, jenny, accepted=False)
    settle_reset_mail(reset, Outcome(state=OutboxState.FAILED, reason="no_such_mailbox"))
    assert state(reset, moment) is ResetLink.REPLACED
    items = attention.open_items(practice_id=house.practice.id)
    assert [item.kind for item in items] == ["mail_failed"]


def test_a_reset_opens_the_way_after_too_many_wrong_passwords(app, house, jenny, moment) -> None:
    from portal.accounts import service as accounts

    for _ in range(10):
        with pytest.raises(Refused):
            accounts.authenticate(
                identifier="jenny.h", password="wrong", client="203.0.113.9", now=moment.now
            )
    with pytest.raises(Refused, match="wait"):
        accounts.authenticate(
            identifier="jenny.h", password=PASSWORD, client="203.0.113.8", now=moment.now
        )
    choose(send_reset(house, jenny), moment)
    prove(moment)
    account = accounts.authenticate(
        identifier="jenny.h", password=NEW, client="203.0.113.8", now=moment.now
    )
    assert account.username == "jenny.h"


def test_the_timeline_tells_of_it(house, jenny, moment) -> None:
    reset = send_reset(house, jenny)
    resets.observe_opened(reset, scanner=False, now=moment.now)
    resets.observe_opened(reset, scanner=False, now=moment.now)
    choose(reset, moment)
    prove(moment, WRONG)
    prove(moment)
    assert kinds(jenny) == [
        "reset_queued", "reset_accepted", "reset_opened", "reset_identity_failed", "reset_used",
    ]  # fmt: skip
