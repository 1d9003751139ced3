"""What tests of outgoing mail do and ask again and again."""

from __future__ import annotations

from sqlalchemy import select

from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail import ledger, outbox
from portal.mail.models import OutboxMessage
from portal.people import service as people
from tests import factories
from tests.factories import House, make_patient


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


def events_about(invitation: Invitation) -> list[str]:
    rows = db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))
    names = {invitation.public_id, the_message(invitation).public_id}
    return [
        row.event for row in rows if names & {row.data.get("invitation"), row.data.get("message")}
    ]


def revoke(invitation: Invitation, house: House, moment) -> None:
    patient = people.get_patient(
        practice_id=house.practice.id,
        public_id=db.session.get_one(Invitation, invitation.id).patient.public_id,
    )
    factories.revoke(patient, house, now=moment.now)
