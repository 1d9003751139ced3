"""The Portal access page: status, requirements, Access History, timeline (product 1, 2, 3.2-3.4, 3.8)."""

from __future__ import annotations

import html
import re

import pytest

from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.extensions import db
from portal.invitations import timeline, wrong_person
from portal.invitations.models import Invitation
from portal.invitations.outcomes import record_mail_result
from portal.invitations.timeline import TimelineKind
from portal.mail.models import OutboxMessage
from portal.mail.registry import Outcome
from portal.mail.state import OutboxState
from portal.people import service as people
from portal.transaction import atomic
from tests.doors import sign_up
from tests.factories import SETUP, accept_mail, make_invitation, make_patient
from tests.integration.staff.clerk import audited, markup, row, status_region, text

SENT = "By: James Smith On: November 21, 2026, 12:00 p.m."


def report(invitation: Invitation, outcome: Outcome, *, now) -> None:
    """What became of the invitation's mail."""
    with atomic():
        message = (
            db.session.query(OutboxMessage)
            .filter_by(purpose="invitation", subject_id=invitation.id)
            .one()
        )
        message.state, message.attempts = outcome.state.value, message.attempts + 1
        record_mail_result(message=message, outcome=outcome, now=now)


def test_what_is_missing_is_said_with_words(clerk, house) -> None:
    patient = make_patient(house, email=None, ssn=None, birth_date=None)
    page = clerk.access(patient)
    words = text(page)
    assert "Portal not enabled for patient" in words
    assert "The following information is required to connect" in words
    assert "Email Not recorded Missing" in words
    assert (
        "Social security number Not recorded Missing or Date of birth Not recorded Missing" in words
    )
    assert "Phone number (443) 555-0155 On file" in words
    assert "Enable Patient Access" not in words
    assert "Add missing information" in words


def test_what_is_not_needed_is_not_called_missing(clerk, house) -> None:
    words = text(clerk.access(make_patient(house, ssn=None)))
    assert "Social security number Not recorded Not needed" in words
    assert "Enable Patient Access" in words


def test_enable_patient_access_enables_and_sends(clerk, jenny, moment) -> None:
    assert "Enable Patient Access" in text(clerk.access(jenny))
    answer = clerk.act(jenny, "enable")
    assert status_region(answer) == "Invited Jenny H. Link expires Nov 28, 2026."
    assert "Portal status: Invited" in text(answer)
    assert row(answer)[:2] == ["jenny@example.com", SENT]
    assert row(answer)[2].startswith(
        "Pending... Since November 21, 2026, 12:00 p.m. on its way to jenny@example.com."
    )
    assert "The link expires Nov 28, 2026." in row(answer)[2]
    assert row(answer)[3] == "Resend Revoke invite"
    assert "Enable Patient Access" not in text(answer)
    assert row(clerk.access(jenny)) == row(answer)


def test_enabling_twice_does_nothing_more(clerk, jenny) -> None:
    clerk.act(jenny, "enable")
    again = clerk.act(jenny, "enable")
    assert status_region(again) == "Invited Jenny H. Link expires Nov 28, 2026."
    assert db.session.query(Invitation).count() == db.session.query(Grant).count() == 1


def test_everything_works_without_javascript(clerk, jenny) -> None:
    page = clerk.follow(clerk.act(jenny, "enable", htmx=False))
    assert "Invited Jenny H. Link expires Nov 28, 2026." in text(page)
    assert "Invited Jenny H." not in text(clerk.access(jenny))
    clerk.act(jenny, "enable", htmx=False)
    cookie = clerk.client.get_cookie("vestibule-staff")
    from itsdangerous.encoding import base64_decode

    assert b"Jenny" not in base64_decode(cookie.value.lstrip(".").split(".")[0])


def test_send_invitation_to_a_gray_patient(clerk, house, jenny, moment) -> None:
    access.enable(patient=jenny, by=house.hand, now=moment.now)
    page = clerk.access(jenny)
    assert "Portal status: Ready to invite" in text(page)
    assert row(page)[2:] == ["Not invited yet", "Disable access"]
    assert "Send invitation" in text(page)
    answer = clerk.act(jenny, "send")
    assert row(answer)[3] == "Resend Revoke invite"
    assert status_region(answer).startswith("Invited Jenny H.")


