"""Every code has its sentence."""

from __future__ import annotations

import pytest

from portal.accounts.rules import ResetLink, UsernameProblem
from portal.invitations.rules import LinkState
from portal.passwords import PasswordProblem
from portal.patients import wording
from portal.people.rules import Refusal

ASKED_OF_PATIENTS = ("ssn", "phone", "email", "birth_date", "text")


@pytest.mark.parametrize(
    ("sentences", "codes"),
    [
        (wording.DEAD_LINKS, set(LinkState) - {LinkState.OPEN}),
        (wording.DEAD_RESETS, set(ResetLink) - {ResetLink.OPEN}),
        (wording.PASSWORD_PROBLEMS, set(PasswordProblem)),
        (wording.USERNAME_PROBLEMS, set(UsernameProblem)),
        (wording.REFUSALS, {r for r in Refusal if r.value.startswith(ASKED_OF_PATIENTS)}),
        (wording.LOG_ON, {"wrong", "wait"}),
        (wording.LINKING, {"wrong", "wait", "other_person", "one_time"}),
        (wording.EMAIL_CODES, {"no_code", "wrong_code"}),
    ],
)
def test_no_code_is_left_without_words(sentences, codes) -> None:
    assert set(sentences) == codes


def test_a_fresh_link_is_offered_for_expired_and_replaced_only() -> None:
    offered = {s for s, d in wording.DEAD_LINKS.items() if d.way_on is wording.WayOn.FRESH_LINK}
    assert offered == {LinkState.EXPIRED, LinkState.REPLACED}
