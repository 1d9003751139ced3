"""The Onboarding Tool: access toggled in place, invitations sent (product 5.2 to 5.4, 5.7)."""

from __future__ import annotations

import html
import re
from threading import Barrier, Thread

import pytest

from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.extensions import db
from portal.invitations import wrong_person
from portal.invitations.models import Invitation
from portal.people import service as people
from tests.doors import sign_up
from tests.factories import SETUP, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, audited, field, markup, status_region, text
from tests.integration.staff.onboarding import (
    URL,
    cells,
    form_of,
    mails,
    pills,
    press,
    row,
    status_of,
)

# Red and gray


def test_red_turns_gray_in_place_and_offers_undo(clerk, house, jenny) -> None:
    page = clerk.get(URL)
    answer = press(clerk, page, f"status-{jenny.public_id}")
    assert cells(answer, jenny)[0].startswith("Ready to invite")
    assert cells(answer, jenny)[4].startswith("Send Invite to jenny@example.com")
    assert 'hx-swap-oob="outerHTML"' in row(answer, jenny)
    assert pills(answer)["Not enabled"] == "0"
    assert pills(answer)["Ready to invite"] == "1"
    assert status_region(answer) == "Enabled Jenny H. No mail was sent. Undo"
    assert mails() == 0
    assert audited("access.enabled")[-1].data["email"] == "jenny@example.com"

    back = press(clerk, answer, "undo")
    assert cells(back, jenny)[0].startswith("Not enabled")
    assert pills(back)["Not enabled"] == "1"
    assert status_of(jenny) == "not_enabled"


def test_a_button_keeps_its_id_so_that_the_focus_stays(clerk, jenny) -> None:
    answer = press(clerk, clerk.get(URL), f"status-{jenny.public_id}")
    assert f'id="status-{jenny.public_id}"' in row(answer, jenny)


def test_a_double_click_is_one_act(clerk, jenny) -> None:
    page = clerk.get(URL)
    press(clerk, page, f"status-{jenny.public_id}")
    again = press(clerk, page, f"status-{jenny.public_id}")
    assert status_region(again) == "Jenny H. is enabled already. Nothing was changed."
    assert db.session.query(Grant).count() == 1
    page = clerk.get(URL)
    press(clerk, page, f"status-{jenny.public_id}")
    again = press(clerk, page, f"status-{jenny.public_id}")
    assert status_region(again).startswith("This access of Jenny H. had ended already.")
    assert len(audited("access.ended")) == 1


def test_gray_turns_red_and_undo_makes_it_gray_again(clerk, gray, moment) -> None:
    moment.pass_(minutes=1)
    answer = press(clerk, clerk.get(URL), f"status-{gray.public_id}")
    assert cells(answer, gray)[0].startswith("Not enabled")
    assert status_region(answer).startswith("Jenny H. is not enabled any more.")
    again = press(clerk, answer, "undo")
    assert cells(again, gray)[0].startswith("Ready to invite")


def test_an_account_from_before_is_green_at_once_and_undo_takes_it_back(
    app, clerk, house, jenny, moment
) -> None:
    sign_up(app, make_invitation(house, jenny))
    grant = access.current_grant(jenny.id)
    assert grant is not None
    access.end(grant=grant, reason=EndReason.DISABLED, by=house.hand, now=moment.now)
    before = mails()
    moment.pass_(minutes=1)
    answer = press(clerk, clerk.get(URL), f"status-{jenny.public_id}")
    assert cells(answer, jenny)[0].startswith("Active")
    assert cells(answer, jenny)[3] == "Existing account, Nov 21, 2026"
    assert mails() == before
    press(clerk, answer, "undo")
    assert status_of(jenny) == "not_enabled"


def test_undo_of_gray_never_ends_in_green(app, clerk, house, jenny, moment) -> None:
    sign_up(app, make_invitation(house, jenny))
    first = access.current_grant(jenny.id)
    assert first is not None
    access.end(grant=first, reason=EndReason.DISABLED, by=house.hand, now=moment.now)
    access.enable(
        patient=jenny, by=house.hand, now=moment.pass_(minutes=1), require_new_invitation=True
    )
    answer = press(clerk, clerk.get(URL), f"status-{jenny.public_id}")
    press(clerk, answer, "undo")
    assert status_of(jenny) == "ready"


