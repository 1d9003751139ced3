"""From link to account in one commit, past the identity check and its limits (8.2–8.6)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from portal.access import service as access
from portal.access.rules import Status
from portal.accounts import email_codes, sign_up
from portal.accounts import service as accounts
from portal.accounts.models import EmailConfirmation, PendingSignUp, PortalAccount
from portal.accounts.sign_up import NewAccount
from portal.attention import service as attention
from portal.audit.actor import Actor, ActorKind
from portal.audit.service import first_broken_link
from portal.errors import Refused
from portal.extensions import db
from portal.identity.rules import BirthAndPhoneClaim, SsnClaim, Verdict
from portal.invitations.models import Invitation
from portal.logons import service as logons
from portal.logons.side import Side
from portal.mail.models import OutboxMessage
from portal.people import service as people
from tests.factories import PASSWORD, make_house, make_invitation, make_patient

SOMEBODY = Actor(ActorKind.LINK, None, "Somebody with the link", "203.0.113.7")
RIGHT = SsnClaim("536904399")
WRONG = SsnClaim("536904398")


def begin(invitation: Invitation, moment, *, handle: str = "h1", **more: str) -> None:
    typed = {
        "first_name": "Jenny",
        "email": invitation.email,
        "username": f"jen{invitation.id}",
        "password": PASSWORD,
        "language": "en",
    } | more
    sign_up.begin(
        invitation=invitation, handle=handle, new=NewAccount(**typed), by=SOMEBODY, now=moment.now
    )


def finish(moment, claim=RIGHT, *, handle: str = "h1", client: str = "203.0.113.7"):
    return sign_up.finish(handle=handle, claim=claim, client=client, by=SOMEBODY, now=moment.now)


def count(model) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_nothing_exists_before_the_identity_check_and_all_of_it_after(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    patient = invitation.patient
    begin(invitation, moment)
    assert (count(PortalAccount), count(PendingSignUp)) == (0, 1)
    done = finish(moment)
    assert done.verdict is Verdict.PASSED
    grant = access.current_grant(patient.id)
    assert grant is not None
    assert grant.activated_at == grant.first_logon_at == moment.now
    assert access.status_of(patient, grant, now=moment.now) is Status.ACTIVE
    assert invitation.state == "used"
    assert (count(PortalAccount), count(PendingSignUp)) == (1, 0)
    account = accounts.holder_of(patient.id)
    assert account is not None
    assert account.email_confirmed_at is not None, "the link came through this address"
    assert account.people[0].provider_id == house.provider.id
    assert done.logon_token is not None
    assert logons.find(done.logon_token, side=Side.PORTAL, person=PortalAccount, now=moment.now)
    notice = db.session.scalar(
        select(OutboxMessage).where(OutboxMessage.purpose == "account_activated")
    )
    assert notice is not None
    assert notice.address == invitation.email
    assert first_broken_link(house.practice.id) is None


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (BirthAndPhoneClaim(date(1980, 2, 11), "+14435550155"), Verdict.PASSED),
        (BirthAndPhoneClaim(date(1980, 2, 11), "+14435550199"), Verdict.FAILED),
        (BirthAndPhoneClaim(date(1980, 11, 2), "+14435550155"), Verdict.FAILED),
        (WRONG, Verdict.FAILED),
    ],
)
def test_the_record_decides(app, moment, claim, verdict) -> None:
    invitation = make_invitation(make_house())
    begin(invitation, moment)
    assert finish(moment, claim).verdict is verdict


def test_five_failures_lock_and_tell_staff(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    patient = invitation.patient
    begin(invitation, moment)
    verdicts = [finish(moment, WRONG).verdict for _ in range(5)]
    assert verdicts == [Verdict.FAILED] * 4 + [Verdict.LOCKED]
    with pytest.raises(Refused, match="locked"):
        finish(moment)
    assert access.current_grant(patient.id) is None
    assert [i.kind for i in attention.open_items(practice_id=house.practice.id)] == [
        "identity_locked"
    ]
    assert count(PortalAccount) == 0


def test_ten_failures_of_a_patient_in_a_day(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    for n in range(2):
        invitation = make_invitation(house, patient)
        begin(invitation, moment, handle=f"h{n}")
        for _ in range(5):
            finish(
                moment, SsnClaim(f"53690{moment.now.minute:04d}"), handle=f"h{n}", client=f"c{n}"
            )
            moment.pass_(minutes=1)
    third = make_invitation(house, patient)
    begin(third, moment, handle="h3")
    assert finish(moment, handle="h3", client="c3").verdict is Verdict.THROTTLED, (
        "even the right one"
    )
    moment.pass_(hours=24)
    begin(third, moment, handle="h3")
    assert finish(moment, handle="h3", client="c3").verdict is Verdict.PASSED


def test_twenty_failures_of_a_client_in_an_hour(app, moment) -> None:
    house = make_house()
    for n in range(5):
        invitation = make_invitation(house)
        begin(invitation, moment, handle=f"h{n}")
        for tries in range(4):
            wrong = BirthAndPhoneClaim(date(1990, 1, 1 + tries), "+14435550155")
            assert finish(moment, wrong, handle=f"h{n}").verdict is Verdict.FAILED
    begin(invitation, moment, handle="last")
    assert finish(moment, handle="last").verdict is Verdict.THROTTLED
    assert finish(moment, handle="last", client="198.51.100.1").verdict is Verdict.PASSED


def test_ten_failures_of_one_number_over_all_patients(app, moment) -> None:
    house = make_house()
    for n in range(5):
        invitation = make_invitation(house, make_patient(house, ssn="123456780"))
        begin(invitation, moment, handle=f"h{n}")
        for _ in range(2):
            assert finish(moment, RIGHT, handle=f"h{n}", client=f"c{n}").verdict is Verdict.FAILED
    begin(invitation, moment, handle="last")
    assert finish(moment, RIGHT, handle="last", client="new").verdict is Verdict.THROTTLED
    moment.pass_(hours=1)
    begin(invitation, moment, handle="last")
    assert finish(moment, RIGHT, handle="last", client="new").verdict is Verdict.FAILED


def test_an_unfinished_sign_up_dies_after_thirty_minutes(app, moment) -> None:
    invitation = make_invitation(make_house())
    begin(invitation, moment)
    moment.pass_(minutes=30)
    with pytest.raises(Refused, match="pending_gone"):
        finish(moment)
    assert sign_up.forget_stale(now=moment.now) == 1
    assert count(PendingSignUp) == 0


@pytest.mark.parametrize("what", ["revoked", "expired", "email_changed", "deceased"])
def test_what_ends_meanwhile_is_refused_at_the_last_step(app, moment, what) -> None:
    house = make_house()
    invitation = make_invitation(house)
    patient = invitation.patient
    begin(invitation, moment)
    if what == "revoked":
        grant = access.current_grant(patient.id)
        assert grant is not None
        access.end(grant=grant, reason=access.EndReason.REVOKED, by=house.hand, now=moment.now)
    elif what == "expired":
        moment.pass_(days=8)
        begin_again = pytest.raises(Refused, match="expired")
        with begin_again:
            begin(invitation, moment)
        return
    elif what == "email_changed":
        people.edit(
            patient=patient,
            values={"email": "n@example.com"},
            by=house.hand,
            now=moment.now,
            verified_how="x",
        )
    else:
        people.edit(patient=patient, values={"deceased": True}, by=house.hand, now=moment.now)
    with pytest.raises(Refused):
        finish(moment)
    assert count(PortalAccount) == 0


def test_two_links_end_each_at_its_own_person(app, moment) -> None:
    house = make_house()
    jenny, sam = (
        make_invitation(house),
        make_invitation(house, make_patient(house, given_name="Sam")),
    )
    begin(jenny, moment, handle="tab-1", username="jenny")
    begin(sam, moment, handle="tab-2", username="sam")
    finish(moment, handle="tab-2")
    finish(moment, handle="tab-1")
    for invitation, username in ((jenny, "jenny"), (sam, "sam")):
        account = accounts.holder_of(invitation.patient_id)
        assert account is not None
        assert account.username == username


def test_a_username_that_somebody_took_meanwhile(app, moment) -> None:
    house = make_house()
    one, two = make_invitation(house), make_invitation(house)
    begin(one, moment, handle="a", username="taken")
    begin(two, moment, handle="b", username="taken")
    finish(moment, handle="a")
    with pytest.raises(Refused, match="username_taken"):
        finish(moment, handle="b")
    begin(two, moment, handle="b", username="other")
    assert finish(moment, handle="b").verdict is Verdict.PASSED, "the link was not used up by it"


def test_linking_a_second_practice_to_an_account_one_has(app, moment) -> None:
    here, there = make_house(), make_house("Other Clinic")
    first, second = make_invitation(here), make_invitation(there)
    begin(first, moment, username="jenny")
    finish(moment)
    account = accounts.authenticate(
        identifier="Jenny", password=PASSWORD, client="c", now=moment.now
    )
    sign_up.begin_linking(
        invitation=second, handle="h2", account=account, by=SOMEBODY, now=moment.now
    )
    assert len(accounts.people_of(account, now=moment.now)) == 1, "not before the identity check"
    assert finish(moment, handle="h2").verdict is Verdict.PASSED
    assert len(accounts.people_of(account, now=moment.now)) == 2
    third = make_invitation(there)
    with pytest.raises(Refused, match="other_person"):
        sign_up.begin_linking(
            invitation=third, handle="h3", account=account, by=SOMEBODY, now=moment.now
        )


def test_another_address_is_not_used_until_its_code_came_back(app, moment) -> None:
    invitation = make_invitation(make_house())
    begin(invitation, moment, email="private@example.org")
    finish(moment)
    account = accounts.holder_of(invitation.patient_id)
    assert account is not None
    assert account.email_confirmed_at is None
    assert accounts.find_for_logon("private@example.org") is None
    confirmation = db.session.scalar(select(EmailConfirmation))
    assert confirmation is not None
    code = email_codes.code_of(confirmation)
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    with pytest.raises(Refused, match="wrong_code"):
        email_codes.confirm(account=account, code=wrong, by=SOMEBODY, now=moment.now)
    email_codes.confirm(account=account, code=code, by=SOMEBODY, now=moment.now)
    found = accounts.find_for_logon("private@example.org")
    assert found is not None
    assert found.id == account.id


def test_five_wrong_codes_and_twenty_four_hours(app, moment) -> None:
    invitation = make_invitation(make_house())
    begin(invitation, moment, email="private@example.org")
    finish(moment)
    account = accounts.holder_of(invitation.patient_id)
    assert account is not None
    for _ in range(5):
        with pytest.raises(Refused, match="wrong_code"):
            email_codes.confirm(account=account, code="x", by=SOMEBODY, now=moment.now)
    with pytest.raises(Refused, match="no_code"):
        email_codes.confirm(account=account, code="x", by=SOMEBODY, now=moment.now)
    email_codes.resend(account=account, practice_id=invitation.practice_id, now=moment.now)
    moment.pass_(hours=24)
    with pytest.raises(Refused, match="no_code"):
        email_codes.confirm(account=account, code="x", by=SOMEBODY, now=moment.now)


def test_ten_wrong_passwords_then_waits_that_end(app, moment) -> None:
    invitation = make_invitation(make_house())
    begin(invitation, moment, username="jenny")
    finish(moment)

    def attempt(password: str, client: str = "c") -> str:
        try:
            accounts.authenticate(
                identifier="jenny", password=password, client=client, now=moment.now
            )
        except Refused as error:
            return error.code
        return "in"

    assert [attempt("wrong") for _ in range(12)] == ["wrong"] * 10 + ["wait"] * 2
    assert attempt(PASSWORD, client="elsewhere") == "wait", "the right one is refused in the window"
    moment.pass_(seconds=31)
    assert attempt(PASSWORD) == "in"
    assert attempt("wrong") == "wrong", "the row began anew"


def test_access_that_ends_ends_the_log_on(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    begin(invitation, moment, username="jenny")
    token = finish(moment).logon_token
    assert token
    grant = access.current_grant(invitation.patient_id)
    assert grant is not None
    access.end(grant=grant, reason=access.EndReason.DISABLED, by=house.hand, now=moment.now)
    assert logons.find(token, side=Side.PORTAL, person=PortalAccount, now=moment.now) is None
    account = accounts.authenticate(
        identifier="jenny", password=PASSWORD, client="c", now=moment.now
    )
    with pytest.raises(Refused, match="no_chart"):
        accounts.log_on(account=account, client="c", now=moment.now)
    access.enable(patient=invitation.patient, by=house.hand, now=moment.now)
    assert accounts.log_on(account=account, client="c", now=moment.now), (
        "old credentials work again (1.5)"
    )
