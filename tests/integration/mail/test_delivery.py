"""One mail, every answer a mail server may give (product 3.4, faults.md F5), on both databases."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from portal import queue
from portal.access import service as access
from portal.access.models import EndReason
from portal.audit import service as audit
from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail import delivery, ledger, outbox, registry, transport
from portal.mail.delivery import deliver
from portal.mail.jobs import sweep_outbox
from portal.mail.models import OutboxMessage
from portal.mail.rules import DOUBT_WAIT, GIVE_UP_AFTER, Kind, Reason, Result
from portal.people import service as people
from portal.roster import service as roster
from tests.factories import House, make_house, make_patient
from tests.smtp import (
    DROP,
    DROP_AFTER_KEEPING,
    HANG,
    HANG_AFTER_KEEPING,
)


@pytest.fixture
def house(app, moment) -> House:
    return make_house()


def invite(house: House, moment, **values) -> Invitation:
    patient = make_patient(house, **values)
    made = invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    assert made is not None
    return made


def the_message(invitation: Invitation) -> OutboxMessage:
    db.session.rollback()
    return db.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.purpose == "invitation", OutboxMessage.subject_id == invitation.id)
        .execution_options(populate_existing=True)
    ).one()


def hand_over(claim: outbox.Claim, *, now) -> set[int]:
    asked = outbox.held(claim.numbers, claim.lease)
    told = ledger.hand_over(asked, answered=(), lease=claim.lease, now=now)
    return {number for number, goes in told.items() if goes}


def lines(invitation: Invitation) -> list[str]:
    found = select(InvitationEvent.kind).where(InvitationEvent.invitation_id == invitation.id)
    return list(db.session.scalars(found.order_by(InvitationEvent.id)))


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


def test_nothing_goes_out_that_could_not_be_marked(house, moment, smtp, monkeypatch) -> None:
    invitation = invite(house, moment)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("gone"))

    monkeypatch.setattr(ledger, "hand_over", away)
    monkeypatch.setattr(delivery, "RECORD_WAITS", (0.0, 0.0))
    with pytest.raises(OperationalError):
        deliver()
    assert smtp.received == []
    monkeypatch.undo()
    assert the_message(invitation).state == "queued", "given back"


def test_many_results_at_once_say_what_each_by_itself_says(
    house, moment, smtp, monkeypatch
) -> None:
    """Of who had a live link before, of who has none, and of whom the mail reaches too late."""
    told = {}
    for way in ("at once", "one by one"):
        if way == "one by one":
            monkeypatch.delitem(registry._accepted, "invitation")
        again = invite(house, moment)
        deliver()
        newer = invitations.resend(
            patient=again.patient, replaces=again.public_id, by=house.hand, now=moment.now
        )
        late, plain = invite(house, moment), invite(house, moment)
        real = ledger.settle

        def revoke_late(*given, late=late, real=real, **more) -> None:
            revoke(late, house, moment)
            real(*given, **more)

        monkeypatch.setattr(ledger, "settle", revoke_late)
        deliver()
        monkeypatch.setattr(ledger, "settle", real)
        each = (again, newer, late, plain)
        db.session.rollback()
        told[way] = [
            (
                db.session.get_one(Invitation, one.id).state,
                lines(one),
                events_about(one),
                the_message(one).state,
            )
            for one in each
        ]
    assert told["at once"] == told["one by one"]
    assert [state for state, *_ in told["at once"]] == ["replaced", "live", "revoked", "live"]
    assert audit.first_broken_link(house.practice.id) is None
    assert roster.check(house.practice.id, moment.now) == []


def events_about(invitation: Invitation) -> list[str]:
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
    names = {invitation.public_id, the_message(invitation).public_id}
    return [
        row.event for row in rows if names & {row.data.get("invitation"), row.data.get("message")}
    ]


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


def test_a_result_is_recorded_by_the_holder_of_the_lease_only(house, moment) -> None:
    invitation = invite(house, moment)
    claim = outbox.claim(now=moment.now, limit=10)
    (number,) = claim.numbers
    accepted = Result(Kind.ACCEPTED)
    assert outbox.record(number, "another", accepted, now=moment.now) is None
    assert the_message(invitation).state == "sending"
    assert outbox.record(number, claim.lease, accepted, now=moment.now) is not None
    assert outbox.record(number, claim.lease, accepted, now=moment.now) is None


def test_two_claims_never_share_a_mail(house, moment) -> None:
    for _ in range(4):
        invite(house, moment)
    one = outbox.claim(now=moment.now, limit=3)
    other = outbox.claim(now=moment.now, limit=3)
    assert len(one.numbers) == 3
    assert len(other.numbers) == 1
    assert not set(one.numbers) & set(other.numbers)


def test_what_a_dead_sender_claimed_goes_out_after_its_lease(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    outbox.claim(now=moment.now, limit=10)
    moment.pass_(seconds=59)
    assert outbox.recover(now=moment.now) == 0
    moment.pass_(seconds=1)
    assert outbox.recover(now=moment.now) == 1
    message = the_message(invitation)
    assert (message.state, message.doubtful_tries) == ("queued", 0)
    deliver()
    assert len(smtp.received) == 1


def test_what_a_dead_sender_handed_over_repeats_once_and_is_marked(house, moment, smtp) -> None:
    invitation = invite(house, moment)
    for tries, state in ((1, "queued"), (2, "unknown")):
        claim = outbox.claim(now=moment.now, limit=10)
        assert hand_over(claim, now=moment.now) == set(claim.numbers)
        moment.pass_(seconds=60)
        outbox.recover(now=moment.now)
        message = the_message(invitation)
        assert (message.state, message.doubtful_tries) == (state, tries)
        assert message.reason == Reason.SENDER_DIED


def test_what_the_server_took_from_a_dead_sender_is_not_doubted(house, moment, smtp) -> None:
    """Killed after the answer was marked, before what follows was written (F2)."""
    invitation = invite(house, moment)
    claim = outbox.claim(now=moment.now, limit=10)
    assert hand_over(claim, now=moment.now) == set(claim.numbers)
    ledger.hand_over([], answered=claim.numbers, lease=claim.lease, now=moment.now)
    assert the_message(invitation).state == "sending"
    moment.pass_(seconds=60)
    assert outbox.recover(now=moment.now) == 1
    message = the_message(invitation)
    assert (message.state, message.doubtful_tries, message.attempts) == ("accepted", 0, 1)
    assert db.session.get_one(Invitation, invitation.id).state == "live"
    assert deliver().claimed == 0


def test_a_sender_that_lost_its_mails_and_has_them_again_sends_each_once(
    house, moment, smtp, monkeypatch
) -> None:
    """The lease ran out while the database was locked; nobody else came, and the same round claims them anew."""
    made = [invite(house, moment) for _ in range(3)]
    real, calls = ledger.hand_over, []

    def late(asked, **more):
        calls.append(asked)
        if len(calls) == 1:
            moment.pass_(seconds=61)
            outbox.recover(now=moment.now)
        return real(asked, **more)

    monkeypatch.setattr(ledger, "hand_over", late)
    deliver(limit=1, within=60)
    deliver()
    assert [the_message(invitation).state for invitation in made] == ["accepted"] * 3
    assert sorted(mail.recipient for mail in smtp.received) == sorted(one.email for one in made)


def test_what_goes_out_is_ours_for_a_while_yet(house, moment) -> None:
    """Whoever stood still for nearly a whole lease must not see a mail taken that is about to go."""
    for _ in range(2):
        invite(house, moment)
    claim = outbox.claim(now=moment.now, limit=10)
    end = moment.now + timedelta(seconds=60)
    now_one, later_one = outbox.held(claim.numbers, claim.lease)
    for seconds, until in ((20, end), (39, end + timedelta(seconds=59))):
        moment.pass_(seconds=seconds)
        went = ledger.hand_over([now_one], answered=(), lease=claim.lease, now=moment.now)
        assert went == {now_one.id: True}
        db.session.rollback()
        for number in now_one.id, later_one.id:
            assert db.session.get_one(OutboxMessage, number).leased_until == until
    moment.pass_(seconds=59)
    assert outbox.recover(now=moment.now) == 0
    moment.pass_(seconds=1)
    assert outbox.recover(now=moment.now) == 2


GROWS = re.compile(
    r"SCAN (outbox|invi|patient|access)|(message|invitation|patient|grant) .*\((purpose|practice_id)=\?\)"
)


def test_no_statement_of_a_sender_walks_through_all_that_was_ever_mailed(
    house, moment, monkeypatch
) -> None:
    if db.engine.dialect.name != "sqlite":
        return  # its plans depend on how much there is
    monkeypatch.setattr(queue, "ring", lambda *_: True)
    for _ in range(3):
        invite(house, moment)
    said: dict[str, Any] = {}

    def listen(
        _c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool
    ) -> None:
        said[statement] = values[0] if many else values

    event.listen(db.engine, "before_cursor_execute", listen)
    claim = outbox.claim(now=moment.now, limit=10)
    messages = outbox.held(claim.numbers, claim.lease)
    ledger.hand_over(messages[:2], answered=(), lease=claim.lease, now=moment.now)
    taken = claim.numbers[:1]
    ledger.hand_over([], answered=taken, lease=claim.lease, now=moment.now)
    ledger.settle(messages[:1], lease=claim.lease, now=moment.now)
    outbox.renew(claim.lease, now=moment.now)
    outbox.release(claim.lease, now=moment.now)
    outbox.recover(now=moment.now)
    sweep_outbox(moment.now)
    event.remove(db.engine, "before_cursor_execute", listen)
    walks = {
        row[3]: statement
        for statement, values in said.items()
        if statement.startswith(("SELECT", "UPDATE"))
        for row in db.session.connection().exec_driver_sql(
            f"EXPLAIN QUERY PLAN {statement}", values
        )
        if GROWS.search(row[3])
    }
    assert walks == {}
    assert len(said) > 12


def test_the_database_away_for_a_moment_makes_no_mail_repeat(
    house, moment, smtp, monkeypatch
) -> None:
    invitation = invite(house, moment)
    real, calls = ledger.settle, []

    def away_twice(*args, **more):
        calls.append(args)
        if len(calls) < 3:
            raise OperationalError("UPDATE", {}, Exception("gone"))
        return real(*args, **more)

    monkeypatch.setattr(ledger, "settle", away_twice)
    monkeypatch.setattr(delivery, "RECORD_WAITS", (0.0, 0.0, 0.0))
    deliver()
    assert the_message(invitation).state == "accepted"
    assert len(smtp.received) == 1


def test_an_error_of_the_room_that_is_asked_last_sends_nothing_and_holds_up_nobody(
    house, moment, smtp, monkeypatch
) -> None:
    poison, healthy = invite(house, moment), invite(house, moment)
    real = registry._wanted_of_many["invitation"]

    def broken(messages, *, now):
        if poison.id in [message.subject_id for message in messages]:
            raise KeyError("a bug")
        return real(messages, now=now)

    monkeypatch.setitem(registry._wanted_of_many, "invitation", broken)
    deliver()
    assert the_message(poison).reason == Reason.CANNOT_COMPOSE
    assert the_message(healthy).state == "accepted"
    assert [mail.recipient for mail in smtp.received] == [healthy.email]


def test_an_error_of_the_room_does_not_send_the_mail_again(
    house, moment, smtp, monkeypatch
) -> None:
    invitation = invite(house, moment)

    def broken(*, message, outcome, now):
        raise KeyError("a bug")

    monkeypatch.setitem(registry._handlers, "invitation", broken)
    monkeypatch.setitem(registry._accepted, "invitation", broken)
    deliver()
    assert the_message(invitation).state == "accepted"
    moment.pass_(hours=1)
    assert outbox.recover(now=moment.now) == 0


def test_a_purpose_that_this_version_does_not_know_waits_for_one_that_does(house, moment) -> None:
    invite(house, moment)
    with outbox.atomic():
        db.session.query(OutboxMessage).update({"purpose": "from_the_future"})
    assert deliver().claimed == 0


def revoke(invitation: Invitation, house: House, moment) -> None:
    patient = people.get_patient(
        practice_id=house.practice.id,
        public_id=db.session.get_one(Invitation, invitation.id).patient.public_id,
    )
    grant = access.current_grant(patient.id)
    assert grant is not None
    invitations.end_access(
        patient=patient,
        grant_public_id=grant.public_id,
        expect=EndReason.REVOKED,
        by=house.hand,
        now=moment.now,
    )