def test_a_gray_patient_is_disabled_again(clerk, house, jenny, moment) -> None:
    grant = access.enable(patient=jenny, by=house.hand, now=moment.now)
    url = re.search(r'id="end-access"[^>]*href="([^"]*)"', markup(clerk.access(jenny)))
    assert url
    answer = clerk.act(jenny, "revoke", grant=grant.public_id)
    assert "Portal status: Not enabled" in text(answer)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"end_date": "today"}, "Nothing was sent: the end date of Jenny H. has come."),
        ({"deceased": True}, "Nothing was sent: Jenny H. is recorded as deceased."),
        ({"email": None}, "Nothing was sent: information about Jenny H. is missing."),
    ],
)
def test_what_stands_in_the_way_is_said_and_nothing_done(
    clerk, house, moment, values, word
) -> None:
    if "end_date" in values:
        values = {"end_date": moment.now.date()}
    patient = make_patient(house, **values)
    assert "Enable Patient Access" not in text(clerk.access(patient))
    answer = clerk.act(patient, "enable")
    assert answer.status_code == 409
    assert status_region(answer, "alert") == word
    assert clerk.act(patient, "enable", htmx=False).status_code == 409
    assert word in text(clerk.act(patient, "enable", htmx=False))
    assert db.session.query(Grant).count() == 0


def test_opted_out_is_said(clerk, house, jenny, moment) -> None:
    people.set_opted_out(patient=jenny, opted_out=True, by=house.hand, now=moment.now)
    page = clerk.access(jenny)
    assert "No invitations are sent. It can be undone under Patient information." in text(page)
    assert clerk.act(jenny, "enable").status_code == 409


def test_revoking_asks_and_names_the_effect(clerk, jenny, moment) -> None:
    opened = clerk.act(jenny, "enable")
    url = html.unescape(re.search(r'id="end-access"[^>]*href="([^"]*)"', markup(opened))[1])
    for htmx in (True, False):
        ask = text(clerk.get(url, htmx=htmx))
        assert "The link that was sent to Jenny (Jen) Harris stops working for good" in ask
        assert "OK Cancel" in ask
    grant = access.current_grant(jenny.id)
    assert grant is not None
    moment.pass_(minutes=10)
    answer = clerk.act(jenny, "revoke", grant=grant.public_id)
    assert status_region(answer) == "Revoked the invitation of Jenny H. The link no longer works."
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert "Portal status: Not enabled" in text(answer)
    assert row(answer)[2:] == [
        "Access revoked before activation",
        "By: James Smith On: November 21, 2026, 12:10 p.m.",
    ]
    again = clerk.act(jenny, "revoke", grant=grant.public_id)
    assert status_region(again).startswith("This access of Jenny H. had ended already.")


def test_revoke_then_enable_is_a_new_row_and_no_row_is_lost(clerk, jenny, moment) -> None:
    clerk.act(jenny, "enable")
    grant = access.current_grant(jenny.id)
    assert grant is not None
    clerk.act(jenny, "revoke", grant=grant.public_id)
    moment.pass_(minutes=1)
    answer = clerk.act(jenny, "enable")
    assert row(answer, 0)[2].startswith("Pending...")
    assert row(answer, 1)[2] == "Access revoked before activation"


def test_an_expired_invitation_is_told_and_resent_in_the_same_row(
    clerk, house, jenny, moment
) -> None:
    make_invitation(house, jenny)
    moment.pass_(days=7, hours=12)
    clerk = type(clerk)(clerk.client.application, house.front_desk)
    page = clerk.access(jenny)
    assert row(page)[2].startswith("Invitation expired Nov 28, 2026")
    assert row(page)[3] == "Resend Revoke invite"
    assert "Invitation expired Nov 28, 2026" in text(page).split("Patient information")[0]
    replaces = re.search(r'name="replaces" value="([^"]*)"', markup(page))[1]
    answer = clerk.act(jenny, "resend", replaces=replaces)
    assert status_region(answer) == "Sent a new invitation to Jenny H. Link expires Dec 6, 2026."
    assert row(answer)[2].startswith("Pending...")
    assert len(re.findall(r'<tr class="top"', markup(answer))) == 1


def test_resending_twice_sends_once(clerk, house, jenny, moment) -> None:
    first = make_invitation(house, jenny).public_id
    clerk.act(jenny, "resend", replaces=first)
    moment.pass_(seconds=1)
    again = clerk.act(jenny, "resend", replaces=first)
    assert status_region(again).startswith(
        "Nothing was sent: Jenny H. got a newer invitation already."
    )
    assert db.session.query(Invitation).count() == 2


def test_while_a_resend_waits_the_page_says_that_the_earlier_link_works(
    clerk, house, jenny
) -> None:
    first = make_invitation(house, jenny).public_id
    answer = clerk.act(jenny, "resend", replaces=first)
    assert "Until the mail server accepts this mail, the link sent before works." in row(answer)[2]


