"""Edit Information as a pop-out (3.5): two tabs, access, mail and the username; with htmx and without."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.extensions import db
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from tests.factories import make_house, make_invitation, make_patient
from tests.integration.staff.clerk import (
    Clerk,
    audited,
    field,
    markup,
    status_region,
    text,
)
from tests.resets import account_of, make_active


@pytest.fixture
def active(app, house) -> Patient:
    return make_active(app, house, username="sam.lee", given_name="Sam", email="sam@example.com")


def tab(patient: Patient, act: str = "") -> str:
    return f"/staff/patients/{patient.public_id}/edit/portal{'/' + act if act else ''}"


def mails(purpose: str) -> list[str]:
    query = select(OutboxMessage.address).where(OutboxMessage.purpose == purpose)
    return list(db.session.scalars(query))


def test_the_chart_s_pencil_opens_a_dialog_with_two_tabs(clerk, jenny) -> None:
    chart = markup(clerk.get(f"/staff/patients/{jenny.public_id}"))
    assert f'hx-get="/staff/patients/{jenny.public_id}/edit"' in chart
    answer = clerk.get(f"/staff/patients/{jenny.public_id}/edit", htmx=True)
    assert answer.headers["HX-Retarget"] == "#dialogs"
    html = markup(answer)
    assert "<dialog" in html
    assert "<!doctype" not in html
    assert 'aria-current="page"' in html
    assert "Patient information" in text(answer)
    assert "Patient Portal" in text(answer)
    assert "Jenny (Jen) Harris" in text(answer)


def test_the_list_s_pencil_says_whom_it_is_about(clerk, jenny) -> None:
    page = markup(clerk.get("/staff/onboarding?pill=all"))
    assert 'aria-label="Edit Information for Jenny H."' in page
    assert f"/staff/patients/{jenny.public_id}/edit?back=" in page


def test_no_id_of_the_dialog_is_one_of_the_list_s(clerk, jenny) -> None:
    import re

    page = set(re.findall(r'\bid="([^"]+)"', markup(clerk.get("/staff/onboarding"))))
    for place in (f"/staff/patients/{jenny.public_id}/edit", tab(jenny)):
        dialog = re.findall(r'\bid="([^"]+)"', markup(clerk.get(f"{place}?back=", htmx=True)))
        assert page & set(dialog) == set()


def test_without_javascript_the_tabs_are_pages(clerk, jenny) -> None:
    for place in (f"/staff/patients/{jenny.public_id}/edit", tab(jenny)):
        page = clerk.get(place)
        assert "<!doctype" in markup(page)
        assert "Edit Patient" in text(page) or "no account yet" in text(page)


def test_errors_stand_in_the_dialog_and_nothing_is_lost(clerk, jenny) -> None:
    place = f"/staff/patients/{jenny.public_id}/edit"
    form = clerk.get(place, htmx=True)
    fields = {"seen": field(form, "seen"), "was": field(form, "was"), "given_name": "Jenny"}
    answer = clerk.post(place, htmx=True, **fields, email="nonsense", family_name="Harris")
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#dialogs"
    assert field(answer, "email") == "nonsense"
    assert "error-summary" in markup(answer)


def test_saving_from_the_list_closes_it_and_brings_the_row(clerk, jenny) -> None:
    place = f"/staff/patients/{jenny.public_id}/edit"
    form = clerk.get(f"{place}?back=", htmx=True)
    names = ("seen", "was", "given_name", "family_name", "preferred_name", "birth_date", "email",
             "record_number", "phones-0-number")  # fmt: skip
    fields = {name: field(form, name) for name in names} | {"given_name": "Jane"}
    fields |= {"phones-0-kind": "mobile", "provider": jenny.provider.public_id, "back": ""}
    answer = clerk.post(place, htmx=True, **fields)
    assert answer.status_code == 200, text(answer)
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert f'id="row-{jenny.public_id}"' in markup(answer)
    assert status_region(answer) == "Saved the chart of Jane H."
    assert "Harris, Jane" in text(answer)


def test_saving_from_the_chart_shows_the_chart(clerk, jenny) -> None:
    place = f"/staff/patients/{jenny.public_id}/edit"
    form = clerk.get(place, htmx=True)
    fields = {name: field(form, name) for name in ("seen", "was", "record_number", "family_name")}
    answer = clerk.post(place, htmx=True, **fields, given_name="Jane")
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == f"/staff/patients/{jenny.public_id}"


def test_a_chart_changed_meanwhile_says_so_in_the_dialog(clerk, jenny) -> None:
    place = f"/staff/patients/{jenny.public_id}/edit"
    form = clerk.get(place, htmx=True)
    answer = clerk.post(
        place, htmx=True, seen="2020-01-01T00:00:00+00:00", was=field(form, "was"), given_name="X"
    )
    assert answer.status_code == 409
    assert "Somebody else changed this chart meanwhile" in text(answer)


def test_access_is_given_and_taken_in_the_tab(clerk, jenny) -> None:
    page = clerk.get(tab(jenny))
    assert "Portal status: Not enabled" in text(page)
    answer = clerk.post(tab(jenny, "enable"), htmx=True, back="")
    assert status_region(answer) == "Enabled Jenny H. No mail was sent."
    assert "enabled already" in status_region(clerk.post(tab(jenny, "enable"), htmx=True, back=""))
    page = clerk.get(tab(jenny))
    assert "Portal status: Ready to invite" in text(page)
    assert "<details" not in markup(page).split('id="edit-access"')[1].split("</section>")[0]
    fields = {"grant": field(page, "grant"), "was": "ready", "back": ""}
    answer = clerk.post(tab(jenny, "disable"), htmx=True, **fields)
    assert "is not enabled any more" in status_region(answer)
    again = clerk.post(tab(jenny, "disable"), htmx=True, **fields)
    assert "had ended already" in status_region(again)


def test_ending_an_active_access_names_who_loses_what(clerk, active) -> None:
    page = clerk.get(tab(active))
    assert "Sam (Jen) Harris can no longer log on to this chart" in text(page)
    answer = clerk.post(
        tab(active, "disable"), htmx=True, grant=field(page, "grant"), was="active", back=""
    )
    assert status_region(answer) == "Disabled portal access of Sam H."
    assert access.current_grant(active.id) is None


def test_a_status_that_changed_meanwhile_is_left_alone(clerk, house, jenny) -> None:
    make_invitation(house, jenny)
    grant = access.current_grant(jenny.id)
    answer = clerk.post(tab(jenny, "disable"), htmx=True, grant=grant.public_id, was="ready")
    assert answer.status_code == 409
    assert "Nothing was done." in text(answer)
    assert "Portal status: Invited" in text(answer)
    assert access.current_grant(jenny.id) is not None
    assert clerk.post(tab(jenny, "disable"), grant=grant.public_id, was="x").status_code == 409


def test_send_says_what_goes_where_and_sends_it(clerk, jenny, active) -> None:
    clerk.post(tab(jenny, "enable"))
    page = clerk.get(tab(jenny))
    assert "An invitation goes to jenny@example.com. Its link works for 7 days." in text(page)
    assert "Send invitation/reset email" in text(page)
    answer = clerk.post(tab(jenny, "send"), htmx=True, address="jenny@example.com", back="")
    assert status_region(answer).startswith("Invited Jenny H.")
    page = clerk.get(tab(active))
    assert "a reset email goes to sam@example.com. Its link works for one hour." in text(page)
    answer = clerk.post(tab(active, "send"), address="sam@example.com", reset="")
    assert answer.headers["Location"] == f"/staff/patients/{active.public_id}"
    assert "Sent a reset email to Sam H." in text(clerk.follow(answer))
    assert mails("password_reset") == ["sam@example.com"]


def test_only_to_the_address_that_was_shown(clerk, active) -> None:
    answer = clerk.post(tab(active, "send"), htmx=True, address="old@example.com", reset="")
    assert answer.status_code == 409
    assert mails("password_reset") == []


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("free.name", "Available"),
        ("FREE.name ", "Available"),
        ("sam.lee", "This is the username now"),
        ("taken.name", "Not available"),
        ("no spaces", "Use 3 to 64 letters"),
        ("a@b.example", "Use 3 to 64 letters"),
        ("", ""),
    ],
)
def test_a_username_is_checked_while_typing(
    app, clerk, house, active, typed: str, words: str
) -> None:
    make_active(app, house, username="taken.name")
    answer = clerk.post(tab(active, "username"), htmx=True, username=typed)
    assert text(answer).startswith(words)
    assert ("is-good" in markup(answer)) == (words == "Available")


def test_beyond_thirty_checks_a_minute_nothing_is_told(clerk, active, moment) -> None:
    said = [
        text(clerk.post(tab(active, "username"), htmx=True, username=f"name.{n}"))
        for n in range(31)
    ]
    assert said[:30] == ["Available"] * 30
    assert "Save to find out" in said[30]
    moment.pass_(seconds=61)
    assert text(clerk.post(tab(active, "username"), htmx=True, username="name.x")) == "Available"


def test_staff_change_a_username_and_the_patient_is_told(clerk, active) -> None:
    page = clerk.get(tab(active))
    assert field(page, "username") == "sam.lee"
    answer = clerk.post(
        tab(active), htmx=True, username="Sammy.Lee", account=field(page, "account"), back=""
    )
    assert status_region(answer) == "Changed the portal username of Sam H."
    assert account_of(active).username == "sammy.lee"
    assert mails("username_changed") == ["sam@example.com"]
    assert len(audited("account.username_changed")) == 1
    assert "Username changed By: James Smith" in text(clerk.access(active))


def test_a_taken_username_is_refused_beside_the_field(app, clerk, house, active) -> None:
    make_active(app, house, username="taken.name")
    page = clerk.get(tab(active))
    answer = clerk.post(
        tab(active), htmx=True, username="taken.name", account=field(page, "account")
    )
    assert answer.status_code == 422
    assert "Not available" in text(answer)
    assert field(answer, "username") == "taken.name"
    assert account_of(active).username == "sam.lee"


def test_another_account_than_the_one_shown_is_left_alone(clerk, active) -> None:
    answer = clerk.post(tab(active), htmx=True, username="sammy.lee", account="another")
    assert answer.status_code == 409
    assert account_of(active).username == "sam.lee"


def test_who_has_no_account_chooses_at_sign_up(clerk, jenny) -> None:
    page = clerk.get(tab(jenny))
    assert "There is no account yet" in text(page)
    answer = clerk.post(tab(jenny), htmx=True, username="jenny.h")
    assert answer.status_code == 422


def test_the_notice_comes_before_access_or_mail(newcomer, jenny) -> None:
    for act in ("enable", "send"):
        assert "Before you invite" in text(newcomer.post(tab(jenny, act), htmx=True))
    assert access.current_grant(jenny.id) is None


def test_another_practice_s_patient_is_not_there(app, clerk) -> None:
    other = make_patient(make_house("Other Clinic"))
    assert clerk.get(tab(other)).status_code == 404
    for act in ("", "enable", "disable", "send", "username"):
        assert clerk.post(tab(other, act)).status_code == 404


def test_a_colleague_sees_no_manual_password(app, house, jenny) -> None:
    for member in (house.front_desk, house.provider_member):
        clerk = Clerk(app, member)
        assert "Manually set" not in text(clerk.get(tab(jenny)))
        assert clerk.post(tab(jenny, "suggest")).status_code == 403
        assert clerk.post(tab(jenny), manual="y", username="jenny.h").status_code == 403
