"""What a run may do, and whom it passes over (7.1-7.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from portal.access.rules import GrantFacts
from portal.bulk.rules import OPEN, REASONS, TRANSITIONS, Facts, Moment, is_address, reason_for
from portal.bulk.states import RunKind, RunState, SkipReason

NOW = datetime(2026, 11, 21, 17, tzinfo=UTC)
AT = Moment(NOW, date(2026, 11, 21))
FINE = Facts(
    in_scope=True,
    end_date=None,
    deceased=False,
    deceased_on=None,
    grant=None,
    last_ended=None,
    logged_on_before=False,
    invited_at=None,
    opted_out=False,
    email="jenny@example.com",
    has_ssn=False,
    birth_date=date(1980, 2, 11),
    has_phone=True,
    blocked=False,
    bounced=False,
    flagged=False,
    widely_shared=False,
    beside_adult=False,
)
BAD: dict[SkipReason, dict[str, object]] = {
    SkipReason.OUTSIDE_SCOPE: {"in_scope": False},
    SkipReason.DECEASED: {"deceased": True},
    SkipReason.END_DATED: {"end_date": date(2026, 11, 21)},
    SkipReason.ENDED_BY_PERSON: {"last_ended": "revoked"},
    SkipReason.ACTIVE: {"logged_on_before": True},
    SkipReason.INVITED_LATELY: {"invited_at": NOW - timedelta(hours=23, minutes=59)},
    SkipReason.OPTED_OUT: {"opted_out": True},
    SkipReason.NO_EMAIL: {"email": None},
    SkipReason.NOT_AN_ADDRESS: {"email": "jé@example.com"},
    SkipReason.NO_IDENTIFIERS: {"has_phone": False},
    SkipReason.ADDRESS_BLOCKED: {"blocked": True},
    SkipReason.BOUNCED: {"bounced": True},
    SkipReason.PLACEHOLDER: {"flagged": True},
    SkipReason.SHARED: {"widely_shared": True},
    SkipReason.MINOR_SHARED: {"beside_adult": True, "birth_date": date(2008, 11, 22)},
}


def judge(kind: RunKind = RunKind.INVITE, **changed: object) -> SkipReason | None:
    return reason_for(kind, replace(FINE, **changed), AT)  # type: ignore[arg-type]


def test_the_table_of_transitions_is_complete() -> None:
    assert set(TRANSITIONS) == set(RunState)
    assert set().union(*TRANSITIONS.values()) == set(RunState)
    assert {RunState.RUNNING, RunState.PAUSED} == OPEN
    for state in OPEN:
        assert RunState.CANCELLED in TRANSITIONS[state], "whatever is open can be stopped"


def test_every_reason_counts_somewhere_and_in_the_order_of_the_enum() -> None:
    order = list(SkipReason)
    for reasons in REASONS.values():
        assert list(reasons) == sorted(reasons, key=order.index)
    assert set().union(*map(set, REASONS.values())) == set(SkipReason)
    assert set(BAD) == set(REASONS[RunKind.INVITE])


def test_whose_mail_came_back_was_not_invited_lately() -> None:
    assert judge(invited_at=NOW, bounced=True) is SkipReason.BOUNCED


def test_whoever_has_all_that_is_needed_is_invited() -> None:
    assert judge() is None
    assert judge(grant=GrantFacts()) is None
    assert judge(invited_at=NOW - timedelta(hours=24), grant=GrantFacts(NOW)) is None


@pytest.mark.parametrize("reason", BAD)
def test_each_reason_alone(reason: SkipReason) -> None:
    assert judge(**BAD[reason]) is reason


def test_the_first_of_two_reasons_counts() -> None:
    order = list(REASONS[RunKind.INVITE])
    for first in order:
        for second in order[order.index(first) + 1 :]:
            if (first, second) == (SkipReason.INVITED_LATELY, SkipReason.BOUNCED):
                continue  # the one does not hold where the other does
            if not set(BAD[first]) & set(BAD[second]):
                assert judge(**BAD[second], **BAD[first]) is first, (first, second)


def test_enabling_and_disabling() -> None:
    enable, disable = RunKind.ENABLE, RunKind.DISABLE
    assert judge(enable, email=None, opted_out=True) is None
    assert judge(enable, grant=GrantFacts()) is SkipReason.ENABLED_ALREADY
    assert judge(enable, last_ended="disabled") is SkipReason.ENDED_BY_PERSON
    assert judge(enable, last_ended="end_dated") is None
    assert judge(enable, deceased=True, end_date=date(2020, 1, 1)) is SkipReason.DECEASED
    assert judge(disable) is SkipReason.NOT_ENABLED
    assert judge(disable, grant=GrantFacts(), deceased=True) is None
    assert judge(disable, in_scope=False) is SkipReason.OUTSIDE_SCOPE


def test_a_child_s_birthday() -> None:
    assert judge(beside_adult=True, birth_date=date(2008, 11, 21)) is None
    assert judge(beside_adult=True, birth_date=None, has_ssn=True) is None


@pytest.mark.parametrize(
    ("email", "good"),
    [("a@b", True), ("a@é.example", True), ("é@b", False), ("@b", False), ("a@", False), ("ab", False), ("a b@c", 0)],
)  # fmt: skip
def test_what_mail_can_be_addressed_to(email: str, good: bool) -> None:
    assert is_address(email) is bool(good)
