"""When a mail goes out, when again, and when no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.limits.rules import MAIL_PER_ADDRESS
from portal.mail.rules import (
    GIVE_UP_AFTER,
    SETTLED,
    TRANSITIONS,
    Kind,
    Reason,
    Result,
    Stage,
    after,
    judge,
    probe_wait,
    slot,
    tidy,
)
from portal.mail.state import OutboxState as S

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def test_every_state_stands_in_the_table_and_can_be_reached() -> None:
    assert set(TRANSITIONS) == set(S)
    reached = {S.QUEUED}.union(*TRANSITIONS.values())
    assert reached == set(S)
    assert {S.ACCEPTED, S.FAILED, S.UNKNOWN, S.CANCELLED, S.BOUNCED} == SETTLED
    onward = set().union(*(TRANSITIONS[state] for state in SETTLED))
    assert onward == {S.BOUNCED}  # what is settled is never sent again


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("attempts", [1, 30])
@pytest.mark.parametrize("doubtful", [0, 1, 2])
def test_every_result_leads_where_the_table_allows(kind, attempts, doubtful) -> None:
    step = after(
        Result(kind, Reason.TRY_LATER, retry_at=NOON),
        attempts=attempts,
        doubtful_tries=doubtful,
        due_at=NOON,
        now=NOON,
    )
    assert step.state in TRANSITIONS[S.SENDING]
    assert (step.next_attempt_at is not None) == (step.state is S.QUEUED)
    assert step.state is S.ACCEPTED or step.reason is not None


def test_the_waits_are_those_of_the_design() -> None:
    now, seconds = NOON, []
    for attempt in range(1, 40):
        step = after(
            Result(Kind.TEMPORARY, Reason.TRY_LATER),
            attempts=attempt,
            doubtful_tries=0,
            due_at=NOON,
            now=now,
        )
        if step.next_attempt_at is None:
            break
        seconds.append((step.next_attempt_at - now).total_seconds())
        now = step.next_attempt_at
    assert seconds == [30, 120, 600, 1800, 3600] + [7200] * 11
    assert (step.state, step.reason) == (S.FAILED, Reason.GAVE_UP)
    assert now - NOON <= GIVE_UP_AFTER == timedelta(hours=24)


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (Reason.TRY_LATER, Reason.GAVE_UP),
        (Reason.CONNECTION_LOST, Reason.GAVE_UP),
        (Reason.MAILBOX_FULL, Reason.MAILBOX_FULL),
    ],
)
def test_who_gives_up_on_a_full_mailbox_says_so(last: Reason, told: Reason) -> None:
    temporary = Result(Kind.TEMPORARY, last)
    late = NOON + GIVE_UP_AFTER
    step = after(temporary, attempts=17, doubtful_tries=0, due_at=NOON, now=late)
    assert (step.state, step.reason) == (S.FAILED, told)


def test_doubt_waits_a_quarter_of_an_hour_and_repeats_once() -> None:
    def doubt(tries: int, reason: Reason) -> tuple[S, datetime | None]:
        step = after(
            Result(Kind.UNKNOWN, reason),
            attempts=tries,
            doubtful_tries=tries,
            due_at=NOON,
            now=NOON,
        )
        return step.state, step.next_attempt_at

    assert doubt(1, Reason.CUT_OFF) == (S.QUEUED, NOON + timedelta(minutes=15))
    assert doubt(1, Reason.SENDER_DIED) == (S.QUEUED, NOON)
    assert doubt(2, Reason.CUT_OFF) == (S.UNKNOWN, None)


@pytest.mark.parametrize(
    ("code", "text", "stage", "kind", "reason", "whole"),
    [
        (550, "5.1.1 User unknown", Stage.RECIPIENT, Kind.PERMANENT, Reason.NO_SUCH_MAILBOX, False),
        (550, "User unknown", Stage.RECIPIENT, Kind.PERMANENT, Reason.REFUSED, False),
        (550, "5.7.1 Relaying denied", Stage.RECIPIENT, Kind.PERMANENT, Reason.REFUSED, False),
        (550, "5.1.2 Bad host", Stage.RECIPIENT, Kind.PERMANENT, Reason.NO_SUCH_DOMAIN, False),
        (556, "5.1.10 Null MX", Stage.RECIPIENT, Kind.PERMANENT, Reason.NO_SUCH_DOMAIN, False),
        (550, "5.2.1 Disabled", Stage.RECIPIENT, Kind.PERMANENT, Reason.MAILBOX_DISABLED, False),
        (552, "5.2.2 Full", Stage.RECIPIENT, Kind.PERMANENT, Reason.MAILBOX_FULL, False),
        (452, "4.2.2 Full", Stage.RECIPIENT, Kind.TEMPORARY, Reason.MAILBOX_FULL, False),
        (451, "4.7.1 Greylisted", Stage.RECIPIENT, Kind.TEMPORARY, Reason.TRY_LATER, False),
        (554, "5.7.1 Spam", Stage.DATA, Kind.PERMANENT, Reason.CONTENT_REFUSED, False),
        (452, "No space", Stage.DATA, Kind.TEMPORARY, Reason.TRY_LATER, False),
        (452, "4.2.2 Full", Stage.DATA, Kind.TEMPORARY, Reason.MAILBOX_FULL, False),
        (452, "Mailbox full", Stage.RECIPIENT, Kind.TEMPORARY, Reason.MAILBOX_FULL, False),
        (452, "Over quota", Stage.DATA, Kind.TEMPORARY, Reason.MAILBOX_FULL, False),
        (452, "Insufficient system storage", Stage.DATA, Kind.TEMPORARY, Reason.TRY_LATER, False),
        (452, "4.3.1 Storage full", Stage.DATA, Kind.TEMPORARY, Reason.TRY_LATER, False),
        (452, "Too many recipients", Stage.RECIPIENT, Kind.TEMPORARY, Reason.TRY_LATER, False),
        (
            552,
            "Exceeded storage allocation",
            Stage.DATA,
            Kind.PERMANENT,
            Reason.MAILBOX_FULL,
            False,
        ),
        (552, "Mailbox is full", Stage.RECIPIENT, Kind.PERMANENT, Reason.MAILBOX_FULL, False),
        (552, "Message too big", Stage.DATA, Kind.PERMANENT, Reason.CONTENT_REFUSED, False),
        (552, "5.7.0 Full of spam", Stage.DATA, Kind.PERMANENT, Reason.CONTENT_REFUSED, False),
        (550, "Full stop", Stage.RECIPIENT, Kind.PERMANENT, Reason.REFUSED, False),
        (421, "Closing", Stage.RECIPIENT, Kind.TEMPORARY, Reason.SERVER_REFUSES, True),
        (421, "Closing", Stage.DATA, Kind.TEMPORARY, Reason.SERVER_REFUSES, True),
        (550, "No", Stage.SENDER, Kind.TEMPORARY, Reason.SENDER_REFUSED, True),
        (
            552,
            "5.3.4 Message size exceeds fixed limit",
            Stage.SENDER,
            Kind.PERMANENT,
            Reason.TOO_LARGE,
            False,
        ),
        (552, "Too big", Stage.SENDER, Kind.PERMANENT, Reason.TOO_LARGE, False),
        (500, "5.3.4 Too big", Stage.SENDER, Kind.PERMANENT, Reason.TOO_LARGE, False),
        (
            452,
            "4.3.1 Insufficient system storage",
            Stage.SENDER,
            Kind.TEMPORARY,
            Reason.SENDER_REFUSED,
            True,
        ),
        (552, "5.3.4 Too big", Stage.DATA, Kind.PERMANENT, Reason.TOO_LARGE, False),
        (535, "5.7.8 Bad", Stage.LOGON, Kind.TEMPORARY, Reason.LOGON_FAILED, True),
        (554, "Go away", Stage.GREETING, Kind.TEMPORARY, Reason.SERVER_REFUSES, True),
        (-1, "garbage", Stage.DATA, Kind.TEMPORARY, Reason.TRY_LATER, False),
    ],
)
def test_what_an_answer_means(code, text, stage, kind, reason, whole) -> None:
    result = judge(code, text, stage)
    assert (result.kind, result.reason, result.whole_server) == (kind, reason, whole)
    assert result.said == f"{code} {text}"


def test_a_server_in_trouble_is_asked_every_five_seconds_at_most() -> None:
    waits = [probe_wait(failures).total_seconds() for failures in range(1, 9)]
    assert waits == [5, 10, 20, 40, 60, 60, 60, 60]


@given(st.lists(st.integers(-7200, 7200).map(lambda s: NOON + timedelta(seconds=s)), max_size=8))
def test_no_hour_ever_holds_more_than_the_limit_because_of_a_new_mail(earlier) -> None:
    new = slot(earlier, MAIL_PER_ADDRESS, now=NOON)
    assert new >= NOON
    window_before = [at for at in earlier if new - MAIL_PER_ADDRESS.window < at <= new]
    assert len(window_before) < MAIL_PER_ADDRESS.most


def test_a_slot_is_the_earliest_there_is() -> None:
    at = [NOON - timedelta(minutes=minutes) for minutes in (50, 40, 5)]
    assert slot(at, MAIL_PER_ADDRESS, now=NOON) == at[0] + timedelta(hours=1)
    assert slot(at[1:], MAIL_PER_ADDRESS, now=NOON) == NOON


def test_what_a_server_said_becomes_one_short_line() -> None:
    assert tidy("5.1.1 <a@b>:\r\n\tno \x1b[31msuch\x00 user  ") == "5.1.1 <a@b>: no [31msuch user"
    assert len(tidy("x" * 999)) == 200
