"""The dialog with its number, and the page of a run (5.6, interface.md "Bulk")."""

from __future__ import annotations

import csv
import html
import re

import pytest

from portal import clock
from portal.access import service as access
from portal.bulk import jobs, working
from portal.bulk import people as people_lists
from portal.bulk import service as bulk
from portal.bulk.models import BulkRun
from portal.bulk.rules import AT_ONCE
from portal.bulk.states import RunKind
from portal.extensions import db
from portal.mail import registry
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.practices import service as practices
from portal.practices.models import Role
from portal.roster import selection as selections
from portal.roster.selection_models import Selection
from portal.transaction import atomic
from tests.factories import PASSWORD, SETUP, make_house, make_invitation, make_patient
from tests.integration.bulk.conftest import begin, select_patients
from tests.integration.staff.clerk import Clerk, audited, markup, status_region, text

NEW = "/staff/bulk/new"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few, they are done by workers."""
    monkeypatch.setattr(bulk, "AT_ONCE", 0)


def form(answer) -> dict[str, str]:
    """The hidden fields of the form with the big button."""
    found = re.search(r'<form[^>]*>((?:(?!</form>).)*id="bulk-go".*?)</form>', markup(answer), re.S)
    assert found, "no button"
    pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[1])
    return {name: html.unescape(value) for name, value in pairs if name != "csrf_token"}


def enabled(patients) -> int:
    db.session.rollback()
    return sum(access.current_grant(patient.id) is not None for patient in patients)


@pytest.mark.parametrize("htmx", [True, False])
def test_the_number_on_the_button_is_the_number_done(admin, house, patients, moment, htmx) -> None:
    access.enable(patient=patients[0], by=house.hand, now=moment.now)
    gone = make_patient(house, end_date=clock.local_date(moment.now, "America/New_York"))
    select_patients(house, [*patients, gone])
    asked = admin.get(f"{NEW}?act=enable&back=pill%3Dnot_enabled", htmx=htmx)
    words = text(asked)
    assert "Of 4 selected: 2 will be enabled." in words
    assert "1 is enabled already." in words
    assert "1 is end-dated." in words
    assert "Enable 2 patients" in words
    assert enabled(patients) == 1, "asking does nothing"
    done = admin.post(NEW, htmx=htmx, **form(asked))
    to = done.headers["HX-Redirect" if htmx else "Location"]
    assert to == "/staff/onboarding?pill=not_enabled"
    assert "Enabled 2 patients." in text(admin.get(to))
    assert enabled(patients) == 3
    assert db.session.query(Selection).filter(Selection.logon_id.is_not(None)).count() == 0


def test_disabling_says_who_loses_what(app, admin, house, patients, moment) -> None:
    make_invitation(house, patients[0])
    access.enable(patient=patients[1], by=house.hand, now=moment.now)
    select_patients(house, patients)
    asked = admin.get(f"{NEW}?act=disable", htmx=True)
    words = text(asked)
    assert "Of 3 selected: 2 will lose access." in words
    assert "1 pending invitation stops working for good." in words
    assert "1 was enabled and not invited yet." in words
    assert "1 is not enabled." in words
    assert "Disable access of 2 patients" in words
    admin.post(NEW, htmx=True, **form(asked))
    assert enabled(patients) == 0
    assert "Disabled access of 2 patients." in text(admin.get("/staff/onboarding"))


@pytest.mark.parametrize("htmx", [True, False])
def test_changed_since_the_numbers_were_shown(admin, house, patients, moment, htmx) -> None:
    select_patients(house, patients)
    asked = admin.get(f"{NEW}?act=enable", htmx=htmx)
    people.edit(patient=patients[0], values={"deceased": True}, by=house.hand, now=moment.now)
    answer = admin.post(NEW, htmx=htmx, **form(asked))
    assert answer.status_code == 409
    assert "Nothing was done." in text(answer)
    assert "Enable 2 patients" in text(answer)
    assert enabled(patients) == 0
    admin.post(NEW, htmx=htmx, **form(answer))
    assert enabled(patients) == 2


def test_another_selection_than_was_shown_is_not_acted_upon(admin, house, patients) -> None:
    select_patients(house, patients[:1])
    asked = form(admin.get(f"{NEW}?act=enable"))
    logon_id = db.session.query(Selection).one().logon_id
    selections.clear(logon_id=logon_id)
    select_patients(house, patients[1:2])
    assert admin.post(NEW, **asked).status_code == 409
    assert enabled(patients) == 0


def test_nobody_selected_and_nothing_to_do(admin, house, patients, moment) -> None:
    assert "Nobody is selected." in text(admin.get(f"{NEW}?act=enable"))
    assert admin.post(NEW, act="enable").status_code == 409
    select_patients(house, patients)
    shown = admin.get(f"{NEW}?act=disable")
    assert "There is nothing to do." in text(shown)
    assert 'id="bulk-go"' not in markup(shown)
    assert admin.get(f"{NEW}?act=explode").status_code == 404


def test_the_front_desk_acts_on_one_page_at_most(app, house, moment) -> None:
    clerk = Clerk(app, house.front_desk)
    patients = [make_patient(house) for _ in range(AT_ONCE + 1)]
    select_patients(house, patients, house.front_desk)
    shown = clerk.get(f"{NEW}?act=enable")
    assert "up to 100 patients at once" in text(shown)
    assert 'id="bulk-go"' not in markup(shown)
    selection = db.session.query(Selection).one()
    fields = {"act": "enable", "selection": selection.public_id, "total": 101, "number": 101}
    assert clerk.post(NEW, **fields).status_code == 403
    assert clerk.post(NEW, **(fields | {"total": 100, "number": 100})).status_code == 409
    assert enabled(patients) == 0


def test_the_notice_comes_first(app, house, patients) -> None:
    nora = practices.add_staff(
        practice=house.practice, email="nora@example.com", name="Nora New", role=Role.ADMINISTRATOR,
        password=PASSWORD, by=SETUP, now=clock.now(),
    )  # fmt: skip
    clerk = Clerk(app, nora)
    select_patients(house, patients, nora)
    fields = form(clerk.get(f"{NEW}?act=enable&back=pill%3Dready"))
    asked = clerk.post(NEW, htmx=True, **fields)
    assert "keep patients’ records confidential" in text(asked)
    assert enabled(patients) == 0
    clerk.post(NEW, htmx=True, **fields, notice_read="1")
    assert enabled(patients) == 3


# The page of a run


def test_many_are_a_run_that_can_be_followed(admin, house, patients, queued, moment) -> None:
    select_patients(house, patients)
    asked = admin.get(f"{NEW}?act=enable")
    answer = admin.post(NEW, **form(asked))
    page = admin.follow(answer)
    words = text(page)
    assert "Enable access of many" in words
    assert "Started by Ada Admin on" in words
    assert "Running" in words
    assert "Remaining 3" in words
    assert "data-poll" in markup(page)
    url = answer.headers["Location"]
    state = re.search(r'hx-get="([^"]*)"', markup(page))
    assert state
    again = admin.get(state[1].replace("&amp;", "&"), htmx=True)
    assert 'id="bulk-run"' not in markup(again), "nothing changed: it only asks again, later"
    assert "every 3s" in markup(again)
    jobs.work(url.rpartition("/")[2])
    news = admin.get(state[1].replace("&amp;", "&"), htmx=True)
    assert news.headers["HX-Retarget"] == "#bulk-run"
    assert status_region(news) == "The run is done: 3 patients."
    assert "data-poll" not in markup(news), "what is over is not asked about"
    assert "Enabled 3" in text(admin.get(url))


def test_a_second_click_opens_the_first(admin, house, patients, queued) -> None:
    select_patients(house, patients)
    fields = form(admin.get(f"{NEW}?act=enable"))
    first = admin.post(NEW, **fields)
    select_patients(house, patients)
    second = admin.post(NEW, **form(admin.get(f"{NEW}?act=enable")))
    assert second.headers["Location"] == first.headers["Location"]
    assert db.session.query(BulkRun).count() == 1


@pytest.mark.parametrize("htmx", [True, False])
def test_pause_resume_cancel(admin, house, patients, queued, htmx) -> None:
    run = begin(house, RunKind.ENABLE)
    url = f"/staff/bulk/{run.public_id}"

    def press(act: str):
        answer = admin.post(f"{url}/{act}", htmx=htmx)
        return answer if htmx else admin.follow(answer)

    assert "Paused by Ada Admin. It goes on when somebody resumes it." in text(press("pause"))
    jobs.sweep_runs(clock.now())
    assert enabled(patients) == 0
    running = text(press("resume"))
    assert "Running" in running
    assert "Cancel the remaining 3" in running, "what cannot be undone names its effect"
    assert "Not done, since it was cancelled 3" in text(press("cancel"))
    if htmx:
        assert admin.post(f"{url}/resume", htmx=True).status_code == 409


def test_only_who_started_it_or_an_administrator_steers(
    app, admin, house, patients, queued
) -> None:
    run = begin(house, RunKind.ENABLE)
    clerk = Clerk(app, house.front_desk)
    page = clerk.get(f"/staff/bulk/{run.public_id}")
    assert "Remaining 3" in text(page)
    assert "/pause" not in markup(page)
    assert clerk.post(f"/staff/bulk/{run.public_id}/cancel").status_code == 403


def test_another_practice_s_run_is_not_there(app, house, patients, queued) -> None:
    run = begin(house, RunKind.ENABLE)
    other = Clerk(app, make_house("Other Clinic").administrator)
    for path in ("", "/state"):
        assert other.get(f"/staff/bulk/{run.public_id}{path}").status_code == 404
    for act in ("pause", "resume", "cancel"):
        assert other.post(f"/staff/bulk/{run.public_id}/{act}").status_code == 404


# Invitations


ALL = "/staff/bulk/invite-all"


def test_the_preview_of_invitations(app, admin, house, moment) -> None:
    for name in ("Ann", "Bob"):
        make_patient(house, given_name=name, preferred_name="")
    make_patient(house, given_name="Eva", preferred_name="", language="es")
    for _ in range(2):
        make_patient(house, email=None)
    make_patient(house, deceased=True)
    before = db.session.query(OutboxMessage).count()
    page = admin.get(ALL)
    words = text(page)
    assert "3 of 6 patients will get an invitation." in words
    assert "English 2, Español 1" in words
    assert "Send 3 invitations" in words
    assert "Deceased 1 Nothing is sent to them." in words
    assert "No email on file 2 Add an address." in words
    assert words.index("Deceased") < words.index("No email on file"), "the fixed order"
    assert "Passed over, of 6 patients 3" in words
    for sample in ("Hello Ann H.,", "Hello Bob H.,", "Hola, Eva H.:"):
        assert sample in words, words
    assert db.session.query(OutboxMessage).count() == before, "nothing is sent"
    assert form(page)["number"] == "3"


def test_each_reason_is_a_list_with_the_fix_at_hand(admin, house, moment, monkeypatch) -> None:
    monkeypatch.setattr(people_lists, "PAGE", 2)
    bare = [make_patient(house, email=None, family_name=f"Zed{n}") for n in "CAB"]
    page = admin.get(ALL)
    url = re.search(r'href="([^"]*skipped[^"]*reason=no_email[^"]*)"', markup(page))
    assert url
    first = admin.get(html.unescape(url[1]))
    assert re.findall(r"Zed\w", text(first).partition("Patient list")[2] or text(first))[:1] == [
        "ZedA"
    ]
    assert f"/staff/bulk/skipped/{bare[1].public_id}/identifiers" in markup(first)
    assert "ZedC" not in text(first)
    then = re.search(r'rel="next" href="([^"]*)"', markup(first))
    assert then
    last = admin.get(html.unescape(then[1]))
    assert "ZedC" in text(last)
    assert "ZedA" not in text(last)
    assert 'rel="next"' not in markup(last)


def test_who_ended_an_access_and_when_is_told(admin, house, jenny_ended) -> None:
    page = admin.get("/staff/bulk/skipped?act=invite&scope=practice&reason=ended_by_person")
    assert "Access ended by James Smith on Nov 21, 2026" in text(page)


@pytest.fixture
def jenny_ended(house, moment):
    patient = make_patient(house)
    grant = access.enable(patient=patient, by=house.hand, now=moment.now)
    access.end(grant=grant, reason=access.EndReason.DISABLED, by=house.hand, now=moment.now)
    return patient


def test_the_button_starts_a_run_of_exactly_so_many(admin, house, patients, moment) -> None:
    shown = form(admin.get(ALL))
    make_patient(house)
    stale = admin.post(NEW, **shown)
    assert stale.status_code == 409
    assert "Send 4 invitations" in text(stale)
    answer = admin.post(NEW, **form(stale))
    page = admin.follow(answer)
    assert "Invitations to many" in text(page)
    assert "Remaining 4" in text(page)
    waiting = text(admin.get(ALL))
    assert "A run of your practice is on its way." in waiting
    assert "Send" not in waiting.partition("will get an invitation")[2].partition("Language")[0]


def test_invitations_for_a_selection(admin, house, patients) -> None:
    select_patients(house, patients[:2])
    asked = admin.get(f"{NEW}?act=invite", htmx=True)
    assert asked.headers["HX-Redirect"].startswith(f"{NEW}?act=invite"), (
        "it is a page, not a dialog"
    )
    page = admin.get(f"{NEW}?act=invite")
    assert "Send 2 invitations" in text(page)
    answer = admin.post(NEW, **form(page))
    assert "Remaining 2" in text(admin.follow(answer))


def test_a_test_goes_to_oneself_and_names_no_patient(admin, house, patients, moment) -> None:
    answer = admin.post("/staff/bulk/test", scope="practice", act="invite")
    assert f"A test is on its way to {house.administrator.email}." in text(admin.follow(answer))
    message = db.session.query(OutboxMessage).filter_by(purpose="invitation_test").one()
    assert message.address == house.administrator.email
    written = registry.compose(message, now=moment.now)
    assert written is not None
    assert written.subject.startswith("TEST: Connect with Family Practice")
    assert "Hello Ada Admin," in written.text
    assert "Jenny" not in written.text + written.html
    link = re.search(r"http://\S+(/i/test)\s", written.text)
    assert link
    assert admin.get(link[1]).status_code == 404, "its link is dead"


def test_the_front_desk_does_not_invite_everybody(app, house, patients) -> None:
    clerk = Clerk(app, house.front_desk)
    assert clerk.get(ALL).status_code == 403
    fields = {"act": "invite", "scope": "practice", "total": 3, "number": 3}
    assert clerk.post(NEW, **fields).status_code == 403
    select_patients(house, patients, house.front_desk)
    assert "Send 3 invitations" in text(clerk.get(f"{NEW}?act=invite"))


def test_the_report_and_what_failed(app, admin, house, moment) -> None:
    good = make_patient(house, given_name="=cmd()", family_name="")
    bad = make_patient(house, given_name="Bad")
    make_patient(house, email=None, given_name="Nomail")
    run = begin(house, RunKind.INVITE)
    working.work_batch(run.public_id, now=moment.now)
    with atomic():
        for message in db.session.query(OutboxMessage).filter_by(purpose="invitation"):
            failed = message.address == bad.email
            message.state = "failed" if failed else "accepted"
            message.reason = "mailbox_full" if failed else None
    working.work_batch(run.public_id, now=moment.now)
    page = admin.get(f"/staff/bulk/{run.public_id}")
    words = text(page)
    assert "The mail server says the mailbox is full. 1" in words
    assert "Skipped No email on file 1" in words
    assert "Retry the 1 failed" in words
    shown = admin.get(f"/staff/bulk/{run.public_id}/people?state=failed&reason=mailbox_full")
    assert "Harris, Bad" in text(shown)
    assert "Nomail" not in text(shown)
    answer = admin.get(f"/staff/bulk/{run.public_id}/report.csv")
    raw = answer.data.decode()
    assert raw.startswith("\ufeffRecord number,Patient,Email,Result,Reason,Time\r\n")
    rows = {row[0]: row[1:] for row in csv.reader(raw.splitlines()[1:])}
    assert rows[good.record_number][0] == "'=cmd() (Jen)"
    assert rows[bad.record_number][2:4] == ["Failed", "The mail server says the mailbox is full."]
    assert len(rows) == 3
    assert [event.data["run"] for event in audited("bulk.exported")] == [run.public_id]
    retry = admin.get(f"{NEW}?act=invite&scope=failed&of={run.public_id}")
    assert "Retry those who were not reached" in text(retry)
    assert f"of={run.public_id}" in markup(retry)
    other = Clerk(app, make_house("Other Clinic").administrator)
    for path in ("", "/people?state=failed", "/report.csv"):
        assert other.get(f"/staff/bulk/{run.public_id}{path}").status_code == 404
    assert other.get(f"{NEW}?act=invite&scope=failed&of={run.public_id}").status_code == 404


def test_whoever_left_a_run_finds_it_again(app, admin, house, patients, queued) -> None:
    assert "No runs yet" in text(admin.get("/staff/bulk"))
    run = begin(house, RunKind.ENABLE)
    page = admin.get("/staff/bulk")
    assert f"/staff/bulk/{run.public_id}" in markup(page)
    assert "Enable access of many" in text(page)
    assert "Running" in text(page)
    other = Clerk(app, make_house("Other Clinic").administrator)
    assert run.public_id not in markup(other.get("/staff/bulk"))


def test_the_bar_under_the_list_leads_to_the_preview(admin, house, patients) -> None:
    select_patients(house, patients)
    rows = [f"{patient.public_id} " for patient in patients]
    ids = [patient.public_id for patient in patients]
    answer = admin.post("/staff/onboarding/selection", act="invite", row=rows, select=ids)
    assert answer.headers["Location"].startswith(f"{NEW}?act=invite")
    assert "Invite the selected patients" in text(admin.get(f"{NEW}?act=invite"))


@pytest.mark.parametrize("htmx", [True, False])
def test_what_is_missing_is_mended_over_the_list_of_who_is_passed_over(
    admin, house, patients, htmx
) -> None:
    lacking = make_patient(house, email=None, family_name="Lacking")
    here = "/staff/bulk/skipped?act=invite&scope=practice&reason=no_email"
    fix = re.search(r'href="([^"]*/identifiers[^"]*)"', markup(admin.get(here)))
    assert fix
    asked = admin.get(html.unescape(fix[1]), htmx=htmx)
    assert "Missing Identifiers for" in text(asked)
    assert ("hx-post" in markup(asked)) == htmx, "a page of its own is sent as one"
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', markup(asked)))
    del fields["csrf_token"]
    path = f"/staff/bulk/skipped/{lacking.public_id}/identifiers"
    assert admin.post(path, htmx=htmx, email="no address", **fields).status_code == 422
    done = admin.post(path, htmx=htmx, email="lacking@example.com", **fields)
    to = done.headers["HX-Redirect" if htmx else "Location"]
    assert to == here
    listed = text(admin.get(to))
    assert "Saved identifiers of" in listed
    assert "Lacking" not in listed
    assert "4 of 4 patients will get an invitation." in text(admin.get("/staff/bulk/invite-all"))
    again = admin.post(path, htmx=htmx, email="other@example.com", **fields)
    assert again.headers["HX-Redirect" if htmx else "Location"] == here, "somebody was quicker"
    assert "other@example.com" not in markup(admin.get("/staff/bulk/invite-all"))
