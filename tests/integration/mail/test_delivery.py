"""One mail, every answer a mail server may give (product 3.4, faults.md F5), on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail import ledger, outbox, registry, transport
from portal.mail.delivery import deliver
from portal.mail.models import OutboxMessage
from portal.mail.rules import DOUBT_WAIT, GIVE_UP_AFTER, Reason
from portal.people import service as people
from tests.integration.mail.outgoing import (
    invite,
    lines,
    revoke,
    the_message,
)
from tests.smtp import (
    DROP,
    DROP_AFTER_KEEPING,
    HANG,
    HANG_AFTER_KEEPING,
    WAIT,
)


def test_an_accepted_mail_makes_the_invitation_live_in_the_same_commit(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    assert invitation.state == "prepared"
    done = deliver()
    assert (done.claimed, done.accepted) == (1, 1)
    message = the_message(invitation)
    assert (message.state, message.reason, message.attempts) == ("accepted", None, 1)
    assert message.lease is None
    assert message.handed_over_at is None
    assert message.settled_at == moment.now
    assert db.session.get_one(Invitation, invitation.id).state == "live"
    assert lines(invitation) == ["queued", "accepted"]
    told = db.session.scalars(select(AuditEvent).where(AuditEvent.event == "mail.result")).one()
    assert told.data == {"message": message.public_id, "state": "accepted", "reason": None}
    assert deliver().claimed == 0
    assert len(smtp.received) == 1


@pytest.mark.parametrize(
    ("stage", "answer", "reason"),
    [
        ("recipient", "550 5.1.1 No such user here", Reason.NO_SUCH_MAILBOX),
        ("recipient", "550 Go away", Reason.REFUSED),
        ("recipient", "552 5.2.2 Over quota", Reason.MAILBOX_FULL),
        ("data", "554 5.7.1 Spam", Reason.CONTENT_REFUSED),
    ],
)
def test_a_5xx_answer_is_final_and_never_tried_again(
    house, moment, smtp, stage, answer, reason
) -> None:
    invitation = invite(house, moment)
    smtp.program(stage, answer)
    deliver()
    message = the_message(invitation)
    assert (message.state, message.reason) == ("failed", reason)
    assert message.server_said == answer
    assert db.session.get_one(Invitation, invitation.id).state == "failed"
    assert lines(invitation) == ["queued", "mail_failed"]
    moment.pass_(hours=48)
    assert deliver().claimed == 0
    assert smtp.received == []


@pytest.mark.parametrize("stage", ["recipient", "data"])
def test_a_4xx_answer_is_tried_again_after_growing_waits_and_sent_once(
    house, moment, smtp, stage
) -> None:
    invitation = invite(house, moment)
    smtp.program(stage, "451 4.7.1 Greylisted", "450 Busy")
    waits = []
    for _ in range(2):
        deliver()
        message = the_message(invitation)
        assert (message.state, message.reason) == ("queued", Reason.TRY_LATER)
        waits.append(message.next_attempt_at - moment.now)
        assert deliver().claimed == 0, "too early"
        moment.now = message.next_attempt_at
    assert waits == [timedelta(seconds=30), timedelta(minutes=2)]
    deliver()
    message = the_message(invitation)
    assert (message.state, message.attempts) == ("accepted", 3)
    assert len(smtp.received) == 1
    assert lines(invitation) == ["queued", "delayed", "delayed", "accepted"]


def test_after_24_hours_of_tries_it_gives_up_and_says_so(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    smtp.always("recipient", "450 Busy")
    start = moment.now
    for _ in range(40):
        deliver()
        message = the_message(invitation)
        if message.state != "queued":
            break
        moment.now = message.next_attempt_at
    assert (message.state, message.reason) == ("failed", Reason.GAVE_UP)
    assert message.server_said == "450 Busy"
    assert timedelta(hours=20) < moment.now - start <= GIVE_UP_AFTER


def test_a_server_that_is_down_is_told_and_asked_again_by_one(house, moment, smtp) -> None:
    first, second = invite(house, moment), invite(house, moment)
    smtp.stop()
    done = deliver()
    assert done.server_down
    tried, waiting = the_message(first), the_message(second)
    assert (tried.state, tried.reason, tried.attempts) == ("queued", Reason.UNREACHABLE, 1)
    assert (waiting.state, waiting.reason, waiting.attempts) == (
        "queued",
        Reason.WAITS_FOR_SERVER,
        0,
    )
    assert waiting.next_attempt_at == moment.now + timedelta(seconds=5)
    third = invite(house, moment)
    deliver()
    assert the_message(third).reason == Reason.WAITS_FOR_SERVER, "nobody connects before the time"
    smtp.start()
    moment.pass_(seconds=5)
    done = deliver()
    assert done.accepted == 2
    moment.pass_(seconds=25)
    assert deliver().accepted == 1
    assert sorted(mail.recipient for mail in smtp.received) == sorted(
        invitation.email for invitation in (first, second, third)
    )
    assert lines(second) == ["queued", "delayed", "accepted"]


def test_what_waited_for_the_server_is_due_when_it_answers_again(house, moment, smtp) -> None:
    first = invite(house, moment)
    smtp.stop()
    for _ in range(5):  # the server is left alone for longer and longer
        deliver()
        moment.pass_(minutes=2)
    late = invite(house, moment)
    db.session.rollback()
    deliver(the_message(first).public_id)
    smtp.start()
    moment.now = max(moment.now, the_message(first).next_attempt_at) + timedelta(minutes=40)
    assert deliver(the_message(first).public_id).accepted == 1
    assert deliver(the_message(late).public_id).accepted == 1
    assert len(smtp.received) == 2


@pytest.mark.parametrize(
    ("stage", "answer", "reason"),
    [
        ("greet", "554 No mail from you", Reason.SERVER_REFUSES),
        ("greet", DROP, Reason.UNREACHABLE),
        ("greet", HANG, Reason.NO_ANSWER),
        ("sender", "550 Who are you", Reason.SENDER_REFUSED),
        ("recipient", "421 Closing", Reason.SERVER_REFUSES),
        ("sender", HANG, Reason.TIMED_OUT),
    ],
)
def test_trouble_of_the_whole_server_holds_the_rest_of_the_batch(
    house, moment, smtp, configure, stage, answer, reason
) -> None:
    configure(mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=0.3)
    first, second = invite(house, moment), invite(house, moment)
    smtp.always(stage, answer)
    assert deliver().server_down
    smtp.go_on()
    assert the_message(first).reason == reason
    assert the_message(first).state == "queued"
    assert the_message(second).attempts == 0
    assert smtp.connections == 1


@pytest.mark.parametrize(
    ("stage", "answer", "reason"),
    [
        ("recipient", DROP, Reason.CONNECTION_LOST),
        ("recipient", HANG, Reason.TIMED_OUT),
    ],
)
def test_a_break_before_the_final_dot_is_an_ordinary_retry(
    house, moment, smtp, configure, stage, answer, reason
) -> None:
    configure(mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=0.3)
    first, second = invite(house, moment), invite(house, moment)
    smtp.program(stage, answer)
    assert not deliver().server_down
    smtp.go_on()
    message = the_message(first)
    assert (message.state, message.reason, message.doubtful_tries) == ("queued", reason, 0)
    assert the_message(second).state == "accepted", "others are not held up"
    moment.now = message.next_attempt_at
    deliver()
    assert the_message(first).state == "accepted"
    assert len(smtp.received) == 2


@pytest.mark.parametrize("answer", [DROP_AFTER_KEEPING, HANG_AFTER_KEEPING])
def test_a_break_after_the_dot_repeats_once_with_the_same_id_and_link_and_is_marked(
    house, moment, smtp, configure, monkeypatch, answer
) -> None:
    configure(mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=0.3)
    monkeypatch.setattr(transport, "AFTER_DOT", 1.0)
    invitation = invite(house, moment)
    smtp.program("data", answer)
    deliver()
    smtp.go_on()
    message = the_message(invitation)
    assert (message.state, message.reason, message.doubtful_tries) == ("queued", Reason.CUT_OFF, 1)
    assert message.next_attempt_at == moment.now + DOUBT_WAIT
    moment.pass_(minutes=15)
    heard = []
    monkeypatch.setitem(
        registry._handlers, "invitation", lambda *, message, outcome, now: heard.append(outcome)
    )
    monkeypatch.delitem(registry._accepted, "invitation")
    deliver()
    assert the_message(invitation).state == "accepted"
    assert heard[0].maybe_twice
    once, again = smtp.received
    assert once.message_id == again.message_id
    assert once.body("plain") == again.body("plain")


def test_twice_unknown_stays_unknown(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    smtp.program("data", DROP_AFTER_KEEPING, DROP_AFTER_KEEPING)
    deliver()
    moment.pass_(minutes=15)
    deliver()
    message = the_message(invitation)
    assert (message.state, message.reason, message.doubtful_tries) == ("unknown", Reason.CUT_OFF, 2)
    moment.pass_(hours=30)
    assert deliver().claimed == 0
    assert lines(invitation) == ["queued", "delayed", "maybe_accepted"]


def test_a_kept_connection_that_the_server_closes_is_opened_anew(house, moment, smtp) -> None:
    for _ in range(3):
        invite(house, moment)
    smtp.program("sender", "250 OK", "421 Enough for one connection")
    assert deliver().accepted == 3
    assert smtp.connections == 2
    assert len(smtp.received) == 3


def test_a_batch_goes_over_one_connection(house, moment, smtp) -> None:
    for _ in range(10):
        invite(house, moment)
    assert deliver().accepted == 10
    assert smtp.connections == 1


def test_much_mail_goes_over_several_connections(house, moment, smtp, configure) -> None:
    configure(mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=1.0, mail_connections=2)
    sent = [invite(house, moment) for _ in range(80)]
    done = deliver()
    assert (done.claimed, done.accepted) == (80, 80)
    assert smtp.connections == 2
    assert sorted(mail.recipient for mail in smtp.received) == sorted(
        invitation.email for invitation in sent
    )
    db.session.rollback()
    assert set(db.session.scalars(select(Invitation.state))) == {"live"}
    assert all(lines(invitation) == ["queued", "accepted"] for invitation in sent)


def test_a_server_that_thinks_long_about_the_first_mail_hears_the_others_meanwhile(
    house, moment, smtp, configure, monkeypatch
) -> None:
    configure(mail_server="127.0.0.1", mail_port=smtp.port, mail_timeout=1.0, mail_connections=2)
    for _ in range(60):
        invite(house, moment)
    smtp.program("data", WAIT)
    monkeypatch.setattr(smtp, "taken", lambda _: smtp.go_on() if len(smtp.received) == 60 else None)
    assert deliver().accepted == 60
    assert smtp.connections == 2


def test_batch_after_batch_goes_over_the_same_connection(house, moment, smtp) -> None:
    for _ in range(10):
        invite(house, moment)
    done = deliver(limit=3, within=30.0)
    assert (done.claimed, done.accepted, done.more) == (10, 10, False)
    assert smtp.connections == 1


def test_when_the_time_is_up_the_rest_is_left(house, moment, smtp) -> None:
    for _ in range(5):
        invite(house, moment)
    done = deliver(limit=3, within=0.000001)
    assert (done.claimed, done.accepted, done.more) == (3, 3, True)


def test_a_kept_connection_that_the_server_closes_after_the_dot_does_not_lose_the_mail(
    house, moment, smtp
) -> None:
    """421 is no acceptance: the mail goes out over the next connection."""
    first, second = invite(house, moment), invite(house, moment)
    smtp.program("data", "250 OK", "421 Enough for one connection")
    assert deliver().accepted == 2
    assert (the_message(first).state, the_message(second).state) == ("accepted", "accepted")
    assert smtp.connections == 2
    # of an answer that it was told the test's server keeps no mail
    assert [mail.recipient for mail in smtp.received] == [second.email]


def test_a_mail_that_cannot_be_written_fails_alone(house, moment, smtp, monkeypatch) -> None:
    poison, healthy = invite(house, moment), invite(house, moment)
    write = registry._drafters["invitation"]

    def draft(messages, *, now):
        if poison.id in [message.subject_id for message in messages]:
            raise RuntimeError("Jenny Harris has a secret")
        return write(messages, now=now)

    monkeypatch.setitem(registry._drafters, "invitation", draft)
    with capture_logs() as told:
        deliver()
    assert the_message(poison).reason == Reason.CANNOT_COMPOSE
    assert the_message(healthy).state == "accepted"
    assert [line["event"] for line in told] == ["mail.cannot_compose"]
    assert "Jenny" not in str(told)


def test_an_address_that_is_two_is_sent_to_nobody(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    with outbox.atomic():
        the_message(invitation)
        db.session.query(OutboxMessage).update({"address": "a@example.com, b@example.com"})
    deliver()
    assert the_message(invitation).reason == Reason.BAD_ADDRESS
    assert smtp.at_stage["recipient"] == 0


def test_revoked_before_it_is_claimed_it_does_not_go(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    revoke(invitation, house, moment)
    assert the_message(invitation).state == "cancelled"
    assert deliver().claimed == 0


def test_revoked_between_claim_and_hand_over_it_does_not_go(
    house, moment, smtp, monkeypatch
) -> None:
    first, second = invite(house, moment), invite(house, moment)
    real = ledger.hand_over

    def revoke_first(asked, **more):
        if the_message(first).id in [message.id for message in asked]:
            revoke(first, house, moment)
        return real(asked, **more)

    monkeypatch.setattr(ledger, "hand_over", revoke_first)
    deliver()
    assert the_message(first).state == "cancelled"
    assert the_message(second).state == "accepted"
    assert [mail.recipient for mail in smtp.received] == [second.email]
    assert smtp.connections == 1, "the conversation goes on with the next mail"


def test_opted_out_meanwhile_it_is_cancelled(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    people.set_opted_out(patient=invitation.patient, opted_out=True, by=house.hand, now=moment.now)
    deliver()
    message = the_message(invitation)
    assert (message.state, message.reason) == ("cancelled", Reason.NOT_WANTED)
    assert smtp.received == []
