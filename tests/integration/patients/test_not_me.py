"""**This is not me** (8.13)."""

from __future__ import annotations

import pytest

from portal.access import service as access
from portal.access.rules import Status
from portal.attention import service as attention
from portal.errors import Refused
from portal.invitations import service as invitations
from tests.factories import make_house, make_invitation
from tests.integration.patients.visitor import Visitor, link_of, text


def test_looking_changes_nothing_and_one_post_does_all(app, moment) -> None:
    house = make_house()
    invitation = make_invitation(house)
    visitor = Visitor(app)
    answer = visitor.get(f"{link_of(invitation)}/not-me")
    door = answer.headers["Location"].removesuffix("/not-me")
    page = visitor.follow(answer)
    assert "Jenny" not in text(page)
    assert "Harris" not in page.get_data(as_text=True)
    assert access.current_grant(invitation.patient_id) is not None
    thanks = visitor.follow(visitor.post(f"{door}/not-me"))
    assert "Thank you" in text(thanks)
    assert "Jenny" not in text(thanks)
    assert access.current_grant(invitation.patient_id) is None
    assert access.status_of(invitation.patient, None, now=moment.now) is Status.NOT_ENABLED
    items = attention.open_items(practice_id=house.practice.id)
    assert [item.kind for item in items] == ["not_me"]
    assert "This link is closed" in text(visitor.follow(visitor.get(door)))
    with pytest.raises(Refused, match="address_blocked"):
        invitations.enable_and_invite(patient=invitation.patient, by=house.hand, now=moment.now)


def test_twice_is_harmless_and_says_the_same(app, moment) -> None:
    house = make_house()
    visitor = Visitor(app)
    door = visitor.open(make_invitation(house))
    said = {text(visitor.follow(visitor.post(f"{door}/not-me"))) for _ in range(2)}
    assert len(said) == 1
    assert len(attention.open_items(practice_id=house.practice.id)) == 1


def test_it_never_ends_an_access_that_was_activated(app, moment) -> None:
    invitation = make_invitation(make_house())
    patient = Visitor(app)
    patient.register(invitation)
    other = Visitor(app)
    door = other.open(invitation)
    assert "Thank you" in text(other.follow(other.post(f"{door}/not-me")))
    assert patient.at_home()
