"""What a practice's settings make of its mails: sender, replies, colour, pictures (6.2, 6.3, 8.1)."""

from __future__ import annotations

import re
from email.utils import parseaddr
from io import BytesIO

import pytest
from PIL import Image

from portal.invitations import service as invitations
from portal.mail import message as mail_message
from portal.mail import templates
from portal.mail.delivery import deliver
from portal.mail.registry import Composed, Inline
from portal.pictures import service as pictures
from portal.pictures.models import Purpose
from portal.pictures.rules import clean
from portal.practices import settings as portal_settings
from portal.practices.rules import USUAL_COLOUR, at_night, carries_white, contrast
from portal.practices.settings import Communication, Style
from portal.transaction import atomic
from tests.factories import SETUP, House, make_house, make_patient
from tests.pictures import picture


def set_(house: House, moment, **values: object) -> None:
    from dataclasses import replace

    held = Communication.of(house.practice)
    portal_settings.change_communication(
        practice_id=house.practice.id, wanted=replace(held, **values), seen=held, by=SETUP, now=moment.now
    )  # fmt: skip


def put(house: House, moment, purpose: Purpose, raw: bytes) -> None:
    pictures.put(
        practice_id=house.practice.id, purpose=purpose, picture=clean(raw), by=SETUP, now=moment.now
    )


def invite(house: House, moment, **values: object):
    patient = make_patient(house, **values)
    invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.now)
    return patient.email


def sent(smtp, address: str):
    deliver()
    (found,) = [mail for mail in smtp.received if mail.recipient == address]
    return found


def test_sender_and_replies_are_the_practice_s(app, moment, smtp, configure) -> None:
    configure(mail_sender="no-reply@portal.example")
    house = make_house()
    waiting = invite(house, moment)
    set_(
        house,
        moment,
        sender_name='Dr. "Who" <x@y.example>, Ñandú & co.',
        no_reply_email="family@portal.example",
        reply_to_email="desk@bücher.example",
        phone="+12025550143",
        invitation_days=14,
    )
    mail = sent(smtp, waiting)
    assert parseaddr(str(mail.message["From"])) == (
        'Dr. "Who" <x@y.example>, Ñandú & co.',
        "family@portal.example",
    )
    assert len(mail.message["From"].addresses) == 1
    assert mail.message["Reply-To"] == "desk@xn--bcher-kva.example"
    assert "(202) 555-0143" in mail.body("plain"), "a mail that waited is written when it goes out"
    assert "expires November 28" in mail.body("plain"), "an invitation keeps the life it was given"
    assert "expires December 5" in sent(smtp, invite(house, moment)).body("plain")
    assert mail.sender.endswith("@portal.example")


def test_another_domain_s_address_never_stands_in_from(app, moment, smtp, configure) -> None:
    house = make_house()
    with atomic():
        house.practice.no_reply_email = "clinic@elsewhere.example"
    assert (
        parseaddr(str(sent(smtp, invite(house, moment)).message["From"]))[1] == "no-reply@localhost"
    )


@pytest.mark.parametrize("break_", ["\r\nBcc: evil@example.com", "\x85X: y", "\u2028Bcc: z"])
def test_even_a_line_break_that_came_past_every_check_is_none_in_a_header(
    app, moment, smtp, break_
) -> None:
    house = make_house()
    with atomic():
        house.practice.sender_name = f"Evil{break_}"
    message = sent(smtp, invite(house, moment)).message
    assert message["Bcc"] is None
    assert message["X"] is None
    with atomic():
        house.practice.sender_name = None
        house.practice.reply_to_email = f"a@example.com{break_}"
    deliver()
    invite(house, moment)
    assert deliver().accepted == 0


