"""What the mails say (8.1, 8.5, 3.7), in both languages, and how they are addressed."""

from __future__ import annotations

import re
from datetime import date
from email.utils import parseaddr

import pytest
from flask_babel import force_locale
from html5lib import parse

from portal import tokens
from portal.accounts import email_codes
from portal.accounts.models import EmailConfirmation, PortalAccount
from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail.addresses import BadAddress, bounce_address, on_the_wire
from portal.mail.delivery import deliver
from portal.mail.rules import MailKind
from portal.people import service as people
from portal.transaction import atomic
from tests.factories import make_house, make_patient
from tests.smtp import Received


def sent_to(smtp, address: str) -> Received:
    (found,) = [mail for mail in smtp.received if mail.recipient == address]
    return found


def invite(house, moment, **values):
    patient = make_patient(house, **values)
    invitation = invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    assert deliver().accepted == 1
    return invitation


def test_the_invitation_is_as_the_product_says(app, moment, smtp) -> None:
    house = make_house()
    invitation = invite(house, moment, given_name="Jenny", family_name="Harris")
    mail = sent_to(smtp, invitation.email)
    message = mail.message
    link = f"http://127.0.0.1:8000/i/{tokens.link_token(invitation.nonce)}"
    assert message["Subject"] == "Connect with Family Practice via the patient portal"
    assert message["From"] == '"Family Practice via the patient portal" <no-reply@localhost>' or (
        parseaddr(message["From"])[0] == "Family Practice via the patient portal"
    )
    assert message["To"] == invitation.email
    assert message["Auto-Submitted"] == "auto-generated"
    assert re.fullmatch(r"<[\w-]{22}@localhost>", message["Message-ID"])
    assert message.get_content_type() == "multipart/alternative"
    for kind in ("plain", "html"):
        words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", mail.body(kind)))
        for expected in (
            "Hello Jenny H.,",
            "Sign Up Now",
            "Thank you, Family Practice.",
            "This email invitation expires November 28, 2026.",
            "All of Your Health in One Place",
            "(617) 555-0100",
            "This is not me",
        ):
            assert expected in words, (kind, expected)
        assert "Harris" not in mail.body(kind)
        assert mail.body(kind).count(link) == 2
        assert f"{link}/not-me" in mail.body(kind)


def test_the_invitation_in_spanish_is_in_spanish(app, moment, smtp) -> None:
    invitation = invite(make_house(), moment, language="es")
    mail = sent_to(smtp, invitation.email)
    assert mail.message["Content-Language"] == "es"
    assert "28 de noviembre de 2026" in mail.body("plain")
    assert 'lang="es"' in mail.body("html")


def test_styles_stand_in_the_elements(app, moment, smtp) -> None:
    invitation = invite(make_house(), moment)
    html = sent_to(smtp, invitation.email).body("html")
    button = re.search(r'<a class="button"[^>]*>', html)
    assert button
    assert "background-color: #1f4e79" in button[0]
    assert "@media (prefers-color-scheme: dark)" in html
    assert "http" not in re.sub(r"http://127\.0\.0\.1:8000/i/[\w-]+", "", html)
    parse(html)


def test_names_are_text_in_every_part(app, moment, smtp) -> None:
    house = make_house(name="Tom & <b>Jerry</b> {{ 7*7 }} %(x)s")
    invitation = invite(house, moment, given_name="{{ 8*8 }}<script>", family_name="{% raw %}")
    mail = sent_to(smtp, invitation.email)
    assert "Tom & <b>Jerry</b> {{ 7*7 }} %(x)s" in str(mail.message["Subject"])
    assert "Hello {{ 8*8 }}<script> {.," in mail.body("plain")
    assert "Tom &amp; &lt;b&gt;Jerry&lt;/b&gt; {{ 7*7 }} %(x)s" in mail.body("html")
    assert "<script>" not in mail.body("html")


def test_the_second_person_does_not_get_what_the_first_one_had(app, moment, smtp) -> None:
    with_phone, without = make_house(), make_house("Second Practice")
    with atomic():
        without.practice.phone = None
    first = invite(with_phone, moment, given_name="Ann", family_name="Alpha")
    second = invite(without, moment, given_name="", family_name="Beta")
    mail = sent_to(smtp, second.email)
    assert "Ann" in sent_to(smtp, first.email).body("html")
    for kind in ("plain", "html"):
        assert "Hello," in mail.body(kind)
        assert "555-0100" not in mail.body(kind)
        assert "Please call Second Practice." in mail.body(kind)


def test_everything_on_the_wire_is_short_ascii_lines(app, moment, smtp) -> None:
    house = make_house(name="Clínica Ñandú " * 6)
    invite(house, moment, given_name="Íñigo")
    raw = smtp.received[0].raw
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert str(smtp.received[0].message["Subject"]).count("Clínica") == 6


