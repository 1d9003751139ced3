"""Every code has its sentence, and every sentence names whom it is about."""

from __future__ import annotations

from datetime import date

import pytest

from portal.access.models import EndReason
from portal.access.rules import Obstacle
from portal.accounts.rules import DeskRefusal, ResetObstacle
from portal.people.models import Patient
from portal.staff.wording import Said, ending, minutes, refusal, sentence

JENNY = Patient(
    given_name="Jenny",
    middle_name="",
    family_name="Harris",
    preferred_name="Jen",
    record_number="1",
)
SAM = Patient(
    given_name="Sam", middle_name="", family_name="", preferred_name="", record_number="2"
)


@pytest.mark.parametrize("what", list(Said))
def test_what_was_done_names_the_person(what: Said) -> None:
    said = sentence(what, JENNY, expires=date(2026, 11, 28))
    assert "Jenny H." in said
    assert ".." not in said
    assert sentence(what, SAM, expires=date(2026, 11, 28)).endswith(".")


def test_an_invitation_says_until_when_it_works() -> None:
    assert sentence(Said.INVITED, JENNY, expires=date(2026, 11, 28)) == (
        "Invited Jenny H. Link expires Nov 28, 2026."
    )


@pytest.mark.parametrize(
    "code", [*Obstacle, *ResetObstacle, *DeskRefusal, "not_enabled", "active", "stale"]
)
def test_every_refusal_says_that_nothing_was_done(code: str) -> None:
    said = refusal(code, JENNY)
    assert "Nothing was" in said
    assert "Jenny H." in said


def test_an_end_that_staff_made_needs_no_further_word() -> None:
    silent = {reason for reason in EndReason if not ending(reason)}
    assert silent == {EndReason.REVOKED, EndReason.DISABLED}


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "1 minute"), (60, "1 minute"), (61, "2 minutes")]
)
def test_waits_are_rounded_up(seconds: float, said: str) -> None:
    assert minutes(seconds) == said