def test_without_javascript_the_same_page_says_it(clerk, house, jenny) -> None:
    page = clerk.get(f"{URL}?pill=not_enabled&sort=status")
    answer = press(clerk, page, f"status-{jenny.public_id}", htmx=False)
    place = f"{URL}?pill=not_enabled&sort=status#row-{jenny.public_id}"
    assert answer.headers["Location"] == place
    assert "Enabled Jenny H. No mail was sent." in text(clerk.follow(answer))


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example",
        "pill=no&s=%2F..&at=x&next=/admin",
        "a" * 5000,
        "pill=ready\r\nX: y",
    ],
)
def test_what_is_no_place_in_the_list_leads_to_its_beginning(clerk, jenny, back) -> None:
    answer = clerk.post(f"{URL}/{jenny.public_id}/enable", back=back)
    assert answer.headers["Location"] == f"{URL}#row-{jenny.public_id}"


# Orange and green


def test_orange_asks_first_and_says_who_loses_what(clerk, house, jenny) -> None:
    make_invitation(house, jenny)
    page = clerk.get(f"{URL}?pill=invited")
    url, fields = form_of(page, f"status-{jenny.public_id}")
    asked = f"{url}?back={fields['back'].replace('=', '%3D')}"
    assert f'hx-get="{asked}"' in markup(page)
    for htmx in (True, False):
        ask = clerk.get(asked, htmx=htmx)
        assert "The link that was sent to Jenny (Jen) Harris stops working for good" in text(ask)
        assert "OK Cancel" in text(ask)
    assert status_of(jenny) == "invited"
    action, carried = confirm(ask)
    answer = clerk.post(action, htmx=True, **carried)
    assert status_region(answer) == "Revoked the invitation of Jenny H. The link no longer works."
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert cells(answer, jenny)[0].startswith("Not enabled")
    assert pills(answer)["Invited"] == "0"


def confirm(ask) -> tuple[str, dict[str, str]]:
    """The form of a confirmation."""
    form = re.search(r'<form method="post" action="([^"]*/disable)"(.*?)</form>', markup(ask), re.S)
    assert form
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[2])
    return form[1], {name: html.unescape(value) for name, value in fields if name != "csrf_token"}


def test_green_asks_and_ends_the_log_on(app, clerk, house, jenny) -> None:
    browser = sign_up(app, make_invitation(house, jenny))
    url, _fields = form_of(clerk.get(URL), f"status-{jenny.public_id}")
    ask = clerk.get(f"{url}?back=")
    assert "whoever is logged on now is logged off" in text(ask)
    action, carried = confirm(ask)
    page = clerk.follow(clerk.post(action, **carried))
    assert "Disabled portal access of Jenny H." in text(page)
    assert browser.get("/home").status_code == 303


def test_what_became_orange_meanwhile_is_not_ended_without_asking(clerk, house, gray) -> None:
    page = clerk.get(URL)
    press(clerk, page, f"send-{gray.public_id}")
    answer = press(clerk, page, f"status-{gray.public_id}")
    assert answer.status_code == 409
    assert "Nothing was done." in status_region(answer, "alert")
    assert cells(answer, gray)[0].startswith("Invited")
    assert status_of(gray) == "invited"
    plain = press(clerk, page, f"status-{gray.public_id}", htmx=False)
    assert plain.status_code == 409
    assert "changed since this page was drawn" in text(plain)


def test_asking_about_what_has_ended_refreshes_the_row(clerk, jenny) -> None:
    answer = clerk.get(f"{URL}/{jenny.public_id}/disable", htmx=True)
    assert answer.status_code == 409
    assert cells(answer, jenny)[0].startswith("Not enabled")
    assert clerk.post(f"{URL}/{jenny.public_id}/disable", htmx=True).status_code == 409


# Send Invite to ADDRESS


