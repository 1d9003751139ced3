"""Returned mail: what real messages mean, told apart by source, and bytes that are built to hurt."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portal.mail.bounces.meaning import ADDRESS_REASONS, Meaning
from portal.mail.bounces.reading import read
from portal.mail.bounces.taming import MOST_BYTES
from portal.mail.rules import Reason

HARD = {"userunknown", "hostunknown", "hasmoved", "notaccept"}
NOT_FAILURES = {
    "feedback": Meaning.ABUSE,
    "vacation": Meaning.AUTO_REPLY,
    "delivered": Meaning.NOT_A_BOUNCE,
}
SAME_REASON = {
    "userunknown": {Reason.NO_SUCH_MAILBOX},
    "hostunknown": {Reason.NO_SUCH_DOMAIN},
    "notaccept": {Reason.NO_SUCH_DOMAIN},
    "hasmoved": {Reason.MOVED},
    "mailboxfull": {Reason.MAILBOX_FULL},
    "suspend": {Reason.MAILBOX_DISABLED},
    "mesgtoobig": {Reason.TOO_LARGE},
    "exceedlimit": {Reason.TOO_LARGE},
    "expired": {Reason.NOT_IN_TIME, Reason.TRY_LATER},
    "networkerror": {Reason.NOT_IN_TIME},
}
"""For all other reasons of theirs ours are "the mail was refused" or "no clear reason"."""
OTHERWISE = {Reason.CONTENT_REFUSED, Reason.RETURNED, Reason.TRY_LATER}

SAYS_UNKNOWN_USER = (
    "'Unknown user' told after DATA is 'filtered' for Sisimai; what it says is that there is none."
)
SWITCHED_OFF = "Our rule: a mailbox that is switched off is a dead address (product 1.2)."
DIFFERENT: dict[str, str] = {
    **dict.fromkeys(
        (
            "lhost-amazonses-02", "lhost-courier-02", "lhost-exchange2003-04", "lhost-mailfoundry-01",
            "lhost-messagingserver-03", "lhost-messagingserver-06", "lhost-postfix-03", "lhost-postfix-35",
            "lhost-receivingses-02", "lhost-sendmail-48", "lhost-sendmail-50", "lhost-sendmail-51",
            "lhost-surfcontrol-01", "lhost-x1-01", "rfc3464-42", "rhost-nttdocomo-01",
        ),
        SAYS_UNKNOWN_USER,
    ),
    **dict.fromkeys(
        (
            "lhost-amazonses-20", "lhost-dragonfly-27", "lhost-ezweb-03", "lhost-postfix-52", "lhost-qmail-10",
            "rhost-google-01", "rhost-iua-01",
        ),
        SWITCHED_OFF,
    ),
    "arf-18": "A DMARC report on failed authentication: no reader complained.",
    "lhost-exim-31": "'The account or domain may not exist, they may be blacklisted': it does not know itself.",
    "lhost-opensmtpd-12": "A warning of a delay: it is still being tried.",
    "lhost-postfix-01": "'user unknown' behind a procmail that found no such user.",
    "lhost-qmail-17": "Two recipients in one report; ours have one each.",
    "rfc3464-01": "The machine's part says unknown user, the words of another hop a full disk.",
}  # fmt: skip
FLUFL_DIFFERENT = {
    "dumbass_01.txt": "Refused by a virus wall, without an address: flufl looks for addresses only.",
    "simple_43.txt": "'Not a valid user of the system', without an address.",
}
CPYTHON = {
    "msg_05.txt": (Meaning.NOT_A_BOUNCE, None),
    "msg_16.txt": (Meaning.SOFT, Reason.MAILBOX_FULL),
    "msg_25.txt": (Meaning.SOFT, Reason.NOT_IN_TIME),
    "msg_43.txt": (Meaning.SOFT, Reason.CONTENT_REFUSED),
}


def _expected(shared_data: Path) -> dict[str, dict]:
    return json.loads((shared_data / "bounces/sisimai/expected.json").read_text())


def _meaning(reasons: list[str]) -> Meaning:
    found = {NOT_FAILURES.get(r, Meaning.HARD if r in HARD else Meaning.SOFT) for r in reasons}
    return Meaning.HARD if Meaning.HARD in found else found.pop()


def test_sisimai_s_messages(shared_data: Path, record_property) -> None:
    folder = shared_data / "bounces/sisimai"
    scores: dict[str, list[int]] = {}
    different, reasons = set(), 0
    for name, told in _expected(shared_data).items():
        expected = [entry["reason"] for entry in told["expected_by_sisimai_tests"] or []]
        if not expected:
            continue
        reading = read((folder / name).read_bytes())
        stem = Path(name).stem
        score = scores.setdefault(stem.split("-")[0], [0, 0])
        score[1] += 1
        same = reading.meaning is _meaning(expected)
        score[0] += same
        if not same:
            different.add(stem)
        allowed = set().union(*(SAME_REASON.get(reason, OTHERWISE) for reason in expected))
        reasons += reading.reason is None or reading.reason in allowed
    record_property("score", json.dumps(scores))
    assert different == set(DIFFERENT)
    assert {name: tuple(score) for name, score in scores.items()} == {
        "arf": (3, 4), "lhost": (174, 197), "rfc3464": (7, 9), "rfc3834": (3, 3), "rhost": (17, 20),
    }  # fmt: skip
    assert reasons >= 198


def test_sisimai_s_messages_without_an_expectation_are_read_by_their_fields(
    shared_data: Path,
) -> None:
    folder = shared_data / "bounces/sisimai"
    hard, seen = set(), 0
    for name, told in _expected(shared_data).items():
        if told["expected_by_sisimai_tests"]:
            continue
        seen += 1
        reading = read((folder / name).read_bytes())
        fields = told["dsn_fields"]
        if fields and fields[0]["action"] == "failed":
            assert reading.meaning in {Meaning.HARD, Meaning.SOFT}, name
            assert reading.final, name
        if fields and fields[0]["status"] in {"5.1.1", "5.4.4"}:
            assert reading.meaning is Meaning.HARD, name
        if reading.meaning is Meaning.HARD:
            hard.add(Path(name).stem)
    assert seen == 27
    assert "rhost-gsuite-07" not in hard  # "timed out"
    assert {"rhost-gsuite-04", "rhost-outlook-03", "rhost-messagelabs-02"} <= hard


def test_flufl_s_messages(shared_data: Path) -> None:
    """Who it could not reach and whether for good; the meaning is ours (a full mailbox is no dead address)."""
    folder = shared_data / "bounces/flufl_bounce"
    expected = json.loads((folder / "reference_output_flufl_bounce_6.0.0.json").read_text())
    different = set()
    for name, told in expected.items():
        reading = read((folder / name).read_bytes())
        failed = reading.meaning in {Meaning.HARD, Meaning.SOFT}
        got = (failed and reading.final, failed and not reading.final, set(reading.addresses))
        permanent, temporary = set(told["permanent"]), set(told["temporary"])
        if got != (bool(permanent), bool(temporary) and not permanent, permanent | temporary):
            different.add(name)
    assert len(expected) == 117
    assert different == set(FLUFL_DIFFERENT)


def test_cpython_s_messages(shared_data: Path) -> None:
    folder = shared_data / "bounces/cpython_email"
    readings = {name: read((folder / name).read_bytes()) for name in CPYTHON}
    assert {
        name: (reading.meaning, reading.reason) for name, reading in readings.items()
    } == CPYTHON


def test_a_thousand_real_bounces_take_seconds_not_minutes(shared_data: Path) -> None:
    files = [
        path for path in (shared_data / "bounces").rglob("*") if path.suffix in {".eml", ".txt"}
    ]
    start = time.monotonic()
    for path in files:
        read(path.read_bytes())
    assert time.monotonic() - start < 0.1 * len(files)


def mail(body: str = "", **headers: str) -> bytes:
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\n".join(lines) + "\n\n" + body).encode()


def report(*, action: str = "failed", status: str = "5.1.1", diagnostic: str = "") -> bytes:
    """A delivery report in the form of RFC 3464."""
    return mail(
        "--b\nContent-Type: text/plain\n\nYour mail could not be delivered.\n"
        "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n"
        f"Final-Recipient: rfc822; jenny@example.com\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {diagnostic}\n\n--b--\n",
        From="MAILER-DAEMON@mx.example.org",
        Subject="Undelivered Mail Returned to Sender",
        Content_Type='multipart/report; report-type=delivery-status; boundary="b"',
    )


@pytest.mark.parametrize(
    ("status", "diagnostic", "meaning", "reason"),
    [
        ("5.1.1", "550 5.1.1 User unknown", Meaning.HARD, Reason.NO_SUCH_MAILBOX),
        ("5.0.0", "550 mailbox is full", Meaning.SOFT, Reason.MAILBOX_FULL),
        ("5.1.1", "550 5.1.1 Over quota", Meaning.SOFT, Reason.MAILBOX_FULL),
        ("5.4.4", "Host not found", Meaning.HARD, Reason.NO_SUCH_DOMAIN),
        ("5.2.1", "account disabled", Meaning.HARD, Reason.MAILBOX_DISABLED),
        ("5.7.1", "554 5.7.1 Message rejected as spam", Meaning.SOFT, Reason.CONTENT_REFUSED),
        ("5.1.8", "Sender address does not exist", Meaning.SOFT, Reason.CONTENT_REFUSED),
        ("5.3.4", "message too large", Meaning.SOFT, Reason.TOO_LARGE),
        ("4.4.7", "delivery time expired", Meaning.SOFT, Reason.NOT_IN_TIME),
        ("5.0.0", "", Meaning.SOFT, Reason.RETURNED),
    ],
)
def test_a_report_of_failure(status, diagnostic, meaning, reason) -> None:
    reading = read(report(status=status, diagnostic=diagnostic))
    assert (reading.meaning, reading.reason, reading.final) == (meaning, reason, True)
    assert reading.addresses == {"jenny@example.com"}
    assert (reading.reason in ADDRESS_REASONS) == (meaning is Meaning.HARD)


def test_a_warning_is_not_final_and_a_receipt_is_no_bounce() -> None:
    late = read(report(action="delayed", status="4.4.1", diagnostic="connection timed out"))
    assert (late.meaning, late.final) == (Meaning.SOFT, False)
    assert read(report(action="delivered", status="2.0.0")).meaning is Meaning.NOT_A_BOUNCE


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (mail("I am away.", From="a@b.example", Auto_Submitted="auto-replied (vacation)"), Meaning.AUTO_REPLY),
        (mail("Bis Montag.", From="a@b.example", Subject="Out of office: Re: Hello"), Meaning.AUTO_REPLY),
        (mail("x", From="a@b.example", Precedence="auto_reply"), Meaning.AUTO_REPLY),
        (
            mail("Please confirm that you are a real person and sent this.", From="a@b.example"),
            Meaning.CHALLENGE,
        ),
        (mail("Thank you, see you on Monday.", From="a@b.example", Subject="Re: Hello"), Meaning.NOT_A_BOUNCE),
        (
            mail(
                "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b--",
                Content_Type='multipart/report; report-type=feedback-report; boundary="b"',
            ),
            Meaning.ABUSE,
        ),
        (
            mail(
                "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: not-spam\n\n--b--",
                Content_Type='multipart/report; report-type=feedback-report; boundary="b"',
            ),
            Meaning.NOT_A_BOUNCE,
        ),
    ],
)  # fmt: skip
def test_what_is_no_failure(raw, meaning) -> None:
    assert read(raw).meaning is meaning


def test_words_of_the_mail_that_came_back_are_not_read() -> None:
    raw = mail(
        "Your message could not be delivered: mailbox full.\n\n"
        "------ This is a copy of the message ------\nSubject: user unknown, no such user\n",
        From="MAILER-DAEMON@mx.example.org",
        Subject="failure notice",
    )
    assert read(raw).reason is Reason.MAILBOX_FULL


def test_words_in_addresses_and_links_are_not_read() -> None:
    said = "550 5.1.1 <virus.spam@example.com>: User unknown, see https://help.example/spam-blocked"
    assert read(report(diagnostic=said)).reason is Reason.NO_SUCH_MAILBOX


TOKENS = [
    b"From: MAILER-DAEMON@x\n", b"Subject: failure notice\n", b"Auto-Submitted: auto-replied\n", b"\n", b"\r\n", b"\0",
    b"Content-Type: multipart/report; boundary=b\n", b"--b\n", b"--b--\n", b"Content-Type: message/delivery-status\n",
    b"Content-Type: message/rfc822\n", b"Content-Transfer-Encoding: base64\n",
    b"Final-Recipient: rfc822; a@b.example\n",
    b"Action: failed\n", b"Action: \xff\n", b"Status: 5.1.1\n", b"Diagnostic-Code: smtp; 550 no such user\n",
    b"Content-Type: text/plain; charset=\xf0\x9f\n", b"Content-Type: text/plain; charset=utf-7\n", b"<a@b>:\n",
    b"Content-Type: message/feedback-report\n", b"Feedback-Type: abuse\n", b"=?utf-8?q?=ff?= ", b"((((((",
    b"\xff\xfe",
    b"Content-Type: text/plain; charset=\"unicode_escape\"\n", b"Content-Transfer-Encoding: quoted-printable\n",
    b";;;=",
    b"Content-Type: text/plain; charset*0=a; charset*1=b\n", b"Precedence: auto_reply\n", b"user unknown",
    b"\xe3\x81\x82",
    b"Content-Transfer-Encoding: uuencode\n", b"begin 644 x\n", b"Content-Disposition: \n", b"Reporting-MTA: dns; x\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(TOKENS) | st.binary(max_size=30), max_size=60).map(b"".join))
@example(b"")
@example(b'Content-Type: text/plain; charset="unicode_escape"\n\n\\\x01')
@example(b'Content-Type: text/plain; charset="raw_unicode_escape"\n\n\\\x01\xff')
@example(b"From: " + b"(" * 50_000)
@example(b'Content-Type: multipart/mixed; boundary="0"\n\n--0\n' * 190)
@settings(max_examples=400)
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    reading = read(raw)
    assert (reading.reason is not None) == (reading.meaning in {Meaning.HARD, Meaning.SOFT})
    if reading.meaning is Meaning.HARD:
        assert reading.reason in ADDRESS_REASONS
        assert reading.final


HEAD = b"From: MAILER-DAEMON@x\nSubject: failure\nContent-Type: text/plain\n\n"


@pytest.mark.parametrize(
    "filler",
    [b"a", b" ", b"\n", b"\r\n", b"- \n", b"<a@b>:\n", b"user ", b"mailbox x x x ", b"((((", b"5.5.5.", b"a@"],
)  # fmt: skip
def test_no_filler_holds_the_reader_for_long(filler: bytes) -> None:
    start = time.monotonic()
    read(HEAD + filler * (2 * MOST_BYTES // len(filler)))
    assert time.monotonic() - start < 3
