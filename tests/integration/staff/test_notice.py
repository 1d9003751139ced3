"""The confidentiality notice (product 5.7)."""

from __future__ import annotations

import html
import re

import pytest

from portal.extensions import db
from portal.invitations.models import Invitation
from portal.practices import service as practices
from portal.practices.models import NoticeAcknowledgement
from tests.factories import make_house, make_patient
from tests.integration.staff.clerk import audited, markup, status_region, text

TITLE = "Before you invite: keep patients’ records confidential"


def acknowledgements() -> int:
    db.session.rollback()
    return db.session.query(NoticeAcknowledgement).count()


def form_of(answer) -> tuple[str, dict[str, str]]:
    """Where the notice's form goes, and what it carries."""
    form = re.search(
        r'<form method="post" action="([^"]*/access/[^"]*)"(.*?)</form>', markup(answer), re.S
    )
    assert form
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[2])
    return html.unescape(form[1]), {name: value for name, value in fields if name != "csrf_token"}


@pytest.mark.parametrize("htmx", [True, False])
def test_the_first_enable_shows_it_and_ok_carries_the_act_out(newcomer, jenny, htmx) -> None:
    before = acknowledgements()
    answer = newcomer.act(jenny, "enable", htmx=htmx, require_new_invitation="yes")
    words = text(answer)
    assert TITLE in words
    assert "set up by the patient, or by a person who is authorized" in words
    assert "can read mail at the email address on file" in words
    assert db.session.query(Invitation).count() == 0
    if htmx:
        assert answer.headers["HX-Retarget"] == "#dialogs"
        assert "<dialog" in markup(answer)

    url, fields = form_of(answer)
    assert fields == {"require_new_invitation": "yes", "notice_read": "1"}
    done = newcomer.post(url, htmx=htmx, **fields)
    done = done if htmx else newcomer.follow(done)
    assert "Pending..." in text(done)
    assert acknowledgements() == before + 1
    assert audited("notice.acknowledged")[-1].data == {"version": 1}
    if htmx:
        assert status_region(done).startswith("Invited Jenny H.")


def test_it_is_asked_once(newcomer, house, jenny) -> None:
    url, fields = form_of(newcomer.act(jenny, "enable"))
    newcomer.post(url, htmx=True, **fields)
    newcomer.post(url, htmx=True, **fields)
    told = len(audited("notice.acknowledged"))
    other = make_patient(house)
    assert "Invited Jenny H." in text(newcomer.act(other, "enable"))
    assert len(audited("notice.acknowledged")) == told


def test_a_new_version_asks_everybody_anew(clerk, jenny, monkeypatch) -> None:
    monkeypatch.setattr(practices, "NOTICE_VERSION", 2)
    answer = clerk.act(jenny, "enable")
    assert TITLE in text(answer)
    assert form_of(answer)[1] == {"notice_read": "2"}
    stale = clerk.act(jenny, "enable", notice_read="1")
    assert TITLE in text(stale)


@pytest.mark.parametrize("act", ["enable", "send", "resend"])
def test_every_act_that_invites_asks(newcomer, jenny, act) -> None:
    assert TITLE in text(newcomer.act(jenny, act))


def test_ending_access_needs_no_notice(newcomer, house, jenny, clerk) -> None:
    from portal.access import service as access

    clerk.act(jenny, "enable")
    grant = access.current_grant(jenny.id)
    answer = newcomer.act(jenny, "revoke", grant=grant.public_id)
    assert status_region(answer).startswith("Revoked")


def test_it_is_not_shown_about_another_practice_s_patient(newcomer) -> None:
    stranger = make_patient(make_house("Other Clinic"))
    assert newcomer.act(stranger, "enable").status_code == 404


def test_it_can_be_read_and_acknowledged_at_any_time(newcomer, clerk) -> None:
    assert TITLE in text(newcomer.get("/staff/notice"))
    assert newcomer.post("/staff/notice").headers["Location"] == "/staff/"
    assert "You have acknowledged this notice." in text(newcomer.get("/staff/notice"))
