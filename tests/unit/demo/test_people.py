"""The data of the demo: believable, nobody's own, and complete."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

from portal.access.rules import Status
from portal.accounts.rules import well_formed
from portal.demo import crowd, names
from portal.demo.fates import FREQUENCY, STATUS, TELL, Fate
from portal.demo.people import NEXT_DOOR, SIXTY
from portal.demo.person import Story, values_of
from portal.demo.service import new_password
from portal.demo.stories import ANSWERS, STORIES
from portal.passwords import problem
from portal.people import rules

EVERYBODY = (*SIXTY, *NEXT_DOOR)
TODAY = date(2026, 11, 21)


def test_what_is_said_of_each_could_be_typed_by_staff() -> None:
    for number, person in enumerate(EVERYBODY, start=1):
        values = values_of(person, number=number, providers={"Dr. Who": 1}, today=TODAY)
        assert rules.clean_text(values["given_name"]) == person.given
        assert bool(values["phones"]) == bool(person.phone)


def test_nothing_is_anybodys_own() -> None:
    for person in EVERYBODY:
        for phone in filter(None, (person.phone, person.second_phone)):
            assert re.fullmatch(r"[2-9]\d\d-555-01\d\d", phone)
        assert person.ssn is None or re.fullmatch(r"9\d\d-[0-4]\d-\d{4}", person.ssn)
        assert person.address is None or person.address.endswith(names.DOMAINS)


def test_numbers_are_given_once() -> None:
    ssns = Counter(person.ssn for person in SIXTY if person.ssn)
    addresses = Counter(person.address for person in SIXTY if person.address)
    assert max(ssns.values()) == 1
    assert max(addresses.values()) == 2, "two on one address, and never three"


def test_every_story_is_told_and_can_be() -> None:
    assert {person.story for person in SIXTY} == set(Story) == set(STORIES)
    assert set(ANSWERS) <= set(Story)


def test_usernames_are_possible_and_unique() -> None:
    usernames = [
        f"{names.slug(person.preferred or person.given)}.{names.slug(person.family)}"
        for person in SIXTY
        if person.story is not Story.UNTOLD
    ]
    assert all(map(well_formed, usernames))
    assert len(set(usernames)) == len(usernames)
    assert "jen.harris" in usernames


def test_the_first_of_all_is_jenny_harris() -> None:
    jenny = SIXTY[0]
    assert (jenny.given, jenny.preferred, jenny.family, jenny.born) == (
        "Jenny",
        "Jen",
        "Harris",
        "1980-02-11",
    )


def test_a_slug_holds_ascii_only() -> None:
    assert names.slug("María de la Cruz") == "maria.de.la.cruz"
    assert names.slug("O'Brien-Núñez") == "obrien.nunez"
    assert names.slug("Søren Yılmaz") == "soren.yilmaz"
    for name in (*names.GIVEN, *names.FAMILY, *names.SPANISH_GIVEN, *names.SPANISH_FAMILY):
        assert re.fullmatch(r"[a-z]+(\.[a-z]+)*", names.slug(name)), name


def test_made_passwords_are_good() -> None:
    made = {new_password() for _ in range(30)}
    assert len(made) == 30
    assert {problem(password, context=("Family Practice",)) for password in made} == {None}


def test_ssns_by_the_million_are_possible_and_their_own() -> None:
    drawn = {crowd.ssn(number) for number in range(1, 20_001)}
    assert len(drawn) == 20_000
    assert all(rules.parse_ssn(digits) == digits for digits in drawn)
    assert all("900" <= digits[:3] <= "999" and "01" <= digits[3:5] <= "49" for digits in drawn)


def test_the_crowd_is_mixed() -> None:
    people = crowd.Crowd(today=TODAY, seed=1)
    drawn = [people.next(number) for number in range(1, 2_001)]
    assert {someone.language for someone in drawn} == {"en", "es", None}
    assert any(someone.email == crowd.PLACEHOLDER for someone in drawn)
    assert 0.6 < sum(someone.can_be_invited for someone in drawn) / len(drawn) < 0.9
    assert all(someone.born is None or someone.born < TODAY for someone in drawn)
    assert all(len(set(someone.phones)) == len(someone.phones) for someone in drawn)
    homes = Counter(id(someone.home) for someone in drawn)
    assert max(homes.values()) > 2, "families live together"


def test_every_fate_is_known_throughout() -> None:
    assert set(Fate) == set(FREQUENCY) == set(STATUS) == set(TELL)
    assert sum(FREQUENCY.values()) == 100
    assert set(STATUS.values()) == set(Status)
