"""The one reminder before an invitation expires: who gets it, what it says, and that it is one."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from sqlalchemy import event, func, select

from portal import clock, sweep, tokens
from portal.access import service as access
from portal.access.models import EndReason
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.extensions import db
from portal.invitations import reminders
from portal.invitations import service as invitations
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail import unsubscribe
from portal.mail.addresses import bounce_address
from portal.mail.bounces.intake import take
from portal.mail.delivery import deliver
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from portal.transaction import atomic
from tests.conftest import KEY
from tests.doors import sign_up
from tests.factories import make_house, make_invitation, make_patient
from tests.forked import Forked, let_run
from tests.integration.mail.test_bounces import FULL, GONE, UNWANTED, come_back, lines


def reminders_in_outbox() -> list[OutboxMessage]:
    wanted = select(OutboxMessage).where(OutboxMessage.purpose == "invitation_reminder")
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def to_the_window(invitation: Invitation, moment) -> None:
    moment.now = invitation.expires_at - timedelta(days=2)


def test_it_comes_two_days_before_the_end_and_once(house, moment) -> None:
    invitation = make_invitation(house)
    to_the_window(invitation, moment)
    assert reminders.remind_due(moment.now - timedelta(seconds=1)) == 0
    assert reminders.remind_due(moment.now) == 1
    assert reminders.remind_due(moment.now + timedelta(minutes=1)) == 0
    (message,) = reminders_in_outbox()
    assert (message.subject_id, message.address, message.kind) == (
        invitation.id,
        invitation.email,
        "staff",
    )
    assert db.session.get_one(Invitation, invitation.id).reminded_at == moment.now
    assert lines(invitation)[-1] == "reminded"
    told = db.session.scalars(
        select(AuditEvent.data).where(AuditEvent.event == "invitations.reminded")
    ).all()
    assert [data["number"] for data in told] == [1]
    assert first_broken_link(house.practice.id) is None


def test_the_sweep_does_it(house, moment) -> None:
    invitation = make_invitation(house)
    to_the_window(invitation, moment)
    assert "reminders" in sweep.once(holder="a", now=moment.now)
    assert len(reminders_in_outbox()) == 1


def opt_out(invitation, house, moment) -> None:
    people.set_opted_out(patient=invitation.patient, opted_out=True, by=house.hand, now=moment.now)


def bounce(invitation, house, moment) -> None:
    come_back(GONE, invitation, moment)


def revoke(invitation, house, moment) -> None:
    grant = access.current_grant(invitation.patient_id)
    access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)


def block(invitation, house, moment) -> None:
    with atomic():
        people.block_address(
            db.session.get_one(Patient, invitation.patient_id),
            invitation.email,
            reason="not_me",
            by=house.hand,
            now=moment.now,
        )


def die(invitation, house, moment) -> None:
    values = {"deceased": True, "deceased_on": date(2026, 11, 1)}
    people.edit(patient=invitation.patient, values=values, by=house.hand, now=moment.now)


def resend(invitation, house, moment) -> None:
    invitations.resend(
        patient=invitation.patient, replaces=invitation.public_id, by=house.hand, now=moment.now
    )


@pytest.mark.parametrize("before", [opt_out, bounce, revoke, block, die])
def test_who_gets_none(house, moment, before) -> None:
    invitation = make_invitation(house)
    before(invitation, house, moment)
    to_the_window(invitation, moment)
    assert reminders.remind_due(moment.now) == 0


def test_who_has_registered_or_was_too_late_gets_none(app, house, moment) -> None:
    registered, late = make_invitation(house), make_invitation(house)
    sign_up(app, registered, username="jenny.h")
    moment.now = late.expires_at + timedelta(seconds=1)
    assert reminders.remind_due(moment.now) == 0


def test_a_short_life_brings_no_second_mail_on_the_same_day(house, moment) -> None:
    with atomic():
        house.practice.invitation_days, house.practice.reminder_days = 2, 1
    make_invitation(house)
    assert reminders.remind_due(moment.pass_(hours=2)) == 0


@pytest.mark.parametrize("meanwhile", [opt_out, revoke, die, resend])
def test_what_happens_before_it_goes_out_holds_it_back(house, moment, smtp, meanwhile) -> None:
    invitation = make_invitation(house)
    to_the_window(invitation, moment)
    assert reminders.remind_due(moment.now) == 1
    meanwhile(invitation, house, moment)
    deliver()
    (message,) = reminders_in_outbox()
    if meanwhile is resend:  # the earlier link is good until the new mail is accepted
        assert message.state in {"accepted", "cancelled"}
    else:
        assert message.state == "cancelled"
        assert smtp.received == []


def test_what_it_says(house, moment, smtp) -> None:
    invitation = make_invitation(house)
    to_the_window(invitation, moment)
    reminders.remind_due(moment.now)
    assert deliver().accepted == 1
    (mail,) = smtp.received
    message = mail.message
    link = f"http://127.0.0.1:8000/i/{tokens.link_token(invitation.nonce)}"
    stop = unsubscribe.link(reminders_in_outbox()[0].public_id)
    assert message["Subject"] == "Your invitation from Family Practice expires November 28, 2026"
    assert f"\r\nList-Unsubscribe: <{stop}>\r\n".encode() in mail.raw  # whole, on one line
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("plain", "html"):
        assert mail.body(kind).count(link) == 2  # the button, "This is not me"
        assert f"{link}/not-me" in mail.body(kind)
        assert stop in mail.body(kind)
        assert "Jenny H." in mail.body(kind)
        assert "Harris" not in mail.body(kind)
    assert lines(invitation)[-2:] == ["reminded", "accepted"]
    assert "reminder" in str(db.session.scalars(
        select(InvitationEvent.data).where(InvitationEvent.kind == "accepted").order_by(InvitationEvent.id.desc())
    ).first())  # fmt: skip


def test_in_spanish(house, moment, smtp) -> None:
    invitation = make_invitation(house, make_patient(house, language="es"))
    to_the_window(invitation, moment)
    reminders.remind_due(moment.now)
    deliver()
    assert "28 de noviembre de 2026" in str(smtp.received[0].message["Subject"])
    assert "Your invitation" not in str(smtp.received[0].message["Subject"])


def test_an_invitation_of_staff_carries_no_list_unsubscribe(house, moment, smtp) -> None:
    invitations.enable_and_invite(patient=make_patient(house), by=house.hand, now=moment.now)
    deliver()
    assert smtp.received[0].message["List-Unsubscribe"] is None


def test_a_bulk_invitation_carries_it(house, moment, smtp, monkeypatch) -> None:
    monkeypatch.setattr("portal.invitations.mail.PERSONAL_ORIGINS", frozenset())
    invitations.enable_and_invite(patient=make_patient(house), by=house.hand, now=moment.now)
    deliver()
    (mail,) = smtp.received
    stop = str(mail.message["List-Unsubscribe"]).strip("<>")
    assert re.fullmatch(r"http://127\.0\.0\.1:8000/u/[\w-]{46}", stop)
    assert stop in mail.body("plain")
    assert stop in mail.body("html")


def test_a_reminder_that_fails_leaves_the_invitation(house, moment, smtp) -> None:
    invitation = make_invitation(house)
    to_the_window(invitation, moment)
    reminders.remind_due(moment.now)
    smtp.program("recipient", "550 5.1.1 No such user")
    deliver()
    assert db.session.get_one(Invitation, invitation.id).state == "live"
    assert db.session.get_one(Patient, invitation.patient_id).email_bounced_at == moment.now
    assert lines(invitation)[-1] == "mail_failed"


def test_a_reminder_that_comes_back_and_one_that_is_not_wanted(house, moment) -> None:
    invitation = make_invitation(house)
    to_the_window(invitation, moment)
    reminders.remind_due(moment.now)
    (message,) = reminders_in_outbox()
    with atomic():
        message.state = "accepted"
    address = bounce_address(message.public_id)
    take(UNWANTED, recipient=address, now=moment.now)
    patient = db.session.get_one(Patient, invitation.patient_id)
    assert patient.opted_out_at == moment.now  # nobody asked for it one by one
    told = db.session.scalars(
        select(AuditEvent.data).where(AuditEvent.event == "patient.opted_out")
    )
    assert told.all() == [{"reason": "complaint"}]
    take(FULL, recipient=address, now=moment.now)
    assert lines(invitation)[-2:] == ["complaint", "returned"]


def test_many_are_found_by_a_walk_of_the_index_in_batches(house, moment, monkeypatch) -> None:
    monkeypatch.setattr(reminders, "BATCH", 3)
    waiting = [make_invitation(house) for _ in range(8)]
    for invitation in waiting[:4]:
        opt_out(invitation, house, moment)
    to_the_window(waiting[0], moment)
    assert reminders.remind_due(moment.now) == 4
    told = db.session.scalars(
        select(AuditEvent.data).where(AuditEvent.event == "invitations.reminded")
    ).all()
    assert [data["number"] for data in told] == [3, 1]


def test_each_practice_has_its_own_days(house, moment) -> None:
    other = make_house("Never")
    with atomic():
        house.practice.reminder_days, other.practice.reminder_days = 3, 0
    early, never = make_invitation(house), make_invitation(other)
    moment.now = early.expires_at - timedelta(days=3)
    assert reminders.remind_due(moment.now) == 1
    moment.now = never.expires_at - timedelta(hours=1)
    assert reminders.remind_due(moment.now) == 0


def test_the_search_uses_its_index(house, moment) -> None:
    asked: list[tuple[str, object]] = []

    def listen(_connection, _cursor, statement, parameters, *_more) -> None:
        if "reminded_at IS NULL" in statement:
            asked.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        reminders.remind_due(moment.now)
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    statement, parameters = asked[0]
    with db.engine.connect() as connection:
        if db.engine.dialect.name == "postgresql":
            for way in ("seqscan", "bitmapscan", "sort"):  # a table of few rows needs no index
                connection.exec_driver_sql(f"SET enable_{way} = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).all()
        else:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert "ix_invitation_to_remind" in str(plan)


RACER = """
import sys
from portal import clock, create_app
from portal.extensions import db
from portal.invitations import reminders
from tests.conftest import make_settings
from tests.forked import wait_for_all
app = create_app(make_settings(sys.argv[1], data_encryption_key=sys.argv[2]))
with app.app_context():
    db.session.execute(db.text("SELECT 1"))
    db.session.rollback()
    wait_for_all(pipe)
    pipe.send(reminders.remind_due(clock.now()))
