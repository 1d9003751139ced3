"""A mailbox that is full: at once, for a day, or when the mail had been taken; all three are counted together."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail.delivery import deliver
from portal.people.models import Patient
from portal.practices.models import StaffMember
from portal.roster.models import RosterCount
from tests.doors import log_on_staff
from tests.factories import make_house, make_patient
from tests.integration.mail.test_bounces import FULL, come_back, message_of, told

FULL_AT_ONCE, FULL_FOR_A_DAY, FULL_AFTER_THE_DOT, CAME_BACK, SPAM = (
    "552 5.2.2 Full", "452 4.2.2 Full", "dot: 552 Mailbox full", "bounce", "554 5.7.1 Spam",
)  # fmt: skip


def write_to(patient: Patient, way: str, house, moment, smtp) -> Invitation:
    """One more mail to this address, and how it ends."""
    patient = db.session.get_one(Patient, patient.id)
    grant = access.current_grant(patient.id)
    newest = invitations.latest(grant.id) if grant else None
    if newest is None:
        invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    else:
        invitation = invitations.resend(
            patient=patient, replaces=newest.public_id, by=house.hand, now=moment.now
        )
    assert invitation is not None
    stage = "data" if way.startswith("dot: ") else "recipient"
    smtp.always(stage, None if way == CAME_BACK else way.removeprefix("dot: "))
    while message_of(invitation).state == "queued":
        moment.now = max(moment.now, message_of(invitation).next_attempt_at)
        deliver()
    smtp.always(stage, None)
    if way == CAME_BACK:
        come_back(FULL, invitation, moment)
    return invitation


@pytest.mark.parametrize(
    ("ways", "dead"),
    [
        ((FULL_AT_ONCE, FULL_AT_ONCE, FULL_AT_ONCE), True),
        ((FULL_FOR_A_DAY, FULL_AFTER_THE_DOT, FULL_FOR_A_DAY), True),
        ((CAME_BACK, CAME_BACK, FULL_AFTER_THE_DOT), True),
        ((FULL_AT_ONCE, FULL_FOR_A_DAY, CAME_BACK), True),
        ((CAME_BACK, FULL_AT_ONCE, SPAM), False),
        ((SPAM, SPAM, SPAM), False),
        ((SPAM, FULL_AT_ONCE, CAME_BACK), False),
    ],
)
def test_full_at_the_door_and_full_later_are_counted_together(
    app, moment, smtp, ways, dead
) -> None:
    house = make_house()
    patient = make_patient(house)
    for number, way in enumerate(ways, start=1):
        invitation = write_to(patient, way, house, moment, smtp)
        held = db.session.get_one(Patient, patient.id, populate_existing=True)
        assert (held.email_bounced_at is not None) == (dead and number == 3)
        moment.pass_(days=8)
    assert held.email_bounce_reason == ("mailbox_full" if dead else None)
    events = db.session.scalars(select(InvitationEvent).order_by(InvitationEvent.id)).all()
    assert [event.invitation_id for event in events if event.data.get("too_often")] == (
        [invitation.id] if dead else []
    )
    pill = db.session.get(RosterCount, (house.practice.id, "bounced"))
    assert (pill.number if pill else 0) == dead
    assert len(told("patient.email_bounced")) == dead
    desk = log_on_staff(app, db.session.scalar(select(StaffMember).limit(1)))
    page = desk.get(f"/staff/patients/{patient.public_id}/portal-access").text
    assert ("It is the third such mail within 30 days" in page) == dead
    assert ("Email bounced." in page) == dead


def test_one_full_for_a_day_counts_once_and_long_ago_not_at_all(app, moment, smtp) -> None:
    house = make_house()
    patient = make_patient(house)
    for _ in range(2):
        write_to(patient, FULL_FOR_A_DAY, house, moment, smtp)
    moment.pass_(days=31)
    for _ in range(2):
        write_to(patient, FULL_AT_ONCE, house, moment, smtp)
    assert db.session.get_one(Patient, patient.id).email_bounced_at is None
