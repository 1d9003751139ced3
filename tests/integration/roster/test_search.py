"""Who is meant by a text is the same, however it is asked: put together, or looked for along the list."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from portal.people import listing, reading, search
from portal.roster import service as roster
from portal.roster.rows import RosterFilter
from portal.roster.rules import Order, Pill
from tests.factories import House, make_house, make_invitation, make_patient

TEXTS = ("m", "m s", "s m", "ma", "maria silva", "maria", "4435550177", "02/11/1980", "zz", "r0")
FAMILIES = ("Adams", "Mason", "Silva", "Small")
GIVEN = ("Maria", "Sam", "Zoe")


@pytest.fixture
def house(app, moment) -> House:
    house = make_house()
    for number, (family, given) in enumerate(itertools.product(FAMILIES, GIVEN)):
        patient = make_patient(
            house,
            family_name=family,
            given_name=given,
            preferred_name="",
            birth_date=date(1980, 2, 11 + number % 2),
            phones=[{"kind": "home", "e164": f"+144355501{77 + number % 2}", "extension": None}],
        )
        if number % 3 == 0:
            make_invitation(house, patient)
    return house


def everybody(house: House, text: str, order: Order, pill: Pill, now) -> list[str]:
    """All pages there, and back again."""
    asked = {
        "practice_id": house.practice.id, "filter": RosterFilter(text=text, pill=pill),
        "order": order, "size": 2, "now": now,
    }  # fmt: skip
    pages = [roster.page(**asked)]
    while pages[-1].next:
        pages.append(roster.page(**asked, cursor=pages[-1].next))
    for page, after in zip(reversed(pages[:-1]), reversed(pages), strict=False):
        assert roster.page(**asked, cursor=after.previous).lines == page.lines
    return [line.patient.public_id for page in pages for line in page.lines]


def test_broad_words_are_looked_for_along_the_list(house, moment, monkeypatch) -> None:
    cases = list(itertools.product(TEXTS, Order, (Pill.ALL, Pill.INVITED)))
    asked = [everybody(house, *case, moment.now) for case in cases]
    counted = [
        roster.count_matching(
            practice_id=house.practice.id, filter=RosterFilter(text=text, pill=pill), now=moment.now
        )
        for text, _, pill in cases
    ]
    assert [len(found) for found in asked] == [number for number, _ in counted]
    assert len(asked[0]) == 6  # Mason thrice, and three more Marias
    monkeypatch.setattr(reading, "BROAD", 0)
    for looked_along in (0, 3, 100):
        monkeypatch.setattr(listing, "LOOKED_ALONG", looked_along)
        again = [everybody(house, *case, moment.now) for case in cases]
        assert again == asked, looked_along
        assert [
            roster.count_matching(
                practice_id=house.practice.id,
                filter=RosterFilter(text=text, pill=pill),
                now=moment.now,
            )
            for text, _, pill in cases
        ] == counted, looked_along


def test_the_list_of_patients_finds_the_same(house, moment, monkeypatch) -> None:
    def found(text: str) -> tuple[list[int], int]:
        asked = {"practice_id": house.practice.id, "text": text, "now": moment.now}
        page = search.page(**asked, size=4)
        ids = [patient.id for patient in page.patients]
        while page.next:
            page = search.page(**asked, size=4, cursor=page.next)
            ids += [patient.id for patient in page.patients]
        return ids, search.count(**asked)

    asked = [found(text) for text in TEXTS]
    assert all(len(ids) == number for ids, number in asked)
    monkeypatch.setattr(reading, "BROAD", 0)
    monkeypatch.setattr(listing, "LOOKED_ALONG", 3)
    assert [found(text) for text in TEXTS] == asked


def test_the_rarest_word_leads(house, moment, monkeypatch) -> None:
    def read(text: str) -> reading.Reading:
        return reading.read(house.practice.id, text, today=moment.now.date())

    assert read("m adams").words == ("adams", "m")
    assert not read("m s").broad
    monkeypatch.setattr(reading, "BROAD", 3)
    assert read("m s").broad
    assert not read("m adams").broad
    assert not read("02/11/1980").broad


def test_at_most_so_many_are_counted(house, moment) -> None:
    asked = {"practice_id": house.practice.id, "now": moment.now, "most": 5}
    assert roster.count_matching(filter=RosterFilter(text="m"), **asked) == (5, True)
    assert roster.count_matching(filter=RosterFilter(text="adams"), **asked) == (3, False)
    assert search.count(text="m", **asked) == 6


def test_who_has_many_words_that_begin_alike_is_counted_once(house, moment) -> None:
    for number in range(4):
        make_patient(house, family_name=f"Mab Mac Mad{number}", given_name="Mae Maf Mag")
    asked = {"practice_id": house.practice.id, "now": moment.now}
    for most in range(1, 12):
        assert search.count(text="m", most=most, **asked) == min(10, most + 1)
        assert search.count(text="mae m", most=most, **asked) == min(4, most + 1)