def test_send_invite_sends_to_the_address_shown(clerk, gray) -> None:
    answer = press(clerk, clerk.get(URL), f"send-{gray.public_id}")
    assert status_region(answer) == "Invited Jenny H. Link expires Nov 28, 2026."
    assert cells(answer, gray)[0].startswith("Invited")
    assert (pills(answer)["Ready to invite"], pills(answer)["Invited"]) == ("0", "1")
    assert mails() == 1
    assert db.session.query(Invitation).one().email == "jenny@example.com"


def test_sending_twice_sends_once(clerk, house, gray, moment) -> None:
    page = clerk.get(URL)
    press(clerk, page, f"send-{gray.public_id}")
    press(clerk, page, f"send-{gray.public_id}")
    assert mails() == 1
    shown = clerk.get(URL)
    moment.pass_(minutes=1)
    again = press(clerk, shown, f"send-{gray.public_id}")
    assert status_region(again).startswith("Sent a new invitation to Jenny H.")
    moment.pass_(seconds=1)
    twice = press(clerk, shown, f"send-{gray.public_id}")
    assert status_region(twice).startswith("Nothing was sent: Jenny H. got a newer invitation")
    assert mails() == 2


@pytest.mark.parametrize("invited", [False, True])
def test_a_changed_address_gets_nothing(clerk, house, gray, moment, invited) -> None:
    if invited:
        make_invitation(house, gray)
    page, before = clerk.get(URL), mails()
    people.edit(
        patient=gray,
        values={"email": "new@example.org"},
        by=house.hand,
        now=moment.now,
        verified_how="by_phone",
    )
    before = mails()
    answer = press(clerk, page, f"send-{gray.public_id}")
    assert answer.status_code == 409
    assert "Nothing was done." in status_region(answer, "alert")
    assert "Send Invite to new@example.org" in cells(answer, gray)[4]
    assert mails() == before
    assert press(clerk, page, f"send-{gray.public_id}", htmx=False).status_code == 409
    press(clerk, answer, f"send-{gray.public_id}")
    assert mails() == before + 1


def test_without_the_address_nothing_is_sent(clerk, gray) -> None:
    assert clerk.post(f"{URL}/{gray.public_id}/send", htmx=True).status_code == 409
    assert mails() == 0


def test_whom_a_colleague_disabled_gets_nothing(app, clerk, house, gray) -> None:
    page = clerk.get(URL)
    colleague = Clerk(app, house.administrator)
    press(colleague, colleague.get(URL), f"status-{gray.public_id}")
    answer = press(clerk, page, f"send-{gray.public_id}")
    assert answer.status_code == 409
    assert "is not enabled any more" in status_region(answer, "alert")
    assert cells(answer, gray)[0].startswith("Not enabled")
    assert mails() == 0


def test_who_signed_up_meanwhile_gets_nothing(app, clerk, house, jenny) -> None:
    invitation = make_invitation(house, jenny)
    page = clerk.get(URL)
    sign_up(app, invitation)
    before = mails()
    answer = press(clerk, page, f"send-{jenny.public_id}")
    assert answer.status_code == 409
    assert "has an account already" in status_region(answer, "alert")
    assert cells(answer, jenny)[0].startswith("Active")
    assert mails() == before


def test_opted_out_is_said_and_nothing_offered(clerk, house, gray, moment) -> None:
    page = clerk.get(URL)
    people.set_opted_out(patient=gray, opted_out=True, by=house.hand, now=moment.now)
    answer = press(clerk, page, f"send-{gray.public_id}")
    assert answer.status_code == 409
    assert cells(answer, gray)[3:] == [
        "Opted out Nov 21, 2026 Not invited yet",
        "No invitations are sent",
    ]


def test_nothing_is_offered_to_an_address_that_said_not_me(clerk, house, jenny, moment) -> None:
    make_invitation(house, jenny)
    wrong_person.not_me(db.session.query(Invitation).one(), by=SETUP, now=moment.now)
    page = clerk.get(URL)
    assert cells(page, jenny)[3:] == ["“This is not me”", "No invitations are sent"]
    answer = press(clerk, page, f"status-{jenny.public_id}")
    assert cells(answer, jenny)[4] == "No invitations are sent"
    assert clerk.post(f"{URL}/{jenny.public_id}/send", address=jenny.email).status_code == 409


