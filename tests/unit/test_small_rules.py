"""The figures of security.md, asserted as they stand there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.accounts.rules import clean_username, suggestions, well_formed
from portal.accounts.sign_up import PENDING_LIFE
from portal.identity.rules import BirthAndPhoneClaim, birth_and_phone_agree, ssn_agrees
from portal.limits import rules as limits
from portal.logons.rules import LIVES, end_reason
from portal.logons.side import Side
from portal.web.places import safe_path

T = datetime(2026, 5, 17, tzinfo=UTC)


def test_the_numbers_are_those_of_the_law() -> None:
    assert limits.IDENTITY_PER_INVITATION == 5
    assert (limits.IDENTITY_PER_PATIENT.most, limits.IDENTITY_PER_PATIENT.window) == (
        10,
        timedelta(hours=24),
    )
    assert (limits.IDENTITY_PER_SSN.most, limits.IDENTITY_PER_SSN.window) == (
        10,
        timedelta(hours=1),
    )
    assert (limits.IDENTITY_PER_CLIENT.most, limits.IDENTITY_PER_CLIENT.window) == (
        20,
        timedelta(hours=1),
    )
    assert (limits.MAIL_PER_ADDRESS.most, limits.MAIL_PER_ADDRESS.window) == (3, timedelta(hours=1))
    assert timedelta(minutes=30) == PENDING_LIFE
    assert (LIVES[Side.STAFF].idle, LIVES[Side.STAFF].absolute) == (
        timedelta(minutes=15),
        timedelta(hours=8),
    )
    assert (LIVES[Side.PORTAL].idle, LIVES[Side.PORTAL].absolute) == (
        timedelta(minutes=20),
        timedelta(hours=12),
    )


@given(st.integers(0, 10_000))
def test_waits_grow_to_an_hour_and_never_for_ever(failures: int) -> None:
    wait = limits.wait_after(failures)
    assert (wait > timedelta(0)) == (failures >= 10)
    assert wait <= timedelta(hours=1)
    assert limits.wait_after(failures + 1) >= wait


@pytest.mark.parametrize(
    ("side", "started", "seen", "expected"),
    [
        (Side.STAFF, 0, 0, None),
        (Side.STAFF, 60, 14.9, None),
        (Side.STAFF, 60, 15, "idle"),
        (Side.STAFF, 480, 1, "age"),
        (Side.PORTAL, 60, 19.9, None),
        (Side.PORTAL, 60, 20, "idle"),
        (Side.PORTAL, 720, 1, "age"),
    ],
)
def test_a_log_on_ends_by_idleness_and_by_age(side, started, seen, expected) -> None:
    found = end_reason(
        side,
        started_at=T - timedelta(minutes=started),
        last_seen_at=T - timedelta(minutes=seen),
        now=T,
    )
    assert found == expected


def test_no_number_on_file_agrees_with_nothing() -> None:
    assert not ssn_agrees("a" * 64, None)
    assert not ssn_agrees("-" * 64, "a" * 64)
    assert ssn_agrees("a" * 64, "a" * 64)


def test_birth_date_and_any_phone_must_both_agree() -> None:
    from datetime import date

    born, phones = date(1980, 2, 11), ["+14435550155", "+14435550156"]
    agree = birth_and_phone_agree
    assert agree(BirthAndPhoneClaim(born, phones[1]), birth_date=born, phones=phones)
    assert not agree(BirthAndPhoneClaim(born, "+14435550199"), birth_date=born, phones=phones)
    assert not agree(
        BirthAndPhoneClaim(date(1980, 11, 2), phones[0]), birth_date=born, phones=phones
    )
    assert not agree(BirthAndPhoneClaim(born, phones[0]), birth_date=None, phones=phones)
    assert not agree(BirthAndPhoneClaim(born, phones[0]), birth_date=born, phones=[])


@pytest.mark.parametrize("name", ["jen", "jen.h", "a_b-c", "x" * 64, "123"])
def test_good_usernames(name: str) -> None:
    assert well_formed(name)


@pytest.mark.parametrize(
    "name", ["", "jn", "x" * 65, "jen@example.com", "jén", "Jen", "jen h", "jen\n"]
)
def test_bad_usernames(name: str) -> None:
    assert not well_formed(name)


@given(st.text(max_size=80), st.text(max_size=80))
def test_every_suggestion_can_be_had(first: str, email: str) -> None:
    assert all(well_formed(name) for name in suggestions(first, email))


def test_only_ascii_is_lowered_in_usernames() -> None:
    assert clean_username("  JenH ") == "jenh"
    assert clean_username("ſmith") == "ſmith", "a homograph stays a homograph (CVE-2019-19844)"


@pytest.mark.parametrize(
    "text",
    [
        "/staff/patients",
        "/staff/patients/Ab-_9/portal-access",
        "/staff/onboarding?pill=ready&at=after.Ab-_9.",
    ],
)
def test_places_of_this_site(text: str) -> None:
    assert safe_path(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "//evil",
        "/\\evil",
        "https:evil",
        "https://evil/",
        "/a//b",
        "javascript:x",
        "/a%0d%0ab",
        "/../etc",
        "/a?next=//evil",
        "/a?b=%0d%0a",
        "/a?b#c",
        None,
        "",
    ],
)
def test_places_elsewhere(text: str | None) -> None:
    assert safe_path(text) is None
