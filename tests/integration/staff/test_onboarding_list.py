"""The Onboarding Tool: every patient at a glance, filtered, searched, in pages (product 5, interface.md "Staff")."""

from __future__ import annotations

import html
import re
from datetime import date

from portal.access import service as access
from portal.extensions import db
from portal.invitations.outcomes import record_mail_result
from portal.mail.models import OutboxMessage
from portal.mail.registry import Outcome
from portal.mail.state import OutboxState
from portal.people import service as people
from portal.practices import service as practices
from portal.transaction import atomic
from tests.doors import sign_up
from tests.factories import SETUP, make_house, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, audited, field, markup, text
from tests.integration.staff.onboarding import (
    URL,
    cells,
    comes,
    names,
    pills,
    press,
    status_of,
)
from tests.visits import in_days, make_visit

# What the list shows


def test_the_list_tells_how_everybody_stands(app, clerk, house, jenny, moment) -> None:
    made = {
        name: make_patient(house, given_name=name, preferred_name="", email=f"{name}@example.com")
        for name in ("Gray", "Orange", "Green", "Late", "Gone")
    }
    bare = make_patient(
        house, given_name="Bare", preferred_name="", email=None, ssn=None, phones=None
    )
    access.enable(patient=made["Gray"], by=house.hand, now=moment.now)
    make_invitation(house, made["Late"])
    moment.pass_(days=9)
    make_invitation(house, made["Orange"])
    sign_up(app, make_invitation(house, made["Green"]))
    values = {"deceased": True}
    people.edit(patient=made["Gone"], values=values, by=house.hand, now=moment.now)
    page = Clerk(app, house.front_desk).get(URL)

    shown = {name: cells(page, patient) for name, patient in made.items()}
    assert cells(page, jenny) == [
        "Not enabled : enable portal access of Jenny H.",
        "Harris, Jenny (Jen)",
        "Feb 11, 1980 (443) 555-0155",
        "",
        "Enable first",
    ]
    assert shown["Gray"][0].startswith("Ready to invite : disable")
    assert shown["Gray"][3:] == ["Not invited yet", "Send Invite to Gray@example.com for Gray H."]
    assert shown["Orange"][0].startswith("Invited : disable portal access of Orange H., asks first")
    assert shown["Orange"][3] == "Sent Nov 30, 2026, expires Dec 7, 2026"
    assert shown["Orange"][4] == "Send Invite to Orange@example.com for Orange H."
    assert shown["Green"][0].startswith("Active : disable")
    assert shown["Green"][3:] == [
        "Activated Nov 30, 2026",
        "Send Invite to Green@example.com for Green H. Has an account: a reset email goes out",
    ]
    assert shown["Late"][3] == "Invitation expired Nov 28, 2026"
    assert shown["Gone"][0] == "Portal status: Not enabled"
    assert shown["Gone"][3:] == ["Deceased", "No invitations are sent"]
    assert cells(page, bare)[4] == "Missing: email; SSN or phone Add it for Bare H."


def test_an_invitation_on_its_way_and_one_that_failed_are_told(clerk, house, gray, moment) -> None:
    press(clerk, clerk.get(URL), f"send-{gray.public_id}")
    assert cells(clerk.get(URL), gray)[3] == "On its way since Nov 21, 2026, expires Nov 28, 2026"
    with atomic():
        message = db.session.query(OutboxMessage).filter_by(purpose="invitation").one()
        message.state = OutboxState.FAILED.value
        failed = Outcome(OutboxState.FAILED, "no_such_mailbox", dead_address=True)
        record_mail_result(message=message, outcome=failed, now=moment.now)
    page = clerk.get(URL)
    assert cells(page, gray)[3] == (
        "Email bounced. The mail server says there is no such mailbox. Invitation not delivered"
    )


def test_pills_are_links_with_exact_counts(clerk, house, gray) -> None:
    make_patient(house, given_name="Ann", preferred_name="")
    make_patient(house, given_name="Bob", preferred_name="", email=None)
    page = clerk.get(URL)
    assert pills(page) == {
        "All": "3",
        "Not enabled": "2",
        "Ready to invite": "1",
        "Invited": "0",
        "Active": "0",
        "Expired": "0",
        "Bounced": "0",
        "Missing data": "1",
    }
    assert names(clerk.get(f"{URL}?pill=ready")) == ["Harris, Jenny (Jen)"]
    only = clerk.get(f"{URL}?pill=missing")
    assert names(only) == ["Harris, Bob"]
    nobody = clerk.get(f"{URL}?pill=expired")
    assert "Nobody is in this part of the list." in text(nobody)


def test_provider_age_and_order_narrow_and_sort(clerk, house, moment) -> None:
    other = practices.add_provider(
        practice=house.practice,
        name="Dr. What",
        shares_patients=False,
        staff=None,
        by=SETUP,
        now=moment.now,
    )
    child = make_patient(
        house,
        given_name="Kid",
        preferred_name="",
        birth_date=date(2020, 1, 1),
        provider_id=other.id,
    )
    make_patient(house, given_name="Old", preferred_name="", birth_date=date(1940, 1, 1))
    make_invitation(house, make_patient(house, given_name="Zoe", preferred_name=""))
    assert names(clerk.get(f"{URL}?provider={other.public_id}")) == ["Harris, Kid"]
    assert names(clerk.get(f"{URL}?age=child")) == ["Harris, Kid"]
    assert names(clerk.get(f"{URL}?age=senior&pill=not_enabled")) == ["Harris, Old"]
    assert names(clerk.get(f"{URL}?sort=invited_on"))[0] == "Harris, Zoe"
    assert names(clerk.get(f"{URL}?sort=status"))[-1] == "Harris, Zoe"
    page = clerk.get(f"{URL}?age=child&sort=status")
    assert "1 patient Show all patients" in text(page)
    assert f'href="{URL}?sort=status">Show all patients' in markup(page)
    assert '<option value="child" selected>' in markup(page)
    assert '<option value="status" selected>' in markup(page)
    assert child.public_id in markup(page)


