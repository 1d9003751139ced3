"""Invitations to many: each is looked at again, nobody gets two, results come back from the outbox (7.3-7.5)."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update

from portal import clock
from portal.access import service as access
from portal.audit import service as audit
from portal.bulk import flight, working
from portal.bulk import service as bulk
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import Scope
from portal.bulk.rules import pace_of
from portal.bulk.states import RunKind, RunScope, SkipReason
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.mail import server
from portal.mail.models import OutboxMessage
from portal.mail.rules import Kind, Reason, Result
from portal.people import service as people
from portal.roster import service as roster
from portal.settings import settings
from portal.transaction import atomic
from tests.factories import House, accept_mail, make_invitation, make_patient
from tests.integration.bulk.conftest import begin
from tests.integration.staff.clerk import audited


def batch(run: BulkRun) -> working.Worked | None:
    return working.work_batch(run.public_id, now=clock.now())


def numbers(run: BulkRun) -> tuple[int, int, int, int]:
    db.session.rollback()
    held = db.session.get_one(BulkRun, run.id)
    return held.done, held.mailing, held.failed, held.skipped


def reasons() -> list[str | None]:
    db.session.rollback()
    return list(db.session.scalars(select(BulkItem.reason).order_by(BulkItem.patient_id)))


def end_mails(state: str, reason: str | None = None) -> None:
    with atomic():
        db.session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.state == "queued")
            .values(state=state, reason=reason, settled_at=clock.now())
        )


def test_a_run_enables_invites_and_hears_what_became_of_it(house, patients, moment) -> None:
    run = begin(house, RunKind.INVITE)
    assert db.session.query(Invitation).count() == 0, "workers do it"
    assert batch(run)
    assert numbers(run) == (0, 3, 0, 0)
    made = db.session.scalars(select(Invitation)).all()
    assert [(one.state, one.origin, one.inviter_name) for one in made] == [
        ("prepared", "bulk", "Ada Admin")
    ] * 3
    for one in made:
        accept_mail(one, now=moment.now)
    worked = batch(run)
    assert worked is not None
    assert worked.over
    assert numbers(run) == (3, 0, 0, 0)
    assert db.session.get_one(BulkRun, run.id).state == "done"
    assert audit.first_broken_link(house.practice.id) is None
    assert roster.check(house.practice.id, moment.now) == []


def test_whom_it_reaches_and_whom_not(app, house, moment) -> None:
    """7.3: active ones get nothing, invited ones a fresh link after a day, ended ones are left to people."""
    from tests.doors import sign_up

    old = make_invitation(house, make_patient(house, given_name="Old"))
    sign_up(app, make_invitation(house, make_patient(house, given_name="Act")))
    ended = make_patient(house, given_name="End")
    grant = access.enable(patient=ended, by=house.hand, now=moment.now)
    invitations.end_access(
        patient=ended, grant_public_id=grant.public_id, expect=access.EndReason.REVOKED, by=house.hand, now=moment.now
    )  # fmt: skip
    moment.pass_(hours=25)
    make_invitation(house, make_patient(house, given_name="New"))
    bare = make_patient(house, given_name="Bare", ssn=None, phones=None)
    run = begin(house, RunKind.INVITE)
    batch(run)
    assert numbers(run) == (0, 1, 0, 4)
    fresh = invitations.latest(old.grant_id)
    assert fresh is not None
    assert fresh.id != old.id
    assert fresh.grant_id == old.grant_id
    assert bare.id in set(
        db.session.scalars(select(BulkItem.patient_id).where(BulkItem.reason == "no_identifiers"))
    )
    assert sorted(filter(None, reasons())) == [
        SkipReason.ACTIVE, SkipReason.ENDED_BY_PERSON, SkipReason.INVITED_LATELY, SkipReason.NO_IDENTIFIERS,
    ]  # fmt: skip


def test_each_is_looked_at_again_when_their_turn_comes(house, moment) -> None:
    four = [make_patient(house) for _ in range(4)]
    run = begin(house, RunKind.INVITE)
    people.edit(
        patient=four[0],
        values={"email": None},
        verified_how="in_person",
        by=house.hand,
        now=moment.now,
    )
    people.edit(
        patient=four[1],
        values={"email": "new@example.org"},
        verified_how="in_person",
        by=house.hand,
        now=moment.now,
    )
    invitations.enable_and_invite(patient=four[2], by=house.hand, now=moment.now)
    people.set_opted_out(
        patient=four[3], opted_out=True, reason=None, by=house.hand, now=moment.now
    )
    batch(run)
    assert reasons() == ["no_email", None, "invited_lately", "opted_out"]
    made = db.session.scalars(select(Invitation).where(Invitation.origin == "bulk")).one()
    assert made.email == "new@example.org", "mail goes to the stored address"


def test_a_mail_that_fails_can_be_retried_and_only_that(house, patients, moment) -> None:
    run = begin(house, RunKind.INVITE)
    batch(run)
    first, second, third = db.session.scalars(select(Invitation).order_by(Invitation.id)).all()
    accept_mail(first, now=moment.now)
    from portal.invitations.outcomes import record_mail_result
    from portal.mail.registry import Outcome
    from portal.mail.state import OutboxState

    with atomic():
        message = db.session.scalars(
            select(OutboxMessage).where(OutboxMessage.subject_id == second.id)
        ).one()
        message.state, message.reason = "failed", "mailbox_full"
        record_mail_result(
            message=message,
            outcome=Outcome(OutboxState.FAILED, reason="mailbox_full"),
            now=moment.now,
        )
    grant = access.current_grant(third.patient_id)
    assert grant is not None
    invitations.end_access(
        patient=patients[2], grant_public_id=grant.public_id, expect=access.EndReason.REVOKED, by=house.hand,
        now=moment.now,
    )  # fmt: skip
    batch(run)
    assert numbers(run) == (1, 0, 1, 1)
    assert reasons() == [None, "mailbox_full", "not_wanted"]
    scope = Scope(RunScope.FAILED, house.administrator, run_id=run.id)
    from portal.bulk import preview as previews

    shown = previews.make(RunKind.INVITE, scope, now=moment.now)
    assert (shown.total, shown.eligible) == (1, 1)
    again = bulk.start(RunKind.INVITE, scope, shown=shown, by=house.hand, now=moment.now)
    batch(again)
    assert numbers(again) == (0, 1, 0, 0)


def test_what_nobody_knows_is_a_failure_to_look_at(house, patients) -> None:
    run = begin(house, RunKind.INVITE)
    batch(run)
    end_mails("unknown", "cut_off")
    batch(run)
    assert numbers(run) == (0, 0, 3, 0)
    assert begin(house, RunKind.INVITE).skipped == 0, "and it may be repeated"


def test_no_more_than_a_few_are_on_their_way(house, moment, monkeypatch) -> None:
    monkeypatch.setattr(working, "IN_FLIGHT", 2)
    for _ in range(5):
        make_patient(house)
    run = begin(house, RunKind.INVITE)
    batch(run)
    worked = batch(run)
    assert worked is not None
    assert (worked.people, worked.over) == (0, False)
    assert numbers(run) == (0, 2, 0, 0)
    bulk.cancel(run, by=house.hand, now=moment.now)
    end_mails("accepted")
    working.settle(run.public_id, now=moment.now)
    assert numbers(run) == (2, 0, 0, 0)
    assert db.session.query(Invitation).count() == 2


def test_a_mail_that_is_put_off_keeps_no_run_open(house, patients, moment) -> None:
    run = begin(house, RunKind.INVITE)
    batch(run)
    with atomic():
        later = moment.now + timedelta(minutes=10)
        db.session.execute(update(OutboxMessage).values(next_attempt_at=later))
    worked = batch(run)
    assert worked is not None
    assert worked.over
    end_mails("accepted")
    assert run.public_id in working.to_look_after()
    working.settle(run.public_id, now=moment.now)
    assert numbers(run) == (3, 0, 0, 0)
    assert working.to_look_after() == []


def stopped_by_the_server(house, moment, monkeypatch) -> BulkRun:
    """Two of four mails are on their way when the server as a whole is in trouble."""
    monkeypatch.setattr(working, "IN_FLIGHT", 2)
    for _ in range(4):
        make_patient(house)
    run = begin(house, RunKind.INVITE)
    batch(run)
    trouble = Result(Kind.TEMPORARY, Reason.UNREACHABLE, whole_server=True)
    server.record_trouble(trouble, now=moment.now)
    assert batch(run) is None
    return run


def test_trouble_of_the_whole_server_stops_a_run_and_its_end_lets_it_go_on(
    house, moment, monkeypatch
) -> None:
    run = stopped_by_the_server(house, moment, monkeypatch)
    held = db.session.get_one(BulkRun, run.id)
    assert (held.state, held.paused_by, held.pause_reason) == ("paused", "server", "unreachable")
    working.settle(run.public_id, now=moment.now)
    assert db.session.get_one(BulkRun, run.id).state == "paused"
    server.record_working(now=moment.now)
    working.settle(run.public_id, now=moment.now)
    assert db.session.get_one(BulkRun, run.id).state == "running"
    bulk.pause(run, by=house.hand, now=moment.now)
    working.settle(run.public_id, now=moment.now)
    assert db.session.get_one(BulkRun, run.id).state == "paused", (
        "a person's pause waits for a person"
    )
    assert [event.actor_name for event in audited("bulk.moved")] == [
        "Bulk runs", "Bulk runs", house.front_desk.name,
    ]  # fmt: skip


def test_a_run_without_a_mail_that_could_ask_the_server_asks_with_its_next_people(
    house, moment, monkeypatch
) -> None:
    """Else it stood for ever: nobody asks a server for whom nothing waits."""
    run = stopped_by_the_server(house, moment, monkeypatch)
    working.settle(run.public_id, now=moment.now)
    assert db.session.get_one(BulkRun, run.id).state == "paused"
    end_mails("unknown", "cut_off")
    working.settle(run.public_id, now=moment.now)
    assert db.session.get_one(BulkRun, run.id).state == "running"
    worked = batch(run)
    assert worked is not None
    assert worked.people == 2
    assert batch(run) is None
    assert db.session.get_one(BulkRun, run.id).state == "paused"


def test_a_pace_and_a_daily_cap_are_kept(app, house, moment, monkeypatch) -> None:
    for _ in range(6):
        make_patient(house)
    paced = settings().model_copy(update={"bulk_per_minute": 60, "bulk_per_day": 5})
    monkeypatch.setitem(app.extensions, "vestibule.settings", paced)
    assert pace_of(60) == (2, timedelta(seconds=2))
    assert pace_of(10) == (1, timedelta(seconds=6))
    run = begin(house, RunKind.INVITE)
    batch(run)
    assert numbers(run)[1] == 2
    worked = batch(run)
    assert worked is not None
    assert worked.wait == timedelta(seconds=2)
    assert numbers(run)[1] == 2
    for _ in range(4):
        moment.pass_(seconds=2)
        batch(run)
    assert numbers(run)[1] == 5, "the day's cap"
    moment.pass_(hours=25)
    end_mails("accepted")
    batch(run)
    assert numbers(run)[:2] == (5, 1)


def test_flight_asks_nothing_of_runs_without_mail(house, patients, moment) -> None:
    run = begin(house, RunKind.ENABLE)
    assert flight.on_their_way(run, most=9, now=moment.now) == 0


def test_mails_go_out_over_one_bell(house: House, patients, monkeypatch) -> None:
    from portal import queue

    rung: list[tuple[str, ...]] = []
    monkeypatch.setattr(queue, "ring", lambda *args: bool(rung.append(args)))
    run = begin(house, RunKind.INVITE)
    rung.clear()
    batch(run)
    assert rung == [], "no bell for each of a hundred mails"
