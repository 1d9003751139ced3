"""Senders that die, lose their lease, fail or overtake each other: nobody is lost (faults.md F1-F3, F6, F12)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from portal import queue
from portal.audit import service as audit
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail import delivery, ledger, outbox, registry
from portal.mail.delivery import deliver
from portal.mail.jobs import sweep_outbox
from portal.mail.models import OutboxMessage
from portal.mail.rules import Kind, Reason, Result
from portal.roster import service as roster
from tests.integration.mail.outgoing import (
    events_about,
    hand_over,
    invite,
    lines,
    revoke,
    the_message,
)
from tests.plans import plans_of


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


@pytest.mark.sqlite_only
def test_no_statement_of_a_sender_walks_through_all_that_was_ever_mailed(
    house, moment, monkeypatch
) -> None:
    monkeypatch.setattr(queue, "ring", lambda *_: True)
    for _ in range(3):
        invite(house, moment)

    def work() -> None:
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

    plans = plans_of(work)
    assert len(plans) > 12
    assert [plan for plan in plans if GROWS.search(plan[0])] == []


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