def test_a_new_address_gets_a_row_of_its_own(clerk, house, jenny, moment) -> None:
    first = make_invitation(house, jenny).public_id
    people.edit(
        patient=jenny,
        values={"email": "new@example.org"},
        by=house.hand,
        now=moment.now,
        verified_how="by_phone",
    )
    page = clerk.access(jenny)
    assert row(page)[0] == "jenny@example.com"
    assert row(page)[2].startswith("Invitation void")
    moment.pass_(seconds=1)
    answer = clerk.act(jenny, "resend", replaces=first)
    assert row(answer, 0)[0] == "new@example.org"
    assert row(answer, 1)[2:] == [
        "Access revoked before activation",
        "By: James Smith On: November 21, 2026, 12:00 p.m. The email on file changed",
    ]


def test_a_mail_that_failed_is_told_in_plain_words(clerk, house, jenny, moment) -> None:
    clerk.act(jenny, "enable")
    invitation = db.session.query(Invitation).one()
    report(invitation, Outcome(OutboxState.FAILED, reason="no_such_mailbox"), now=moment.now)
    page = clerk.access(jenny)
    assert "Invitation not delivered" in text(page)
    assert (
        "The mail could not be delivered. The mail server says there is no such mailbox."
        in row(page)[2]
    )
    assert row(page)[3] == "Resend Revoke invite"


def test_an_account_makes_it_green_with_its_time(app, clerk, house, jenny, moment) -> None:
    invitation = make_invitation(house, jenny)
    moment.pass_(minutes=10)
    sign_up(app, invitation)
    page = clerk.access(jenny)
    assert "Portal status: Active" in text(page)
    assert row(page)[2:] == ["November 21, 2026, 12:10 p.m.", "Disable access"]
    for line in ("Registered", "First log-on", "Accepted by the mail server", "Invitation queued"):
        assert line in text(page)


def test_disabling_ends_the_patient_s_log_on(app, clerk, house, jenny, moment) -> None:
    invitation = make_invitation(house, jenny)
    browser = sign_up(app, invitation)
    assert browser.get("/home").status_code == 200
    grant = access.current_grant(jenny.id)
    assert grant is not None
    ask = clerk.get(f"/staff/patients/{jenny.public_id}/access/disable?grant={grant.public_id}")
    assert "whoever is logged on now is logged off" in text(ask)
    answer = clerk.act(jenny, "disable", grant=grant.public_id)
    assert status_region(answer) == "Disabled portal access of Jenny H."
    assert row(answer)[3] == SENT
    assert browser.get("/home").status_code == 303


def test_what_changed_meanwhile_is_not_done(app, clerk, house, jenny) -> None:
    invitation = make_invitation(house, jenny)
    grant = access.current_grant(jenny.id)
    assert grant is not None
    sign_up(app, invitation)
    answer = clerk.act(jenny, "revoke", grant=grant.public_id)
    assert answer.status_code == 409
    assert "changed since this page was drawn. Nothing was done." in status_region(answer, "alert")
    assert "Portal status: Active" in text(answer)
    assert clerk.act(jenny, "revoke", htmx=False, grant=grant.public_id).status_code == 409


def test_a_grant_of_somebody_else_is_not_there(clerk, house, jenny) -> None:
    make_invitation(house, make_patient(house))
    other = db.session.query(Grant).one().public_id
    clerk.act(jenny, "enable")
    assert clerk.act(jenny, "revoke", grant=other).status_code == 404
    assert clerk.act(jenny, "revoke", grant="").status_code == 404


@pytest.fixture
def with_account(app, house, jenny, moment):
    """Jenny registered once, then her access was disabled."""
    sign_up(app, make_invitation(house, jenny))
    grant = access.current_grant(jenny.id)
    assert grant is not None
    access.end(grant=grant, reason=EndReason.DISABLED, by=house.hand, now=moment.now)
    moment.pass_(minutes=1)
    return jenny


def test_an_earlier_account_is_green_at_once(clerk, with_account) -> None:
    assert "require a new invitation" in text(clerk.access(with_account))
    answer = clerk.act(with_account, "enable")
    assert "Portal status: Active" in text(answer)
    assert row(answer)[2] == "Existing account, Nov 21, 2026"
    assert "no mail was sent" in status_region(answer)


def test_unless_staff_require_a_new_invitation(clerk, with_account) -> None:
    answer = clerk.act(with_account, "enable", require_new_invitation="yes")
    assert "Portal status: Invited" in text(answer)


