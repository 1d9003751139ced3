"""The arrow beside a patient of the schedule (4.2): it knows whether it can send, asks for what is missing."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from portal.access import service as access
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.people import service as people
from portal.transaction import atomic
from tests.factories import make_appointment, make_invitation, make_patient
from tests.integration.staff.clerk import markup, status_region, text

DAY = "/staff/schedule?day=2026-11-23"


def cell(answer: TestResponse, made: Any) -> str:
    """Badge and arrow as an answer shows them."""
    found = re.search(
        rf'<span class="portal" id="portal-{made.public_id}".*?(?=</td>|<span class="sign)',
        markup(answer),
        re.S,
    )
    assert found, markup(answer)
    return found[0]


def words(html: str) -> str:
    html = re.sub(r"<svg.*?</svg>", " ", html, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def button(html: str) -> str:
    found = re.search(r'<(?:button|a) [^>]*class="arrow[^>]*>', html)
    return found[0] if found else ""


def fields(html: str) -> dict[str, str]:
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)
    return {name: value.replace("&amp;", "&") for name, value in pairs}


def invitations() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Invitation)) or 0


def press(clerk: Any, made: Any, *, htmx: bool = True, **more: str) -> TestResponse:
    html = cell(clerk.get(DAY), made)
    return clerk.post(
        f"/staff/appointments/{made.public_id}/invite", htmx=htmx, **(fields(html) | more)
    )


def test_red_and_gray_can_send(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    html = cell(clerk.get(DAY), made)
    assert 'aria-label="Send portal invitation to Jenny (Jen) Harris"' in button(html)
    assert "Not enabled" in words(html)
    access.enable(patient=jenny, by=house.hand, now=moment.now)
    html = cell(clerk.get(DAY), made)
    assert "Ready to invite" in words(html)
    assert "Send portal invitation" in button(html)


@pytest.mark.parametrize("enabled", [True, False])
def test_one_press_enables_and_sends_and_swaps_the_badge(
    house, clerk, jenny, moment, enabled
) -> None:
    if enabled:
        access.enable(patient=jenny, by=house.hand, now=moment.now)
    made = make_appointment(house, jenny)
    other = make_appointment(house, jenny, wall=time(15))
    answer = press(clerk, made)
    assert answer.headers["HX-Reswap"] == "none"
    assert "HX-Trigger" not in answer.headers
    for each in (made, other):
        assert "Invited" in words(cell(answer, each))
        assert "Resend portal invitation" in button(cell(answer, each))
    assert status_region(answer) == "Invited Jenny H. Link expires Nov 28, 2026."
    assert invitations() == 1


def test_a_double_click_sends_once(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    sent = fields(cell(clerk.get(DAY), made))
    for _ in range(2):
        answer = clerk.post(f"/staff/appointments/{made.public_id}/invite", htmx=True, **sent)
        assert answer.status_code == 200
    assert invitations() == 1


def test_without_javascript_the_day_says_it(house, clerk, jenny) -> None:
    made = make_appointment(house, jenny)
    answer = press(clerk, made, htmx=False)
    assert answer.headers["Location"] == DAY
    assert "Invited Jenny H. Link expires Nov 28, 2026." in text(clerk.follow(answer))


def test_pending_says_since_when_and_resends(house, clerk, moment) -> None:
    invitation = make_invitation(house)
    made = make_appointment(house, invitation.patient)
    html = cell(clerk.get(DAY), made)
    assert "Expires Nov 28, 2026" in words(html)
    window = clerk.get(f"/staff/appointments/{made.public_id}")
    assert "Sent Nov 21, 2026, expires Nov 28, 2026" in text(window)
    assert fields(html)["replaces"] == invitation.public_id
    moment.pass_(minutes=5)
    answer = press(clerk, made)
    assert status_region(answer).startswith("Sent a new invitation to Jenny H.")
    assert invitations() == 2


def test_expired_is_told_and_resent(app, house, moment) -> None:
    from tests.integration.staff.clerk import Clerk

    invitation = make_invitation(house)
    made = make_appointment(house, invitation.patient)
    moment.pass_(days=9)
    clerk = Clerk(app, house.front_desk)
    html = cell(clerk.get(DAY), made)
    assert "Invitation expired Nov 28, 2026" in words(html)
    assert "Resend" in button(html)


def test_active_has_a_tick_and_no_arrow(house, clerk, moment) -> None:
    invitation = make_invitation(house)
    with atomic():
        grant = access.current_grant(invitation.patient_id)
        assert grant is not None
        access.record_activated(grant, now=moment.now)
    made = make_appointment(house, invitation.patient)
    html = cell(clerk.get(DAY), made)
    assert words(html) == "Portal status: Active"
    assert not button(html)


def test_barred_says_why(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    people.set_opted_out(patient=jenny, opted_out=True, by=house.hand, now=moment.now)
    html = cell(clerk.get(DAY), made)
    assert "Opted out Nov 21, 2026" in words(html)
    assert not button(html)


def test_what_is_missing_is_asked_for_there(house, clerk) -> None:
    tim = make_patient(house, given_name="Tim", family_name="Patient", preferred_name="",
                       email=None, ssn=None, birth_date=None, phones=None)  # fmt: skip
    made = make_appointment(house, tim)
    html = cell(clerk.get(DAY), made)
    assert "Missing: email; SSN, or birth date and phone" in words(html)
    assert 'aria-label="Add what is missing to invite Tim Patient"' in button(html)
    address = re.search(r'hx-get="([^"]*)"', html)
    assert address
    dialog = clerk.get(address[1].replace("&amp;", "&"), htmx=True)
    assert "Missing Identifiers for Tim Patient" in text(dialog)
    assert dialog.headers["HX-Reswap"] == "innerHTML"
    kept = fields(markup(dialog))
    wrong = clerk.post(f"/staff/appointments/{made.public_id}/identifiers", htmx=True,
                       email="no domain", **kept)  # fmt: skip
    assert wrong.status_code == 422
    answer = clerk.post(
        f"/staff/appointments/{made.public_id}/identifiers", htmx=True,
        email="tim@example.com", birth_date="2/11/1980", phone="(443) 555-0155", **kept,
    )  # fmt: skip
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert status_region(answer) == "Saved identifiers of Tim P."
    assert "Send portal invitation to Tim Patient" in button(cell(answer, made))


def test_from_the_window_dialogs_stand_above_it(house, clerk, newcomer) -> None:
    made = make_appointment(house, make_patient(house, email=None))
    window = markup(clerk.get(f"/staff/appointments/{made.public_id}?to={DAY}", htmx=True))
    assert "Missing: email" in words(window)
    address = re.search(r'id="window-arrow" href="([^"]*)"', window)
    assert address
    path = address[1].replace("&amp;", "&")
    dialog = clerk.get(path, htmx=True)
    assert dialog.headers["HX-Reswap"] == "beforeend"
    saved = clerk.post(
        path.split("?")[0], htmx=True, email="j@example.com", **fields(markup(dialog))
    )
    assert 'id="window-portal"' in markup(saved)
    assert f'id="portal-{made.public_id}"' in markup(saved)
    assert saved.headers["HX-Trigger"] == "close-dialog"
    # and the notice, for who has not read it
    window = markup(newcomer.get(f"/staff/appointments/{made.public_id}?to={DAY}", htmx=True))
    inside = window.split('id="window-portal"')[1]
    notice = newcomer.post(
        f"/staff/appointments/{made.public_id}/invite",
        htmx=True,
        **fields(inside.split("</form>")[0]),
    )
    assert notice.headers["HX-Reswap"] == "beforeend"
    assert "keep patients’ records confidential" in text(notice)
    assert invitations() == 0
    answer = newcomer.post(
        f"/staff/appointments/{made.public_id}/invite", htmx=True, **fields(markup(notice))
    )
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert invitations() == 1


def test_the_notice_leads_back_to_the_day(house, newcomer, jenny) -> None:
    made = make_appointment(house, jenny)
    notice = press(newcomer, made, htmx=False)
    link = re.search(r'<a class="btn btn-quiet" href="([^"]*)">Cancel', markup(notice))
    assert link
    assert link[1] == DAY


def test_an_address_that_changed_meanwhile_gets_nothing(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    sent = fields(cell(clerk.get(DAY), made))
    people.edit(patient=jenny, values={"email": "new@example.com"}, verified_how="in_person",
                by=house.hand, now=moment.now)  # fmt: skip
    for htmx in (True, False):
        answer = clerk.post(f"/staff/appointments/{made.public_id}/invite", htmx=htmx, **sent)
        assert answer.status_code == 409
        assert "changed since this page was drawn" in text(answer)
        assert "new@example.com" in markup(answer)
    assert invitations() == 0


def test_a_chart_that_ended_gets_nothing(house, clerk, jenny, moment) -> None:
    made = make_appointment(house, jenny)
    sent = fields(cell(clerk.get(DAY), made))
    people.edit(
        patient=jenny, values={"end_date": date(2026, 11, 1)}, by=house.hand, now=moment.now
    )
    answer = clerk.post(f"/staff/appointments/{made.public_id}/invite", htmx=True, **sent)
    assert answer.status_code == 409
    assert "End-dated" in words(cell(answer, made))
    assert not button(cell(answer, made))
