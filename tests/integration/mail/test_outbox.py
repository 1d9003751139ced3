"""Putting mail in: limits, taking back, counting (security.md "mail to one address, per practice")."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail import service as mail
from portal.mail.models import OutboxMessage
from portal.mail.rules import MailKind, Reason
from portal.transaction import WriteOutsideTransaction, after_commit, atomic
from tests.factories import make_house, make_patient


@pytest.fixture
def put(app, moment):
    house = make_house()

    def one(kind=MailKind.STAFF, address="jenny@example.com", practice_id=None, subject_id=1):
        return mail.enqueue(
            practice_id=practice_id or house.practice.id,
            purpose="account_activated",
            subject_id=subject_id,
            address=address,
            language="en",
            now=moment.now,
            kind=kind,
        )

    one.house = house
    return one


def test_three_an_hour_then_what_staff_ask_for_waits(put, moment) -> None:
    start = moment.now
    for _ in range(3):
        assert put().next_attempt_at == moment.now
        moment.pass_(minutes=10)
    fourth = put(address="JENNY@Example.com")
    assert (fourth.state, fourth.reason) == ("queued", Reason.WAITS_FOR_LIMIT)
    assert fourth.next_attempt_at == start + timedelta(hours=1)
    assert put().next_attempt_at == start + timedelta(hours=1, minutes=10)
    assert put(address="other@example.com").next_attempt_at == moment.now
    assert (
        mail.sent_lately(
            practice_id=put.house.practice.id, address="jenny@example.com", now=moment.now
        )
        == 5
    )


def test_what_people_ask_for_themselves_is_not_sent_beyond_the_limit(put, moment) -> None:
    for _ in range(3):
        assert put(MailKind.SELF_SERVICE) is not None
    assert put(MailKind.SELF_SERVICE) is None
    moment.pass_(minutes=60)
    assert put(MailKind.SELF_SERVICE) is not None


def test_security_notices_neither_count_nor_wait(put, moment) -> None:
    for _ in range(5):
        assert put(MailKind.SECURITY).next_attempt_at == moment.now
    assert put(MailKind.SELF_SERVICE) is not None


def test_practices_do_not_share_the_limit(put, moment) -> None:
    other = make_house("Other Practice").practice.id
    for _ in range(3):
        put()
    assert put(MailKind.SELF_SERVICE, practice_id=other) is not None


def test_what_was_taken_back_does_not_count(put, moment) -> None:
    for _ in range(3):
        put(subject_id=7)
    with atomic():
        assert mail.cancel(purpose="account_activated", subject_id=7, now=moment.now) == 3
    assert put(MailKind.SELF_SERVICE) is not None


def test_a_waiting_invitation_says_so_in_its_timeline(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    for _ in range(3):
        invitation = invitations.resend(
            patient=patient, replaces=invitation.public_id, by=house.hand, now=moment.now
        )
    found = db.session.scalars(
        select(OutboxMessage).where(OutboxMessage.subject_id == invitation.id)
    ).one()
    # the earlier ones were taken back before they were sent, so nothing has to wait
    assert found.next_attempt_at == moment.now


def test_a_mail_of_a_commit_that_fails_was_never_there(put, moment) -> None:
    with pytest.raises(RuntimeError), atomic():
        put()
        raise RuntimeError
    assert db.session.scalar(select(OutboxMessage.id)) is None


def test_the_doorbell_rings_after_the_commit_only(put, moment, monkeypatch) -> None:
    rung = []
    monkeypatch.setattr("portal.queue.ring", lambda name, public_id: rung.append((name, public_id)))
    with atomic():
        message = put()
        name = message.public_id
        assert rung == []
    assert rung == [("mail.deliver", name)]
    with pytest.raises(WriteOutsideTransaction):
        after_commit(lambda: None)