"""


def test_two_workers_at_once_send_each_of_them_one(app, database, tmp_path) -> None:
    houses = [make_house(), make_house("Second Practice")]
    number = 60
    for n in range(number):
        make_invitation(houses[n % 2])
    with atomic():
        for invitation in db.session.scalars(select(Invitation)):
            invitation.issued_at -= timedelta(days=5)
            invitation.expires_at = clock.now() + timedelta(days=1, seconds=invitation.id)
    db.session.remove()
    racers = [
        Forked.start(RACER, [database.url, KEY], log=tmp_path / f"racer.{number}.log")
        for number in range(2)
    ]
    let_run(racers)
    sent = sum(racer.hear() for racer in racers)
    assert all(racer.wait(120) == 0 for racer in racers)
    # one that both wanted in the same moment is left to the next sweep, never sent twice
    db.session.remove()
    reminders.remind_due(clock.now())
    each = db.session.execute(
        select(OutboxMessage.subject_id, func.count())
        .where(OutboxMessage.purpose == "invitation_reminder")
        .group_by(OutboxMessage.subject_id)
    ).all()
    assert sent > 0
    assert len(each) == number
    assert {count for _subject, count in each} == {1}
    for house in houses:
        assert first_broken_link(db.session.merge(house.practice).id) is None
