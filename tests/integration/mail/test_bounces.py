"""What came back and what follows from it: the row, the chart, the timeline, the list of what needs a person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.attention import service as attention
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail.addresses import bounce_address, read_bounce_address
from portal.mail.bounces.intake import Taken, take
from portal.mail.delivery import deliver
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from portal.practices.models import StaffMember
from portal.roster.models import RosterCount
from portal.transaction import atomic
from tests.doors import log_on_staff
from tests.factories import make_house, make_invitation, make_patient
from tests.unit.mail.test_bounce_reading import mail, report

GONE = report(diagnostic="550 5.1.1 User unknown")
FULL = report(status="5.2.2", diagnostic="552 5.2.2 mailbox is full")
LATE = report(action="delayed", status="4.4.1", diagnostic="connection timed out")
AWAY = mail("I am away.", From="a@b.example", Auto_Submitted="auto-replied")
UNWANTED = mail(
    "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--",
    Content_Type='multipart/report; report-type=feedback-report; boundary="b"',
)


def message_of(invitation: Invitation) -> OutboxMessage:
    return db.session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.purpose == "invitation", OutboxMessage.subject_id == invitation.id)
        .execution_options(populate_existing=True)
    ).one()


def come_back(raw: bytes, invitation: Invitation, moment) -> Taken:
    address = bounce_address(message_of(invitation).public_id)
    return take(raw, recipient=address, now=moment.now)


def lines(invitation: Invitation) -> list[str]:
    found = select(InvitationEvent).where(InvitationEvent.invitation_id == invitation.id)
    return [event.kind for event in db.session.scalars(found.order_by(InvitationEvent.id))]


def told(event: str) -> list[dict]:
    return list(db.session.scalars(select(AuditEvent.data).where(AuditEvent.event == event)))


def everything() -> dict[str, list[str]]:
    db.session.rollback()
    return {
        table.name: sorted(map(repr, db.session.execute(select(table)).all()))
        for table in db.metadata.sorted_tables
    }


@pytest.fixture
def invitation(app, moment) -> Invitation:
    return make_invitation(make_house())


def test_a_hard_bounce_marks_row_chart_timeline_and_asks_for_a_person(invitation, moment) -> None:
    moment.pass_(minutes=3)
    assert come_back(GONE, invitation, moment) is Taken.RECORDED
    message, patient = message_of(invitation), db.session.get_one(Patient, invitation.patient_id)
    assert (message.state, message.reason) == ("bounced", "no_such_mailbox")
    assert message.bounced_at == moment.now
    assert message.settled_at < moment.now
    assert (patient.email_bounced_at, patient.email_bounce_reason) == (
        moment.now,
        "no_such_mailbox",
    )
    assert lines(invitation)[-1] == "bounced"
    assert db.session.get_one(Invitation, invitation.id).state == "live"  # the link stays as it is
    (item,) = attention.open_items(practice_id=invitation.practice_id)
    assert (item.kind, item.reason) == ("mail_failed", "no_such_mailbox")
    pill = db.session.get_one(RosterCount, (invitation.practice_id, "bounced"))
    assert pill.number == 1
    assert told("mail.bounced") == [
        {"message": message.public_id, "meaning": "hard", "reason": "no_such_mailbox"}
    ]
    assert told("patient.email_bounced")[0]["reason"] == "no_such_mailbox"
    assert first_broken_link(invitation.practice_id) is None


def test_the_same_bounce_twice_changes_nothing_more(invitation, moment) -> None:
    for raw in (LATE, AWAY, GONE, UNWANTED):
        come_back(raw, invitation, moment)
        before = everything()
        moment.pass_(hours=1)
        come_back(raw, invitation, moment)
        assert everything() == before


def test_an_unknown_mail_may_come_back_too(invitation, moment) -> None:
    with atomic():
        message_of(invitation).state = "unknown"
    assert come_back(GONE, invitation, moment) is Taken.RECORDED
    assert message_of(invitation).state == "bounced"


def test_a_mail_that_is_just_being_sent_is_told_later(invitation, moment) -> None:
    with atomic():
        message = message_of(invitation)
        message.state, message.lease = "sending", "somebody"
    before = everything()
    assert come_back(GONE, invitation, moment) is Taken.LATER
    assert everything() == before


def test_after_a_try_in_doubt_a_bounce_ends_the_retries(invitation, moment) -> None:
    with atomic():
        message = message_of(invitation)
        message.state, message.doubtful_tries = "queued", 1
    come_back(GONE, invitation, moment)
    assert message_of(invitation).state == "bounced"


def test_the_address_changed_meanwhile(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    people.edit(
        patient=invitation.patient,
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="by_phone",
    )
    come_back(GONE, invitation, moment)
    patient = db.session.get_one(Patient, invitation.patient_id)
    assert patient.email_bounced_at is None
    assert message_of(invitation).state == "bounced"
    assert lines(invitation)[-1] == "bounced"
    assert attention.open_items(practice_id=house.practice.id) == []


def test_another_address_on_file_clears_it(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    come_back(GONE, invitation, moment)
    people.edit(
        patient=db.session.get_one(Patient, invitation.patient_id),
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="by_phone",
    )
    patient = db.session.get_one(Patient, invitation.patient_id)
    assert (patient.email_bounced_at, patient.email_bounce_reason) == (None, None)
    assert db.session.get_one(RosterCount, (house.practice.id, "bounced")).number == 0


def test_a_full_mailbox_is_no_dead_address_until_the_third_time(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    invitation = make_invitation(house, patient)
    for round_ in (1, 2, 3):
        come_back(FULL, invitation, moment)
        assert message_of(invitation).state == "bounced"
        held = db.session.get_one(Patient, patient.id, populate_existing=True)
        assert (held.email_bounced_at is not None) == (round_ == 3)
        assert lines(invitation)[-1] == ("bounced" if round_ == 3 else "returned")
        if round_ < 3:
            moment.pass_(days=8)
            invitation = invitations.resend(
                patient=held, replaces=invitation.public_id, by=house.hand, now=moment.now
            )
            from tests.factories import accept_mail

            accept_mail(invitation, now=moment.now)
    assert held.email_bounce_reason == "mailbox_full"


def test_what_came_back_long_ago_does_not_count(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    for days in (0, 20):
        moment.pass_(days=days)
        other = make_invitation(house, make_patient(house, email=invitation.email))
        come_back(FULL, other, moment)
    moment.pass_(days=31)
    come_back(FULL, invitation, moment)
    assert db.session.get_one(Patient, invitation.patient_id).email_bounced_at is None


@pytest.mark.parametrize(("raw", "line"), [(LATE, "late"), (AWAY, "auto_reply")])
def test_a_delay_and_an_automatic_answer_are_noted_and_nothing_else(
    invitation, moment, raw, line
) -> None:
    before = everything()
    assert come_back(raw, invitation, moment) is Taken.RECORDED
    after = everything()
    assert {name for name in before if before[name] != after[name]} == {"invitation_event"}
    assert lines(invitation)[-1] == line


def test_a_person_s_answer_changes_nothing(invitation, moment) -> None:
    before = everything()
    raw = mail("Thank you!", From="jenny@example.com", Subject="Re: Connect")
    assert come_back(raw, invitation, moment) is Taken.NOTHING_NEW
    assert everything() == before


def test_a_complaint_about_what_staff_sent_asks_for_a_person(invitation, moment) -> None:
    come_back(UNWANTED, invitation, moment)
    (item,) = attention.open_items(practice_id=invitation.practice_id)
    assert item.kind == "mail_complaint"
    assert db.session.get_one(Patient, invitation.patient_id).opted_out_at is None
    assert lines(invitation)[-1] == "complaint"
    assert message_of(invitation).state == "accepted"


def forged(address: str) -> list[str]:
    local, _, domain = address.partition("@")
    name, _, mac = local.removeprefix("bounce+").partition(".")
    flipped = ("a" if mac[0] != "a" else "b") + mac[1:]
    return [
        f"bounce+{name}.{flipped}@{domain}",
        f"bounce+{name}.@{domain}",
        f"bounce+{name}@{domain}",
        f"bounce+{name[:-1]}.{mac}@{domain}",
        f"bounce+{'a' * 26}.{mac}@{domain}",
        f"{name}.{mac}@{domain}",
        "jenny@example.com",
        "",
        "bounce+\x00.\u0131@x",
        f"bounce+{name}.\u017f{mac[1:]}@{domain}",  # an "s" for whoever ignores case
        f"bounce+\u212a{name[1:]}.{mac}@{domain}",
    ]


def test_a_forged_address_does_nothing(invitation, moment, caplog) -> None:
    address = bounce_address(message_of(invitation).public_id)
    before = everything()
    for recipient in forged(address):
        assert take(GONE, recipient=recipient, now=moment.now) is Taken.NOT_OURS
    assert everything() == before


def test_a_message_id_in_the_returned_part_is_never_acted_upon(invitation, moment) -> None:
    raw = GONE + f"\nMessage-ID: <{message_of(invitation).message_id}>\n".encode()
    before = everything()
    assert take(raw, recipient="postmaster@localhost", now=moment.now) is Taken.NOT_OURS
    assert everything() == before


def test_bounce_addresses_survive_what_servers_do_to_them(app) -> None:
    for public_id in ("AAAAAAAAAAAAAAAAAAAAAA", "zz_-zz_-zz_-zz_-zz_-zw"):
        address = bounce_address(public_id)
        for written in (address, address.upper(), f"<{address}>", f" {address} "):
            assert read_bounce_address(written) == public_id


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("550 5.1.1 No such user", "no_such_mailbox"),
        ("550 5.1.2 Bad host", "no_such_domain"),
        ("550 5.2.1 Disabled", "mailbox_disabled"),
        ("552 5.2.2 Full", None),
        ("554 5.7.1 Spam", None),
    ],
)
def test_a_no_about_the_address_at_the_door_counts_as_bounced(
    app, moment, smtp, answer, reason
) -> None:
    house = make_house()
    patient = make_patient(house)
    smtp.program("recipient", answer)
    invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    deliver()
    held = db.session.get_one(Patient, patient.id, populate_existing=True)
    assert held.email_bounce_reason == reason
    assert (held.email_bounced_at is not None) == (reason is not None)
    pill = db.session.get(RosterCount, (house.practice.id, "bounced"))
    assert (pill.number if pill else 0) == (1 if reason else 0)


def test_a_mail_about_a_changed_address_that_comes_back_marks_the_chart(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    people.edit(
        patient=patient,
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="by_phone",
    )
    with atomic():
        for message in db.session.scalars(select(OutboxMessage)):
            message.state = "accepted"
    found = {
        message.purpose: message.public_id for message in db.session.scalars(select(OutboxMessage))
    }
    take(GONE, recipient=bounce_address(found["email_changed_old"]), now=moment.now)
    assert db.session.get_one(Patient, patient.id).email_bounced_at is None
    take(GONE, recipient=bounce_address(found["email_changed_new"]), now=moment.now)
    assert db.session.get_one(Patient, patient.id).email_bounced_at == moment.now


def test_logs_hold_no_address(invitation, moment, capsys) -> None:
    come_back(GONE, invitation, moment)
    take(GONE, recipient="bounce+forged@example.com", now=moment.now + timedelta(1))
    said = "".join(capsys.readouterr())
    assert "example.com" not in said
    assert invitation.email not in said


@pytest.mark.parametrize(("raw", "advice"), [(GONE, "Check the address."), (FULL, "may be right")])
def test_staff_are_told_what_to_do(app, invitation, moment, raw, advice) -> None:
    come_back(raw, invitation, moment)
    desk = log_on_staff(app, db.session.scalar(select(StaffMember).limit(1)))
    today = desk.get("/staff/").text
    assert "The invitation was not delivered" in today
    assert advice in today
    patient = db.session.get_one(Patient, invitation.patient_id)
    page = desk.get(f"/staff/patients/{patient.public_id}/portal-access").text
    assert "Bounced: the mail came back" in page
    assert "The mail came back." in page
    assert ("Email bounced." in page) == (raw is GONE)
