"""The patient list and its search (interface.md "Staff"; architecture rule 5)."""

from __future__ import annotations

import html
import re
from datetime import date

import pytest

from portal.people import stored_search
from tests.factories import make_house, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, audited, field, markup, text


@pytest.fixture
def people(house) -> None:
    make_patient(house, preferred_name="Jen", record_number="100482")
    make_patient(
        house,
        given_name="José",
        family_name="Núñez",
        preferred_name="",
        birth_date=date(1975, 3, 4),
        email="jose@example.org",
        phones=[{"kind": "home", "e164": "+12025550143", "extension": None}],
        record_number="100483",
    )


def names(answer) -> list[str]:
    found = re.findall(r'<td class="lead"><a href="[^"]*">(.*?)</a>', markup(answer))
    return [html.unescape(name) for name in found]


def test_the_list_says_who_and_how_it_stands(clerk, house, people) -> None:
    make_invitation(
        house, make_patient(house, given_name="Pat", family_name="Abel", preferred_name="")
    )
    page = clerk.get("/staff/patients")
    assert names(page) == ["Abel, Pat", "Harris, Jenny (Jen)", "Núñez, José"]
    words = text(page)
    assert "Portal status: Invited" in words
    assert "Portal status: Not enabled" in words
    assert "Feb 11, 1980" in words
    assert "(202) 555-0143" in words
    assert "100483" in words
    assert "Dr. Who" in words


def test_an_empty_practice_says_how_to_begin(clerk) -> None:
    assert "No patients yet" in text(clerk.get("/staff/patients"))


def test_pages_follow_each_other_and_their_addresses_hold_no_names(clerk, house) -> None:
    for number in range(120):
        make_patient(house, given_name=f"P{number:03d}", family_name="Quill", preferred_name="")
    page = clerk.get("/staff/patients")
    seen = names(page)
    while following := re.search(r'rel="next" href="([^"]*)"', markup(page)):
        url = html.unescape(following[1])
        assert "uill" not in url.lower()
        page = clerk.get(url)
        seen += names(page)
    assert seen == [f"Quill, P{number:03d}" for number in range(120)]
    back = re.search(r'rel="prev" href="([^"]*)"', markup(page))
    assert back
    assert names(clerk.get(html.unescape(back[1])))[0] == "Quill, P050"


@pytest.mark.parametrize(
    "typed",
    ["nunez jose", "José", "NÚÑ", "3/4/1975", "(202) 555-0143", "jose@example", "100483"],
)
def test_everything_that_names_a_person_finds_them(clerk, people, typed) -> None:
    page = clerk.follow(clerk.post("/staff/patients/search", q=typed))
    assert names(page) == ["Núñez, José"]
    assert f"1 patient for “{typed}”" in text(page)
    assert field(page, "q") == typed


def test_the_address_of_a_search_is_random_and_the_searcher_s_own(
    app, clerk, house, people
) -> None:
    answer = clerk.post("/staff/patients/search", q="nunez")
    url = answer.headers["Location"]
    assert re.fullmatch(r"/staff/patients\?s=[\w-]{22}", url)
    assert names(clerk.get(url)) == ["Núñez, José"]
    other = Clerk(app, house.administrator)
    assert other.get(url).headers["Location"] == "/staff/patients"


def test_a_search_is_forgotten_after_a_day(clerk, people, moment, app, house) -> None:
    url = clerk.post("/staff/patients/search", q="nunez").headers["Location"]
    moment.pass_(days=1, minutes=1)
    later = Clerk(app, house.front_desk)
    assert later.get(url).headers["Location"] == "/staff/patients"


def test_while_typing_only_the_list_is_answered_and_the_address_follows(clerk, people) -> None:
    first = clerk.post("/staff/patients/search", htmx=True, q="har")
    assert names(first) == ["Harris, Jenny (Jen)"]
    assert "<html" not in markup(first)
    assert "1 patient for “har”" in text(first)
    kept = field(first, "s")
    assert first.headers["HX-Replace-Url"] == f"/staff/patients?s={kept}"
    second = clerk.post("/staff/patients/search", htmx=True, q="harris jen", s=kept)
    assert field(second, "s") == kept
    assert names(clerk.get(f"/staff/patients?s={kept}")) == ["Harris, Jenny (Jen)"]
    cleared = clerk.post("/staff/patients/search", htmx=True, q="", s=kept)
    assert cleared.headers["HX-Replace-Url"] == "/staff/patients"
    assert len(names(cleared)) == 2


def test_a_search_that_finds_nobody_offers_a_way_on(clerk, people) -> None:
    page = clerk.follow(clerk.post("/staff/patients/search", q="zzz"))
    assert "0 patients for “zzz”" in text(page)
    assert "Nobody found" in text(page)
    assert "All patients" in text(page)


def test_the_pages_of_a_search_stay_in_it(clerk, house, people) -> None:
    for number in range(60):
        make_patient(house, given_name=f"P{number:03d}", family_name="Quill", preferred_name="")
    page = clerk.follow(clerk.post("/staff/patients/search", q="quill"))
    assert "60 patients for “quill”" in text(page)
    url = html.unescape(re.search(r'rel="next" href="([^"]*)"', markup(page))[1])
    assert len(names(clerk.get(url))) == 10


def test_a_search_is_audited_by_its_kind_and_never_by_its_text(clerk, people, moment) -> None:
    for typed in ("h", "ha", "harris"):
        clerk.post("/staff/patients/search", htmx=True, q=typed)
    moment.pass_(minutes=2)
    clerk.post("/staff/patients/search", htmx=True, q="3/4/1975")
    told = [event.data for event in audited("patients.searched")]
    assert told == [{"kind": "name", "results": 1}, {"kind": "birth_date", "results": 1}]


def test_nobody_of_another_practice_is_found(clerk, people) -> None:
    other = make_house("Other Clinic")
    make_patient(other, family_name="Elsewhere", record_number="900001")
    for typed in ("elsewhere", "900001", "(443) 555-0155", "2/11/1980"):
        page = clerk.follow(clerk.post("/staff/patients/search", q=typed))
        assert "Elsewhere" not in " ".join(names(page))


def test_what_no_database_can_be_asked_is_refused(clerk, people) -> None:
    assert clerk.post("/staff/patients/search", q="har\0ris").status_code == 400
    assert clerk.get("/staff/patients?s=%00").status_code == 400
    assert clerk.get("/staff/patients/%00").status_code in {400, 404}


def test_old_searches_are_swept(clerk, people, moment) -> None:
    clerk.post("/staff/patients/search", q="nunez")
    assert stored_search.forget_old(now=moment.now) == 0
    assert stored_search.forget_old(now=moment.pass_(days=1, seconds=1)) == 1
