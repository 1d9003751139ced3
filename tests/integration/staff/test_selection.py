"""Selecting in the Onboarding Tool: rows, the page, or all that match as a snapshot (5.6)."""

from __future__ import annotations

import html
import re

import pytest

from portal.extensions import db
from portal.people.models import Patient
from portal.roster import selection
from portal.roster.selection_models import Selection
from tests.doors import log_on_staff
from tests.factories import House, make_house, make_patient
from tests.integration.staff.clerk import Clerk, markup, text
from tests.integration.staff.onboarding import URL
from tests.visits import in_days, make_visit

SELECT = f"{URL}/selection"


@pytest.fixture
def patients(house: House) -> list[Patient]:
    return [make_patient(house, family_name=f"Person{letter}") for letter in "ABCDEFGH"]


def ticked(answer) -> list[str]:
    """The family names of the rows whose box is ticked."""
    rows = re.findall(r'<tr id="row-.*?</tr>', markup(answer), re.S)
    of = [row for row in rows if re.search(r'name="tick"[^>]* checked', row)]
    return [re.findall(r'class="lead"><a[^>]*>(\w+),', row)[0] for row in of]


def rows_of(answer) -> list[str]:
    """What the page says of its rows, as the form would send it."""
    return [
        html.unescape(value) for value in re.findall(r'name="row" value="([^"]*)"', markup(answer))
    ]


def mark(clerk: Clerk, shown, *patients: Patient, htmx: bool = False, **more):
    """Send a page's boxes with just these ticked."""
    return clerk.post(
        SELECT, htmx=htmx, row=rows_of(shown), tick=[p.public_id for p in patients], **more
    )


def selected() -> set[int]:
    db.session.rollback()
    held = db.session.query(Selection).filter(Selection.logon_id.is_not(None)).one()
    return set(db.session.scalars(selection.patient_ids(held)))


def test_nobody_is_selected_at_first(clerk, patients) -> None:
    shown = clerk.get(URL)

    assert ticked(shown) == []
    assert "Nobody is selected." in text(shown)
    assert "Select all 8 that match" in text(shown)


def test_ticks_are_kept_by_the_server_over_pages(clerk, house, patients) -> None:
    for letter in "IJKLMNOPQRSTUVWXYZ":
        patients.append(make_patient(house, family_name=f"Person{letter}"))
    first = clerk.get(f"{URL}?size=25")
    second = clerk.get(html.unescape(re.findall(r'rel="next" href="([^"]*)"', markup(first))[0]))

    mark(clerk, first, patients[0], patients[2])
    answer = mark(clerk, second, patients[25], htmx=True)

    assert "3 selected 2 of them not on this page" in text(answer)
    assert ticked(clerk.get(f"{URL}?size=25")) == ["PersonA", "PersonC"]
    assert selected() == {patients[0].id, patients[2].id, patients[25].id}


def test_without_javascript_the_page_comes_back_with_its_ticks(clerk, patients) -> None:
    shown = clerk.get(URL)

    page = clerk.follow(mark(clerk, shown, patients[1]))
    assert ticked(page) == ["PersonB"]
    assert "1 selected" in text(page)

    page = clerk.follow(clerk.post(SELECT, row=rows_of(page), act="page"))
    assert len(ticked(page)) == 8
    page = clerk.follow(clerk.post(SELECT, row=rows_of(page), act="none"))
    assert ticked(page) == []


def test_all_that_match_minus_three_whatever_the_filter_shows_later(clerk, house, patients) -> None:
    clerk.post(f"{URL}/{patients[0].public_id}/enable")
    red = clerk.get(f"{URL}?pill=not_enabled")
    back = "pill=not_enabled"

    everybody = clerk.post(SELECT, htmx=True, row=rows_of(red), act="all", back=back)
    assert len(ticked(everybody)) == 7
    assert "Select all 7 that match" not in text(everybody), "just those are selected"
    left = [p for p in patients[1:] if p not in patients[1:4]]
    bar = mark(clerk, everybody, *left, htmx=True, back=back)

    assert "4 selected" in text(bar)
    assert "Select all 7 that match" in text(bar)
    assert selected() == {p.id for p in left}
    gray = clerk.get(f"{URL}?pill=ready")
    assert ticked(gray) == []
    assert "4 selected 4 of them not on this page" in text(gray)


def test_a_search_that_is_forgotten_never_means_everybody(clerk, patients) -> None:
    answer = clerk.post(SELECT, htmx=True, act="all", back="s=abcdefghijklmnopqrstuv")

    assert answer.headers["HX-Redirect"] == URL
    assert db.session.query(Selection).count() == 0


def test_all_that_a_search_finds(clerk, patients) -> None:
    place = clerk.post(f"{URL}/search", q="persond").headers["Location"]

    clerk.post(SELECT, act="all", back=place.partition("?")[2])

    assert selected() == {patients[3].id}


def test_another_practice_s_patient_cannot_be_selected(clerk, patients) -> None:
    stranger = make_patient(make_house("Elsewhere"))

    clerk.post(SELECT, row=[f"{stranger.public_id} x"], tick=[stranger.public_id])

    assert selected() == set()


def test_each_log_on_selects_for_itself(app, clerk, house, patients) -> None:
    mark(clerk, clerk.get(URL), patients[0])
    colleague = log_on_staff(app, house.administrator)

    assert ticked(colleague.get(URL)) == []


def test_a_row_that_is_swapped_stays_ticked(clerk, patients) -> None:
    mark(clerk, clerk.get(URL), patients[0])

    answer = clerk.post(f"{URL}/{patients[0].public_id}/enable", htmx=True)

    assert ticked(answer) == ["PersonA"]


def test_all_that_match_are_those_who_come_then(clerk, patients, moment) -> None:
    for patient in patients[2:5]:
        make_visit(patient, in_days(0.1))
    shown = clerk.get(f"{URL}?next=today")
    assert "Select all 3 that match" in text(shown)
    mark(clerk, shown, act="all", back="next=today")
    assert selected() == {patient.id for patient in patients[2:5]}
    on = clerk.post(SELECT, act="invite", back="next=today")
    assert "back=next%3Dtoday" in on.headers["Location"]