def test_pictures_travel_with_the_html_and_are_shown_by_cid(app, moment, smtp) -> None:
    house = make_house()
    put(house, moment, Purpose.LOGO, picture("PNG", (900, 300)))
    put(house, moment, Purpose.PROFILE, picture("JPEG", (300, 300)))
    kept = [pictures.data_of(p) for p in pictures.of_practice(house.practice.id).values()]
    mail = sent(smtp, invite(house, moment))
    assert mail.message.get_content_type() == "multipart/alternative"
    plain, related = mail.message.iter_parts()
    assert plain.get_content_type() == "text/plain"
    assert related.get_content_type() == "multipart/related"
    assert related.get_param("type") == "text/html"
    html, *attached = related.iter_parts()
    assert html.get_content_type() == "text/html"
    page = html.get_content()
    assert {part.get_content_type() for part in attached} == {"image/png", "image/jpeg"}
    for part in attached:
        assert part.get_content_disposition() == "inline"
        assert part.get_filename() is None
        cid = part["Content-ID"].strip("<>")
        assert re.fullmatch(r"[\w-]{22}@localhost", cid)
        assert page.count(f'src="cid:{cid}"') == 1
        assert part["Content-Transfer-Encoding"] == "base64"
        assert part.get_content() in kept
        Image.open(BytesIO(part.get_content())).load()
    sizes = [re.findall(r'(?:width|height)="(\d+)"', tag) for tag in re.findall("<img[^>]*>", page)]
    assert sizes == [["192", "64"], ["96", "96"]]
    assert page.count('alt=""') == 2
    assert mail.raw.isascii()
    assert max(map(len, mail.raw.split(b"\r\n"))) <= 998


def test_without_pictures_a_mail_is_as_small_as_before(app, moment, smtp) -> None:
    house = make_house()
    put(make_house("Other Clinic"), moment, Purpose.LOGO, picture())
    mail = sent(smtp, invite(house, moment))
    assert "<img" not in mail.body("html")
    assert b"multipart/related" not in mail.raw
    assert len(mail.raw) < 20_000


def test_a_replaced_logo_is_replaced_in_the_next_mail(app, moment, smtp) -> None:
    house = make_house()
    put(house, moment, Purpose.LOGO, picture("PNG", (100, 50)))
    first = sent(smtp, invite(house, moment))
    put(house, moment, Purpose.LOGO, picture("PNG", (80, 60)))
    second = sent(smtp, invite(house, moment))
    assert 'width="100" height="50"' in first.body("html")
    assert 'width="80" height="60"' in second.body("html")
    pictures.remove(practice_id=house.practice.id, purpose=Purpose.LOGO, by=SETUP, now=moment.now)
    assert "<img" not in sent(smtp, invite(house, moment)).body("html")


def test_the_colour_is_the_practice_s_by_day_and_by_night(app, moment, smtp) -> None:
    house, plain = make_house(), make_house("Plain Clinic")
    portal_settings.change_style(
        practice_id=house.practice.id,
        wanted=Style("#7a1f4e"),
        seen=Style(None),
        by=SETUP,
        now=moment.now,
    )
    page = sent(smtp, invite(house, moment)).body("html")
    button = re.search(r'<a class="button"[^>]*>', page)
    assert button
    assert "background-color: #7a1f4e" in button[0]
    assert "#1f4e79" not in page
    assert "#8db8e2" not in page
    assert f"background-color: {at_night('#7a1f4e')} !important" in page
    other = sent(smtp, invite(plain, moment)).body("html")
    assert "#7a1f4e" not in other
    assert "background-color: #1f4e79" in other
    assert "#8db8e2" in other


def test_the_layout_s_colours_are_the_rules_own(app) -> None:
    assert templates.COLOUR == USUAL_COLOUR
    assert carries_white(USUAL_COLOUR)
    assert contrast(templates.COLOUR_AT_NIGHT, "#1b222b") > 4.5
    source = app.jinja_env.loader.get_source(app.jinja_env, "email/layout.html")[0]
    for colour in (templates.COLOUR, templates.COLOUR_AT_NIGHT, "#1b222b", "#10161d"):
        assert colour in source


def test_one_picture_is_encoded_once(app, moment, smtp, monkeypatch) -> None:
    made = []
    original = mail_message.encodebytes
    monkeypatch.setattr(
        mail_message, "encodebytes", lambda data: (made.append(data), original(data))[1]
    )
    house = make_house()
    put(house, moment, Purpose.LOGO, picture())
    for _ in range(3):
        sent(smtp, invite(house, moment))
    assert len(made) == 1


def test_a_mail_without_html_shows_no_picture(app) -> None:
    from email.message import EmailMessage

    with pytest.raises(TypeError):
        mail_message._attach(EmailMessage(), (Inline("x@y", "image/png", b""),))
    assert Composed("s", "t", "h", "n").pictures == ()