def test_who_comes_next_is_shown_and_listed(clerk, house, moment) -> None:
    people_ = [
        make_patient(house, given_name=name, preferred_name="")
        for name in ("Anna", "Bo", "Cy", "Di", "Ed")
    ]
    anna, bo, cy, di, ed = people_
    for patient, days in ((anna, 0.1), (bo, 5), (cy, 20), (di, 50)):
        make_visit(patient, in_days(days))
    make_visit(anna, in_days(-3), state="completed")
    make_visit(ed, in_days(-400), state="completed")
    page = clerk.get(URL)
    assert "Next appointment, last visit" in text(page)
    assert [comes(page, patient) for patient in people_] == [
        "Nov 21 last Nov 18",
        "Nov 26",
        "Dec 11",
        "Jan 10, 2027",
        "last Oct 17, 2025",
    ]
    assert names(clerk.get(f"{URL}?next=today")) == ["Harris, Anna"]
    assert names(clerk.get(f"{URL}?next=week")) == ["Harris, Anna", "Harris, Bo"]
    assert names(clerk.get(f"{URL}?next=month&sort=status")) == [
        "Harris, Anna",
        "Harris, Bo",
        "Harris, Cy",
    ]
    assert names(clerk.get(f"{URL}?next=none&pill=not_enabled")) == ["Harris, Ed"]
    assert len(names(clerk.get(f"{URL}?next=someday"))) == 5
    narrowed = clerk.get(f"{URL}?next=week")
    assert '<option value="week" selected>' in markup(narrowed)
    assert "2 patients Show all patients" in text(narrowed)
    assert field(narrowed, "back") == "next=week"
    kept = clerk.post(f"{URL}/search", q="anna", back="next=week").headers["Location"]
    assert kept.startswith(f"{URL}?next=week&s=")


def test_a_provider_of_another_practice_is_not_there(clerk, house) -> None:
    other = make_house("Other Clinic")
    assert clerk.get(f"{URL}?provider={other.provider.public_id}").status_code == 404
    assert audited("access.refused")[-1].data["reason"] == "other_practice_provider"


def test_pages_follow_each_other_and_their_size_is_remembered(clerk, house) -> None:
    for number in range(60):
        make_patient(house, given_name=f"P{number:03d}", family_name="Quill", preferred_name="")
    assert len(names(clerk.get(URL))) == 50
    page = clerk.get(f"{URL}?size=25")
    seen = names(page)
    while following := re.search(r'rel="next" href="([^"]*)"', markup(page)):
        url = html.unescape(following[1])
        assert "uill" not in url.lower()
        page = clerk.get(url)
        seen += names(page)
    assert seen == [f"Quill, P{number:03d}" for number in range(60)]
    back = re.search(r'rel="prev" href="([^"]*)"', markup(page))
    assert names(clerk.get(html.unescape(back[1])))[0] == "Quill, P025"
    assert len(names(clerk.get(URL))) == 25
    assert len(names(clerk.get(f"{URL}?size=7"))) == 50


def test_only_this_practice_s_patients_are_listed(clerk, house, jenny) -> None:
    stranger = make_patient(make_house("Other Clinic"), family_name="Elsewhere")
    page = clerk.get(URL)
    assert names(page) == ["Harris, Jenny (Jen)"]
    assert pills(page)["All"] == "1"
    for path in ("enable", "disable", "send", "identifiers"):
        answer = clerk.post(f"{URL}/{stranger.public_id}/{path}", htmx=True)
        assert answer.status_code == 404, path
    assert status_of(stranger) == "not_enabled"


def test_it_stands_under_my_links(clerk) -> None:
    page = markup(clerk.get("/staff/"))
    assert re.search(rf'<a href="{URL}">Patient Portal Onboarding Tool</a>', page)


# Search


def test_a_search_is_kept_on_the_server_and_stays_in_the_filters(clerk, house, jenny) -> None:
    make_patient(house, given_name="José", family_name="Núñez", preferred_name="")
    page = clerk.get(f"{URL}?sort=status")
    answer = clerk.post(f"{URL}/search", q="nunez jose", back=field(page, "back"))
    url = answer.headers["Location"]
    assert re.fullmatch(rf"{URL}\?sort=status&s=[\w-]{{22}}", url)
    found = clerk.get(url)
    assert names(found) == ["Núñez, José"]
    assert "1 patient for “nunez jose” Show all patients" in text(found)
    assert audited("patients.searched")[-1].data == {"kind": "name", "results": 1}


def test_while_typing_only_the_list_is_answered(clerk, house, jenny) -> None:
    first = clerk.post(f"{URL}/search", htmx=True, q="har", back="")
    assert names(first) == ["Harris, Jenny (Jen)"]
    assert "<html" not in markup(first)
    assert "hx-swap-oob" not in markup(first).split("</table>")[0]
    back = field(first, "back")
    assert first.headers["HX-Replace-Url"] == f"{URL}?{back}"
    second = clerk.post(f"{URL}/search", htmx=True, q="harris jen", back=back)
    assert field(second, "back") == back
    cleared = clerk.post(f"{URL}/search", htmx=True, q="", back=back)
    assert cleared.headers["HX-Replace-Url"] == URL


def test_another_s_search_is_not_there(app, clerk, house, jenny) -> None:
    url = clerk.post(f"{URL}/search", q="har").headers["Location"]
    assert Clerk(app, house.administrator).get(url).headers["Location"] == URL