@pytest.mark.parametrize(
    "break_", ["\r\nBcc: evil@example.com", "\nX: y", "\u2028Bcc: z", "\x85Bcc: z"]
)
def test_a_header_never_becomes_two(app, moment, smtp, break_) -> None:
    house = make_house(name=f"Evil{break_} Practice")
    invitation = invite(house, moment)
    message = sent_to(smtp, invitation.email).message
    assert message["Bcc"] is None
    assert message["X"] is None
    assert {mail.recipient for mail in smtp.received} == {invitation.email}


def test_a_repeat_carries_the_same_id_and_link(app, moment, smtp) -> None:
    smtp.program("data", "451 later")
    house = make_house()
    patient = make_patient(house)
    invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    deliver()
    moment.pass_(minutes=1)
    deliver()
    assert len(smtp.received) == 1
    assert smtp.at_stage["data"] == 2


def test_a_changed_address_is_told_to_both(app, moment, smtp) -> None:
    house = make_house()
    patient = make_patient(house, email="old@example.com")
    people.edit(
        patient=patient,
        values={"email": "new@example.com"},
        by=house.hand,
        now=moment.now,
        verified_how="in person",
    )
    assert deliver().accepted == 2
    old, new = sent_to(smtp, "old@example.com"), sent_to(smtp, "new@example.com")
    assert "was changed or removed" in old.body("plain")
    assert "new@example.com" not in old.body("plain") + old.body("html")
    assert "from now on" in new.body("plain")
    assert "(617) 555-0100" in old.body("plain")


def test_a_first_address_tells_nobody(app, moment, smtp) -> None:
    patient = make_patient(house := make_house(), email=None)
    people.edit(
        patient=patient, values={"email": "first@example.com"}, by=house.hand, now=moment.now
    )
    assert deliver().claimed == 0


def test_the_notice_of_an_account_has_no_content(app, moment, smtp) -> None:
    from portal.access import service as access
    from portal.mail import service as mail

    house = make_house()
    patient = make_patient(house, birth_date=date(1980, 2, 11))
    grant = access.enable(patient=patient, by=house.hand, now=moment.now)
    mail.enqueue(
        practice_id=house.practice.id,
        purpose="account_activated",
        subject_id=grant.id,
        address="jenny@example.com",
        language="en",
        now=moment.now,
        kind=MailKind.SECURITY,
    )
    deliver()
    notice = sent_to(smtp, "jenny@example.com")
    assert "If this was not you, call Family Practice at (617) 555-0100" in notice.body("plain")
    assert "http" not in notice.body("plain")
    assert "1980" not in notice.body("html")


def test_a_code_goes_out_while_it_is_the_newest_and_is_the_one_that_is_asked(
    app, moment, smtp
) -> None:
    house = make_house()
    with atomic():
        account = PortalAccount(
            username="jenny",
            password_hash="x",
            first_name="Jenny",
            language="en",
            email="typed@example.com",
            email_key="typed@example.com",
            created_at=moment.now,
        )
        db.session.add(account)
        db.session.flush()
        email_codes.issue(account, practice_id=house.practice.id, now=moment.now)
        email_codes.issue(account, practice_id=house.practice.id, now=moment.now)
    done = deliver()
    assert (done.claimed, done.accepted) == (2, 1)
    newest = db.session.query(EmailConfirmation).order_by(EmailConfirmation.id.desc()).first()
    assert email_codes.code_of(newest) in sent_to(smtp, "typed@example.com").body("plain")


def test_a_bounce_address_names_the_mail_and_nobody_can_make_one_up(app) -> None:
    one, other = tokens.public_id(), tokens.public_id()
    address = bounce_address(one)
    assert re.fullmatch(r"bounce\+[a-z2-7]{26}\.[a-z2-7]{16}@localhost", address)
    assert len(address.rpartition("@")[0]) <= 64
    assert address == bounce_address(one)
    assert address.partition(".")[2] != bounce_address(other).partition(".")[2]


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("jenny@example.com", "jenny@example.com"),
        ("O'Brien+x@Example.com", "O'Brien+x@Example.com"),
        ("jenny@bücher.example", "jenny@xn--bcher-kva.example"),
    ],
)
def test_addresses_go_out_in_ascii(address, wire) -> None:
    assert on_the_wire(address) == wire


@pytest.mark.parametrize(
    "address",
    ["", "jenny", "@example.com", "jenny@", "a@x.com, b@x.com", "Jenny <a@x.com>", "a@x.com\nBcc: b@x.com",
     "jösé@example.com", "a b@x.com", "a@x.com;b@x.com"],
)  # fmt: skip
def test_what_is_no_address_or_several_is_refused(address) -> None:
    with pytest.raises(BadAddress):
        on_the_wire(address)


def test_a_message_in_another_language_does_not_change_ours(app, moment, smtp) -> None:
    from flask_babel import get_locale

    with force_locale("en"):
        invite(make_house(), moment, language="es")
        assert str(get_locale()) == "en"
