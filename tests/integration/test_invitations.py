"""Invite, resend, revoke: one live invitation, prepared until the mail server accepts (3.2–3.4, 3.7)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.access.rules import Status
from portal.attention import service as attention
from portal.errors import Refused
from portal.extensions import db
from portal.invitations import fresh_link, timeline, wrong_person
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.invitations.outcomes import record_mail_result
from portal.invitations.rules import LinkState
from portal.mail.models import OutboxMessage, OutboxState
from portal.mail.registry import Outcome
from portal.people import service as people
from portal.tokens import link_token
from portal.transaction import atomic
from tests.factories import accept_mail, make_house, make_invitation, make_patient


def lines(invitation: Invitation) -> list[str]:
    return [line.kind for line in reversed(timeline.of_grant(invitation.grant_id))]


def message_of(invitation: Invitation) -> OutboxMessage:
    found = db.session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.purpose == "invitation", OutboxMessage.subject_id == invitation.id)
        .order_by(OutboxMessage.id.desc())
    )
    assert found is not None
    return found


def test_enable_patient_access_enables_and_invites_in_one_commit(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    assert invitation is not None
    assert invitation.state == "prepared"
    assert (
        access.status_of(patient, access.current_grant(patient.id), now=moment.now)
        is Status.INVITED
    )
    assert message_of(invitation).state == "queued"
    again = invitations.enable_and_invite(
        patient=patient, by=house.hand, now=moment.pass_(seconds=1)
    )
    assert again is not None
    assert again.id == invitation.id, "a double click is one act"
    # printed: November 28; good to the end of that day in New York
    assert invitation.expires_at.isoformat() == "2026-11-29T05:00:00+00:00"
    assert invitations.find_by_token(link_token(invitation.nonce)).id == invitation.id  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"email": None}, "identifiers_missing"),
        ({"ssn": None, "birth_date": None}, "identifiers_missing"),
        ({"ssn": None, "phones": None}, "identifiers_missing"),
        ({"deceased": True}, "deceased"),
    ],
)
def test_what_is_missing_refuses_and_changes_nothing(app, moment, values, code) -> None:
    house = make_house()
    patient = make_patient(house, **values)
    with pytest.raises(Refused, match=code):
        invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    assert access.current_grant(patient.id) is None


def test_ssn_alone_or_birth_date_and_phone_suffice(app, moment) -> None:
    house = make_house()
    for values in ({"birth_date": None, "phones": None}, {"ssn": None}):
        patient = make_patient(house, **values)
        assert invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)


def test_a_resent_invitation_is_prepared_until_its_mail_is_accepted(app, moment) -> None:
    house = make_house()
    first = make_invitation(house)
    patient = first.patient
    second = invitations.resend(
        patient=patient, replaces=first.public_id, by=house.hand, now=moment.pass_(minutes=1)
    )
    assert second.grant_id == first.grant_id, "the same row of the history"
    assert (first.state, second.state) == ("live", "prepared")
    assert invitations.state_of_link(first, now=moment.now) is LinkState.OPEN, (
        "the old link still works"
    )
    double = invitations.resend(
        patient=patient, replaces=first.public_id, by=house.hand, now=moment.now
    )
    assert double.id == second.id, "a double click is one act"
    accept_mail(second, now=moment.pass_(seconds=5))
    assert (first.state, second.state) == ("replaced", "live")
    assert invitations.state_of_link(first, now=moment.now) is LinkState.REPLACED


def test_a_failed_resend_leaves_the_earlier_one_and_asks_for_a_person(app, moment) -> None:
    house = make_house()
    first = make_invitation(house)
    second = invitations.resend(
        patient=first.patient, replaces=first.public_id, by=house.hand, now=moment.now
    )
    with atomic():
        record_mail_result(
            message=message_of(second),
            outcome=Outcome(state=OutboxState.FAILED, reason="no_such_mailbox"),
            now=moment.now,
        )
    assert (first.state, second.state) == ("live", "failed")
    items = attention.open_items(practice_id=house.practice.id)
    assert [(item.kind, item.reason) for item in items] == [("mail_failed", "no_such_mailbox")]
    third = invitations.resend(
        patient=first.patient, replaces=second.public_id, by=house.hand, now=moment.now
    )
    assert third.state == "prepared"
    assert attention.open_items(practice_id=house.practice.id) == [], "a new one settles it"


def test_resend_after_a_changed_address_opens_a_new_row(app, moment) -> None:
    house = make_house()
    first = make_invitation(house)
    patient = first.patient
    people.edit(
        patient=patient,
        values={"email": "other@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )
    assert first.state == "voided", "links that went to the old address are dead"
    told = db.session.scalars(
        select(OutboxMessage.purpose).where(OutboxMessage.purpose.startswith("email_changed"))
    ).all()
    assert sorted(told) == ["email_changed_new", "email_changed_old"]
    second = invitations.resend(
        patient=patient, replaces=first.public_id, by=house.hand, now=moment.now
    )
    history = access.history(patient.id)
    assert len(history) == 2
    assert second.grant_id == history[0].id
    assert history[1].end_reason == EndReason.EMAIL_CHANGED
    assert [grant.email for grant in history] == ["other@example.com", first.email]


def test_a_change_of_address_needs_to_be_verified(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    before = patient.email
    with pytest.raises(Refused, match="verification_needed"):
        people.edit(
            patient=patient, values={"email": "x@example.com"}, by=house.hand, now=moment.now
        )
    assert patient.email == before


def test_revoking_kills_the_link_and_takes_back_the_mail(app, moment) -> None:
    house = make_house()
    patient = make_patient(house)
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    assert invitation is not None
    grant = access.current_grant(patient.id)
    assert grant is not None
    access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)
    assert invitation.state == "revoked"
    assert message_of(invitation).state == "cancelled"
    assert invitations.state_of_link(invitation, now=moment.now) is LinkState.REVOKED


def test_not_me_kills_blocks_ends_and_tells(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    patient = invitation.patient
    wrong_person.not_me(invitation, by=house.hand, now=moment.now)
    wrong_person.not_me(invitation, by=house.hand, now=moment.now)
    assert invitation.state == "not_me"
    assert access.current_grant(patient.id) is None
    assert [i.kind for i in attention.open_items(practice_id=house.practice.id)] == ["not_me"]
    with pytest.raises(Refused, match="address_blocked"):
        invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    people.edit(
        patient=patient,
        values={"email": "right@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in_person",
    )
    assert invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)


def test_a_fresh_link_twice_per_grant_and_within_thirty_days(app, moment) -> None:
    house = make_house()
    first = make_invitation(house)
    patient = first.patient
    fresh_link.request(first, by=house.hand, now=moment.now)
    assert len(invitations.open_invitations(patient.id)) == 1, "an open link needs none"
    for sent in (1, 2, 2):
        moment.pass_(days=8)
        newest = invitations.latest(first.grant_id)
        assert newest is not None
        assert invitations.state_of_link(newest, now=moment.now) is LinkState.EXPIRED
        fresh_link.request(newest, by=house.hand, now=moment.now)
        assert invitations.fresh_links_sent(first.grant_id) == sent
        newest = invitations.latest(first.grant_id)
        assert newest is not None
        if newest.state == "prepared":
            accept_mail(newest, now=moment.now)


def test_no_fresh_link_after_thirty_days_or_for_a_dead_grant(app, moment) -> None:
    house = make_house()
    first = make_invitation(house)
    fresh_link.request(first, by=house.hand, now=moment.pass_(days=30))
    assert invitations.fresh_links_sent(first.grant_id) == 0
    second = make_invitation(house)
    grant = access.current_grant(second.patient_id)
    assert grant is not None
    access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)
    fresh_link.request(second, by=house.hand, now=moment.pass_(days=8))
    assert invitations.fresh_links_sent(second.grant_id) == 0


def test_the_timeline_tells_it_in_order(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    for _ in range(20):
        timeline.observe_opened(invitation, scanner=True, now=moment.now)
    timeline.observe_opened(invitation, scanner=False, now=moment.pass_(minutes=2))
    assert lines(invitation) == ["queued", "accepted", "opened", "opened"]
