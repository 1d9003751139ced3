"""A mail filled into a skeleton is the mail that is composed whole (interface.md "Mail")."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

import pytest
from flask_babel import force_locale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.mail import addresses, skeleton, unsubscribe
from portal.mail import message as slow
from portal.mail.dialogue import OnTheWire, dotted
from portal.mail.models import OutboxMessage
from portal.mail.registry import Inline
from portal.mail.templates import Draft, Paper, Sheet

NOW = datetime(2026, 11, 21, 17, 0, 5, 123456, tzinfo=UTC)
BREAKS = [
    "\r\nBcc: evil@example.com",
    "a\r\n.\r\nb",
    "\n.",
    "x\u2028y",
    "x\x85y",
    "\x00",
    "a\tb",
    "\xa0n",
]
HOSTILE = [
    "{{7*7}}", "{% raw %}", "%(name)s", "${x}", "{0.__class__}", "<script>", "&amp;", "'\"`", "=3D", "a=", "=",
    ".", "..", ".hidden", "--===============1234==", "x" * 75, "x" * 74, "é" * 120, "x" * 399, "Íñigo", "名前",
    "😀" * 20, "From me", "- ", "héllo .world", *BREAKS,
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(HOSTILE), st.text(max_size=150), st.text("ab .=-<&é\n", max_size=90)
)
LINKS = st.from_regex(r"https://[a-z.]{3,60}/i/[\w-]{43}", fullmatch=True)
SHEETS = st.builds(
    lambda name, phone, answers, picture: Sheet(
        Paper(
            f"{name} via the patient portal",
            "no-reply@localhost",
            answers,
            pictures=(Inline("p@localhost", "image/png", b"\x00" * 200),) if picture else (),
        ),
        (
            ("practice_name", name),
            ("practice_phone", phone),
            *((("logo_src", "cid:p@localhost"), ("logo_width", "9"), ("logo_height", "8"))
              if picture else ()),
        ),
    ),
    st.sampled_from(["Family Practice", "Tom & <b>Jerry</b> {{ 7*7 }} %(x)s", "Clínica Ñandú " * 6, ".dot"]),
    st.sampled_from([None, "(617) 555-0100"]),
    st.sampled_from([None, "desk@example.com"]),
    st.booleans(),
)  # fmt: skip


def the_mail(language: str, address: str) -> OutboxMessage:
    return OutboxMessage(
        id=1,
        public_id="A" * 22,
        purpose="invitation",
        address=address,
        language=language,
        message_id=f"{'A' * 22}@localhost",
    )


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=SMTP)  # type: ignore[return-value]


def headers(mail: EmailMessage) -> list[tuple[str, str]]:
    """All but the border between the parts."""
    return [(name, value) for name, value in mail.items() if name != "Content-Type"]


def same(fast: bytes, whole: bytes) -> None:
    one, other = parsed(fast), parsed(whole)
    assert headers(one) == headers(other)
    assert one.get_content_type() == other.get_content_type() == "multipart/alternative"
    kinds = [part.get_content_type() for part in one.walk()]
    assert kinds == [part.get_content_type() for part in other.walk()]
    for kind in ("plain", "html"):
        mine, theirs = one.get_body((kind,)), other.get_body((kind,))
        assert mine is not None
        assert theirs is not None
        assert mine.get_content() == theirs.get_content()
    pictures = [
        [part.get_payload() for part in mail.walk() if part["Content-ID"]] for mail in (one, other)
    ]
    assert pictures[0] == pictures[1]
    assert not any(part.defects for part in one.walk())


@pytest.mark.any_database
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=120)
@given(
    hello=VALUES,
    link=LINKS,
    day=VALUES,
    automatic=st.booleans(),
    sheet=SHEETS,
    language=st.sampled_from(["en", "es"]),
    address=st.sampled_from(["jenny@example.com", "O'Brien+x@" + "x" * 60 + ".example", "a@bücher.example"]),
    late=st.integers(0, 10**6),
)  # fmt: skip
def test_filled_or_whole_it_says_the_same(
    app, hello, link, day, automatic, sheet, language, address, late
) -> None:
    now = NOW + timedelta(seconds=late)
    message = the_mail(language, address)
    out = unsubscribe.link(message.public_id) if automatic else None
    values = {
        "hello_name": hello, "link": link, "not_me_link": f"{link}/not-me", "expires_on": day, "unsubscribe_link": out,
    }  # fmt: skip
    draft = Draft("invitation", sheet, values, unsubscribe=out)
    with force_locale(language):
        fast = skeleton.letter(message, draft, now=now)
        if fast is None:
            assert any(not value.isprintable() or value != value.strip() for value in (hello, day))
            return
        whole = slow.letter(message, draft.composed(), now=now)
    assert (fast.sender, fast.recipient) == (whole.sender, whole.recipient)
    assert isinstance(fast.raw, OnTheWire)
    assert dotted(bytes(fast.raw)) == dotted(fast.raw), (
        "no dot begins a line, each line ends as it must"
    )
    assert fast.raw.isascii()
    bodies = fast.raw.split(b"quoted-printable")[1:]
    assert len(bodies) == 2
    assert max(len(line) for body in bodies for line in body.split(b"\r\n")) <= 76
    same(fast.raw, whole.raw)


def test_a_value_in_the_subject_is_composed_whole(app) -> None:
    draft = Draft("invitation_reminder", Sheet(Paper("x"), (("practice_name", "x"), ("practice_phone", None))), {
        "hello_name": "Jen H.", "link": "l", "not_me_link": "n", "expires_on": "May 23", "unsubscribe_link": "u",
    })  # fmt: skip
    with force_locale("en"):
        assert "May 23" in draft.composed().subject
        assert skeleton.letter(the_mail("en", "a@example.com"), draft, now=NOW) is None


@given(st.one_of(st.emails(), st.from_regex(addresses._PLAIN, fullmatch=True)))
def test_an_address_that_is_not_read_through_is_good(address) -> None:
    if addresses._PLAIN.fullmatch(address):
        assert Address(addr_spec=address).addr_spec == address
        assert parseaddr(address)[1] == address
        assert address.isascii()


@pytest.mark.parametrize("value", BREAKS)
def test_what_does_not_fit_is_composed_whole(app, value) -> None:
    draft = Draft("invitation", Sheet(Paper("x"), (("practice_name", "x"), ("practice_phone", None))), {
        "hello_name": value, "link": "l", "not_me_link": "n", "expires_on": "d", "unsubscribe_link": None,
    })  # fmt: skip
    with force_locale("en"):
        assert skeleton.letter(the_mail("en", "a@example.com"), draft, now=NOW) is None