def test_two_staff_enable_the_same_patient_at_once(app, clerk, house, jenny) -> None:
    clerks = [clerk, Clerk(app, house.administrator)]
    answers: list[int] = []
    gate = Barrier(len(clerks))
    url = f"{URL}/{jenny.public_id}/enable"
    db.session.remove()

    def go(one: Clerk) -> None:
        gate.wait()
        answers.append(one.post(url, htmx=True).status_code)

    threads = [Thread(target=go, args=(one,)) for one in clerks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200, 200]
    db.session.rollback()
    assert db.session.query(Grant).count() == 1
    assert pills(clerk.get(URL))["Ready to invite"] == "1"


# Missing data


def test_missing_data_is_taken_inline(clerk, house) -> None:
    bare = make_patient(house, given_name="Bare", preferred_name="", email=None)
    page = clerk.get(URL)
    assert cells(page, bare)[4] == "Missing: email Add it for Bare H."
    url = html.unescape(re.search(r'id="missing-[^"]*" href="([^"]*)"', markup(page))[1])
    ask = clerk.get(url, htmx=True)
    assert "Missing Identifiers for Bare Harris" in text(ask)
    assert ask.headers["HX-Retarget"] == "#dialogs"
    wrong = clerk.post(url, htmx=True, email="bare", back="")
    assert wrong.status_code == 422
    assert wrong.headers["HX-Retarget"] == "#identifiers-form"
    answer = clerk.post(url, htmx=True, email="bare@example.org", back="")
    assert status_region(answer) == "Saved identifiers of Bare H."
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert cells(answer, bare)[4] == "Enable first"
    assert pills(answer)["Missing data"] == "0"


def test_missing_data_is_taken_without_javascript(clerk, house) -> None:
    bare = make_patient(house, given_name="Bare", preferred_name="", email=None)
    page = clerk.get(f"{URL}?pill=missing")
    url = html.unescape(re.search(r'id="missing-[^"]*" href="([^"]*)"', markup(page))[1])
    asked = clerk.get(url)
    assert f'href="{URL}?pill=missing#row-{bare.public_id}"' in markup(asked)
    answer = clerk.post(
        f"{URL}/{bare.public_id}/identifiers", email="b@example.org", back=field(asked, "back")
    )
    assert answer.headers["Location"].startswith(f"{URL}?pill=missing#")
    assert "Saved identifiers of Bare H." in text(clerk.follow(answer))


def test_what_a_colleague_filled_in_is_not_overwritten(clerk, house, moment) -> None:
    bare = make_patient(house, email=None)
    people.edit(patient=bare, values={"email": "a@example.org"}, by=house.hand, now=moment.now)
    answer = clerk.post(f"{URL}/{bare.public_id}/identifiers", htmx=True, email="b@example.org")
    assert answer.status_code == 409
    assert cells(answer, bare)[4] == "Enable first"


# The notice


@pytest.mark.parametrize("htmx", [True, False])
def test_the_notice_comes_first_and_carries_the_act_out(newcomer, jenny, htmx) -> None:
    page = newcomer.get(f"{URL}?pill=not_enabled")
    asked = press(newcomer, page, f"status-{jenny.public_id}", htmx=htmx)
    assert "keep patients’ records confidential" in text(asked)
    assert status_of(jenny) == "not_enabled"
    if not htmx:
        assert f'href="{URL}?pill=not_enabled#row-{jenny.public_id}"' in markup(asked)
    form = re.search(
        r'<form method="post" action="([^"]*/enable)"(.*?)</form>', markup(asked), re.S
    )
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form[2]))
    done = newcomer.post(form[1], htmx=htmx, **fields)
    if htmx:
        assert cells(done, jenny)[0].startswith("Ready to invite")
    else:
        assert done.headers["Location"].startswith(f"{URL}?pill=not_enabled")
    assert status_of(jenny) == "ready"


def test_sending_asks_for_the_notice_too(newcomer, gray) -> None:
    asked = press(newcomer, newcomer.get(URL), f"send-{gray.public_id}")
    assert "keep patients’ records confidential" in text(asked)
    assert mails() == 0
