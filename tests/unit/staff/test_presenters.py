"""Facts -> words, tones and shapes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal.access.models import EndReason, Grant
from portal.access.rules import Status
from portal.accounts.recovery_models import AccountEvent, OneTimePassword
from portal.accounts.timeline import AccountLine
from portal.invitations.models import Invitation, InvitationEvent
from portal.invitations.timeline import TimelineKind
from portal.people.models import Patient, PatientPhone
from portal.people.naming import chart_name, list_name, short_name
from portal.people.rules import IdentifiersOnFile, requirements
from portal.practices.models import Practice
from portal.staff.facts import AccessFacts
from portal.staff.presenters.chart import chart_head, phone_text
from portal.staff.presenters.history import (
    Activated,
    Activation,
    activation_of,
    history_rows,
    last_day,
)
from portal.staff.presenters.requirements import requirement_rows
from portal.staff.presenters.status import status_view
from portal.staff.presenters.timeline import timeline_line

NOON = datetime(2026, 11, 21, 17, 0, tzinfo=UTC)
ZONE = "America/New_York"
PRACTICE = Practice(name="Family Practice", time_zone=ZONE, country="US")


def person(**names: str) -> Patient:
    empty = {"given_name": "", "middle_name": "", "family_name": "", "preferred_name": ""}
    return Patient(public_id="p", practice=PRACTICE, record_number="100482", **(empty | names))


def test_status_is_a_word_and_a_tone_of_its_own() -> None:
    views = [status_view(status) for status in Status]
    assert [view.word for view in views] == ["Not enabled", "Ready to invite", "Invited", "Active"]
    assert len({view.tone for view in views}) == 4


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (
            {"given_name": "Jenny", "family_name": "Harris", "preferred_name": "Jen"},
            ("Jenny (Jen) Harris", "Harris, Jenny (Jen)", "Jenny H."),
        ),
        (
            {"given_name": "Ana", "middle_name": "María", "family_name": "Núñez"},
            ("Ana María Núñez", "Núñez, Ana María", "Ana N."),
        ),
        ({"given_name": "Jo", "preferred_name": "Jo"}, ("Jo", "Jo", "Jo")),
        ({"family_name": "Lee"}, ("Lee", "Lee", "Lee")),
        ({}, ("100482", "100482", "100482")),
    ],
)
def test_names(names: dict[str, str], told: tuple[str, str, str]) -> None:
    patient = person(**names)
    assert (chart_name(patient), list_name(patient), short_name(patient)) == told


@pytest.mark.parametrize(
    ("born", "age"),
    [(date(1980, 11, 21), "46"), (date(1980, 11, 22), "45"), (date(2026, 11, 20), "0"), (None, "")],
)
def test_age_by_the_practice_s_calendar(born: date | None, age: str, monkeypatch) -> None:
    monkeypatch.setattr("portal.staff.presenters.chart.url_for", lambda *_args, **_more: "/")
    patient = person(given_name="Jo")
    patient.birth_date = born
    assert chart_head(patient, here="staff.chart", now=NOON).age == age


def test_a_phone_is_written_so_that_it_can_be_read_back() -> None:
    from portal.people.rules import parse_phone

    phone = PatientPhone(kind="work", e164="+12025550143", extension="12")
    assert phone_text(phone, "US") == "(202) 555-0143 ext. 12"
    assert parse_phone(phone_text(phone, "US")) == ("+12025550143", "12")


def test_a_tick_or_a_cross_and_words_for_each_identifier() -> None:
    on_file = IdentifiersOnFile(email="j@example.com", birth_date=date(1980, 2, 11))
    rows = requirement_rows(on_file, requirements(on_file), blocked=False, country="US")
    assert [(row.label, row.met, row.words) for row in rows] == [
        ("Email", True, "On file"),
        ("Social security number", False, "Missing"),
        ("Date of birth", True, "On file"),
        ("Phone number", False, "Missing"),
    ]
    assert [row.or_before for row in rows] == [False, False, True, False]


def test_an_address_that_said_not_me_does_not_count() -> None:
    on_file = IdentifiersOnFile(email="j@example.com", ssn_last_four="4399")
    rows = requirement_rows(on_file, requirements(on_file), blocked=True, country="US")
    assert (rows[0].met, rows[0].words) == (False, "Not theirs")
    assert rows[1].value == "XXX-XX-4399"
    assert rows[2].words == "Not needed"


DATA: dict[TimelineKind, dict[str, Any]] = {
    TimelineKind.QUEUED: {"by": "James Smith"},
    TimelineKind.WAITING: {"until": "2026-11-21T18:00:00+00:00"},
    TimelineKind.DELAYED: {"reason": "unreachable", "until": "2026-11-21T18:00:00+00:00"},
    TimelineKind.MAIL_FAILED: {"reason": "no_such_mailbox"},
    TimelineKind.OPENED: {"by": "person"},
    TimelineKind.IDENTITY_FAILED: {"failures": 3, "of": 5},
}


@pytest.mark.parametrize("kind", list(TimelineKind))
def test_every_kind_of_line_has_plain_words(kind: TimelineKind) -> None:
    line = timeline_line(
        InvitationEvent(kind=kind.value, at=NOON, data=DATA.get(kind, {})), zone=ZONE
    )
    assert line.words
    assert "_" not in line.words
    assert line.when == "November 21, 2026, 12:00 p.m."


ACCOUNT_DATA: dict[AccountLine, dict[str, Any]] = {
    AccountLine.RESET_QUEUED: {"by": "James Smith"},
    AccountLine.RESET_WAITING: {"until": "2026-11-21T18:00:00+00:00"},
    AccountLine.RESET_DELAYED: {"reason": "unreachable", "until": "2026-11-21T18:00:00+00:00"},
    AccountLine.RESET_FAILED: {"reason": "no_such_mailbox"},
    AccountLine.RESET_OPENED: {"by": "person"},
    AccountLine.RESET_IDENTITY_FAILED: {"failures": 3, "of": 5},
    AccountLine.HANDED_OVER: {"by": "Ada Admin", "until": "2026-11-24T17:00:00+00:00"},
}


@pytest.mark.parametrize("kind", list(AccountLine))
def test_every_kind_of_line_of_an_account_has_plain_words(kind: AccountLine) -> None:
    event = AccountEvent(kind=kind.value, at=NOON, data=ACCOUNT_DATA.get(kind, {}))
    line = timeline_line(event, zone=ZONE)
    assert line.words
    assert "_" not in line.words
    assert line.when == "November 21, 2026, 12:00 p.m."


def test_credentials_from_the_desk_say_by_whom_and_what_became_of_them() -> None:
    def cell(now: datetime, used_at: datetime | None = None) -> Activated:
        given = grant(id=7, invited_at=NOON)
        password = OneTimePassword(
            grant_id=7,
            handed_over_at=NOON,
            handed_over_by="Ada Admin",
            expires_at=NOON + timedelta(hours=72),
            used_at=used_at,
        )
        known = replace(facts(given, now=now), desk=password)
        assert activation_of(given, known) is Activation.HANDED_OVER
        return history_rows(known)[0].activated

    assert cell(NOON).words == "Credentials handed over at the desk by Ada Admin"
    assert "until November 24, 2026, 12:00 p.m." in cell(NOON).tip[1]
    assert cell(NOON).trouble == ""
    late = NOON + timedelta(hours=72)
    assert cell(late).trouble == "The password expired November 24, 2026, 12:00 p.m."
    assert "no new one was chosen" in cell(NOON, used_at=NOON).trouble


def test_lines_say_what_a_clerk_needs() -> None:
    def words(kind: TimelineKind, **data: Any) -> tuple[str, str]:
        line = timeline_line(InvitationEvent(kind=kind.value, at=NOON, data=data), zone=ZONE)
        return line.words, line.detail

    until = {"until": "2026-11-21T18:00:00+00:00"}
    assert words(TimelineKind.WAITING, **until)[0] == "Waits until November 21, 2026, 1:00 p.m."
    assert words(TimelineKind.OPENED, by="scanner")[0] == "Link opened, probably by a mail scanner"
    assert (
        words(TimelineKind.IDENTITY_FAILED, failures=3, of=5)[0] == "Identity check failed 3 of 5"
    )
    assert "arrived twice" in words(TimelineKind.ACCEPTED, twice=True)[1]
    assert words(TimelineKind.ACCEPTED, twice=False)[1] == ""
    for kind in (TimelineKind.BOUNCED, TimelineKind.RETURNED):
        told = words(kind, reason="no_such_mailbox")
        assert told[0].startswith("Bounced")
        assert told[1] == "The mail server says there is no such mailbox."
    assert words(TimelineKind.ACCEPTED, reminder=True)[0] == "Reminder: Accepted by the mail server"
    assert words(TimelineKind.QUEUED, by="X", fresh=True)[0].startswith("Fresh link asked for")


def test_the_printed_day_is_the_last_one_that_is_good() -> None:
    assert last_day(datetime(2026, 11, 29, 5, 0, tzinfo=UTC), ZONE) == "Nov 28, 2026"


def grant(**values: Any) -> Grant:
    held = {
        "public_id": "g",
        "email": "j@example.com",
        "enabled_at": NOON,
        "enabled_by_name": "James Smith",
    }
    return Grant(**(held | values))


def invitation(state: str, **values: Any) -> Invitation:
    held = {
        "id": 1,
        "public_id": "i",
        "state": state,
        "email": "j@example.com",
        "issued_at": NOON,
        "expires_at": NOON + timedelta(days=7),
    }
    return Invitation(**(held | values))


def facts(given: Grant, *invitations: Invitation, now: datetime = NOON) -> AccessFacts:
    return AccessFacts(
        patient=person(given_name="Jenny"),
        now=now,
        status=Status.INVITED,
        chart_ended=False,
        grants=[given],
        newest=invitations[-1] if invitations else None,
        open=[one for one in invitations if one.state in {"prepared", "live"}],
        events=[],
        on_file=IdentifiersOnFile(),
        obstacles=[],
        has_account=False,
        account_events=[],
        reset=None,
        reset_obstacle=None,
        desk=None,
    )


LATER = NOON + timedelta(days=8)


@pytest.mark.parametrize(
    ("given", "invitations", "now", "expected", "words"),
    [
        (grant(), (), NOON, Activation.NOT_INVITED, "Not invited yet"),
        (grant(invited_at=NOON), (invitation("prepared"),), NOON, Activation.PENDING, "Pending..."),
        (grant(invited_at=NOON), (invitation("live"),), NOON, Activation.PENDING, "Pending..."),
        (
            grant(invited_at=NOON),
            (invitation("live"),),
            LATER,
            Activation.EXPIRED,
            "Invitation expired Nov 28, 2026",
        ),
        (
            grant(invited_at=NOON),
            (invitation("live"), invitation("failed", id=2)),
            NOON,
            Activation.PENDING,
            "Pending...",
        ),
        (
            grant(invited_at=NOON),
            (invitation("failed"),),
            NOON,
            Activation.UNDELIVERED,
            "Pending...",
        ),
        (grant(invited_at=NOON), (invitation("voided"),), NOON, Activation.VOID, "Invitation void"),
        (
            grant(invited_at=NOON, activated_at=NOON),
            (invitation("used"),),
            LATER,
            Activation.ACTIVATED,
            "November 21, 2026, 12:00 p.m.",
        ),
        (
            grant(existing_account_since=NOON),
            (),
            NOON,
            Activation.EXISTING_ACCOUNT,
            "Existing account, Nov 21, 2026",
        ),
        (
            grant(
                invited_at=NOON,
                ended_at=NOON,
                ended_by_name="Al",
                end_reason=EndReason.REVOKED.value,
            ),
            (invitation("revoked"),),
            NOON,
            Activation.ENDED_BEFORE,
            "Access revoked before activation",
        ),
    ],
)
def test_what_came_of_a_grant_in_the_words_of_3_3(given, invitations, now, expected, words) -> None:
    known = facts(given, *invitations, now=now)
    assert activation_of(given, known) is expected
    [row] = history_rows(known)
    assert row.activated.words == words
    assert row.enabled.on == "November 21, 2026, 12:00 p.m."
    invited = {Activation.PENDING, Activation.EXPIRED, Activation.UNDELIVERED, Activation.VOID}
    assert bool(row.replaces) is (expected in invited)
    label = {Activation.ENDED_BEFORE: ""}.get(expected, "Disable access")
    assert row.end_label == ("Revoke invite" if expected in invited else label)


def test_an_ended_grant_says_by_whom_when_and_why() -> None:
    ended = grant(ended_at=NOON, ended_by_name="Somebody", end_reason=EndReason.NOT_ME.value)
    [row] = history_rows(facts(ended))
    assert row.disabled is not None
    assert (row.disabled.by, row.disabled.why) == ("Somebody", "“This is not me”")