def test_without_an_earlier_account_nobody_is_asked(clerk, jenny) -> None:
    assert "require a new invitation" not in text(clerk.access(jenny))


def test_enabling_an_active_patient_says_so(app, clerk, house, jenny) -> None:
    sign_up(app, make_invitation(house, jenny))
    answer = clerk.act(jenny, "enable")
    assert status_region(answer) == "Jenny H. has portal access already. Nothing was sent."


def test_a_lock_and_not_me_are_told_under_the_status(clerk, house, jenny, moment) -> None:
    make_invitation(house, jenny)
    wrong_person.not_me(db.session.query(Invitation).one(), by=SETUP, now=moment.now)
    page = clerk.access(jenny)
    assert "“This is not me” Nov 21, 2026" in text(page)
    assert "Whoever reads jenny@example.com said that they are not this patient" in text(page)
    assert "Email jenny@example.com Not theirs" in text(page)
    assert clerk.act(jenny, "enable").status_code == 409


def test_the_timeline_tells_every_kind_in_plain_words(clerk, house, jenny, moment) -> None:
    clerk.act(jenny, "enable")
    invitation = db.session.query(Invitation).one()
    delayed = Outcome(
        OutboxState.QUEUED, reason="unreachable", next_attempt_at=moment.pass_(minutes=2)
    )
    report(invitation, delayed, now=moment.now)
    report(invitation, Outcome(OutboxState.ACCEPTED, maybe_twice=True), now=moment.pass_(minutes=1))
    for kind, data in [
        (TimelineKind.OPENED, {"by": "scanner"}),
        (TimelineKind.OPENED, {"by": "person"}),
        (TimelineKind.IDENTITY_FAILED, {"failures": 2, "of": 5}),
    ]:
        with atomic():
            timeline.add(invitation.id, kind, now=moment.pass_(minutes=1), **data)
    words = text(clerk.access(jenny)).split("Timeline")[1]
    told = [
        "Identity check failed 2 of 5",
        "Link opened",
        "Link opened, probably by a mail scanner",
        "Accepted by the mail server It may have arrived twice",
        "Delayed The mail server could not be reached. Trying again at November 21, 2026, 12:02 p.m.",
        "Invitation queued By: James Smith",
    ]
    places = [words.index(sentence) for sentence in told]
    assert places == sorted(places), words


def watch(answer) -> tuple[str, int] | None:
    """Where and after how many seconds the page asks again."""
    found = re.search(r'data-poll hx-get="([^"]*)" hx-trigger="every (\d+)s', markup(answer))
    return (html.unescape(found[1]), int(found[2])) if found else None


def test_the_badge_turns_green_by_itself(app, clerk, house, jenny, moment) -> None:
    assert watch(clerk.access(jenny)) is None
    invitation = make_invitation(house, jenny)
    url, first = watch(clerk.access(jenny))
    quiet = clerk.get(url, htmx=True)
    assert "portal-access-title" not in markup(quiet)
    url, second = watch(quiet)
    assert second > first
    sign_up(app, invitation)
    news = clerk.get(url, htmx=True)
    assert news.headers["HX-Retarget"] == "#portal-access"
    assert "HX-Trigger" not in news.headers
    assert "Portal status: Active" in text(news)
    assert status_region(news) == "Jenny H.: First log-on"
    assert watch(news) is None


def test_asking_for_news_keeps_nobody_logged_on(clerk, house, jenny, moment) -> None:
    make_invitation(house, jenny)
    url, _seconds = watch(clerk.access(jenny))
    for _minute in range(15):
        answer = clerk.get(url, htmx=True)
        assert answer.status_code == 200
        moment.pass_(minutes=1)
    answer = clerk.get(url, htmx=True)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/staff/login"
    assert len(audited("chart.viewed")) == 1


def test_an_expired_invitation_is_no_reason_to_ask_again(clerk, house, jenny, moment) -> None:
    make_invitation(house, jenny)
    moment.pass_(days=8)
    clerk = type(clerk)(clerk.client.application, house.front_desk)
    assert watch(clerk.access(jenny)) is None


def test_a_mail_on_its_way_is_accepted_on_the_page(clerk, jenny, moment) -> None:
    answer = clerk.act(jenny, "enable")
    url, _seconds = watch(answer)
    accept_mail(db.session.query(Invitation).one(), now=moment.pass_(seconds=5))
    news = clerk.get(url, htmx=True)
    assert status_region(news) == "Jenny H.: Accepted by the mail server"
