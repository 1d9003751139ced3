"""Account → Portal settings (product 6.1-6.3), as an administrator uses them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.access.models import EndReason
from portal.audit.models import AuditEvent
from portal.extensions import db
from portal.invitations import service as invitations
from portal.pictures import service as pictures
from portal.pictures.models import Picture, Purpose
from portal.practices import service as practices
from portal.transaction import atomic
from tests.factories import SETUP, make_house, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, audited, field, markup, text
from tests.integration.staff.setting_up import (
    APPOINTMENTS,
    COMMUNICATION,
    DOCTOR,
    NOTHING,
    STYLE,
    communication,
    file,
    large_post,
    practice,
)
from tests.pictures import picture, png_flood


@pytest.fixture
def configure(app, monkeypatch) -> Callable[..., None]:
    """Change the installation's settings for one test."""

    def change(**values: object) -> None:
        changed = app.extensions["vestibule.settings"].model_copy(update=values)
        monkeypatch.setitem(app.extensions, "vestibule.settings", changed)

    return change


def test_only_administrators_open_it_and_see_the_way_to_it(app, house, admin, clerk) -> None:
    assert "Portal settings" in text(admin.get("/staff/"))
    provider = Clerk(app, house.provider_member)
    for other in (clerk, provider):
        assert "Portal settings" not in text(other.get("/staff/"))
        assert "Account" not in text(other.get("/staff/"))
        for path in ("/staff/settings", DOCTOR, COMMUNICATION, STYLE):
            answer = other.get(path)
            assert answer.status_code == 403
            assert "Your role does not include this." in text(answer)
            assert other.post(path).status_code in {403, 405}
    assert audited("practice.settings_changed") == []


def test_the_tabs_are_links_and_the_open_one_is_marked(admin) -> None:
    for path, label in (("/staff/settings", "Doctor"), (DOCTOR, "Doctor"), (APPOINTMENTS, "Appointments"),
                        (COMMUNICATION, "Communication"),                        (STYLE, "Style")):  # fmt: skip
        page = markup(admin.get(path))
        tabs = page[page.index("page-tabs") :]
        tabs = tabs[: tabs.index("</nav>")]
        assert re.findall(r'aria-current="page">(\w+)', tabs) == [label]
        assert "Update settings" in page


def test_the_counters_count_everybody_ever(admin, house, moment) -> None:
    def counters() -> list[str]:
        return re.findall(r'class="pill"><b>([\d,]+)</b><span>([^<]+)', markup(admin.get(DOCTOR)))

    assert counters() == [("0", "TOTAL PATIENTS"), ("0", "Invited"), ("0", "SIGNED UP")]
    make_patient(house)
    access.enable(patient=make_patient(house), by=house.hand, now=moment.now)
    twice = make_invitation(house)
    patient = twice.patient
    with atomic():
        grant = access.current_grant(patient.id)
        access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)
    invitations.enable_and_invite(patient=patient, by=house.hand, now=moment.pass_(minutes=1))
    active = make_invitation(house).patient
    grant = access.current_grant(active.id)
    with atomic():
        grant.activated_at = moment.now
    make_invitation(make_house("Other Clinic"))
    assert counters() == [("4", "TOTAL PATIENTS"), ("2", "Invited"), ("1", "SIGNED UP")]


def test_invite_all_patients_now_leads_to_the_preview(admin, house) -> None:
    page = admin.get(DOCTOR)
    words = "Invite patients to the portal under their Patient > Portal access page, or Invite all patients now!"
    assert words in text(page)
    link = re.search(r'<a href="([^"]+)">Invite all patients now!</a>', markup(page))
    assert link
    assert "Invite all patients" in text(admin.get(link[1]))


def test_a_logo_is_uploaded_shown_replaced_and_removed(admin, house, moment) -> None:
    was = field(admin.get(DOCTOR), "was")
    page = admin.follow(
        admin.post(
            DOCTOR,
            sharing=[house.provider.public_id],
            was=was,
            logo=file(picture("JPEG"), "logo.png"),
        )
    )
    assert "Saved: Practice Business Logo." in text(page)
    url = re.search(
        r'<img class="picture" src="([^"]+)" width="240" height="80" alt="Practice', markup(page)
    )
    assert url
    shown = admin.get(url[1])
    assert shown.mimetype == "image/jpeg", "by what it is, whatever it is called"
    assert shown.data.startswith(b"\xff\xd8\xff")
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"

    was = field(page, "was")
    page = admin.follow(
        admin.post(
            DOCTOR,
            sharing=[house.provider.public_id],
            was=was,
            logo=file(picture("PNG", (900, 90))),
        )
    )
    assert admin.get(url[1]).status_code == 404
    assert 'width="240" height="24"' in markup(page)

    page = admin.follow(
        admin.post(
            DOCTOR, sharing=[house.provider.public_id], was=field(page, "was"), remove_logo="y"
        )
    )
    assert "Saved: Practice Business Logo." in text(page)
    assert db.session.scalar(select(Picture)) is None
    told = [(event.event, event.data["purpose"]) for event in _of("picture.")]
    set_, removed = ("picture.set", "logo"), ("picture.removed", "logo")
    assert told == [set_, set_, removed]
    assert NOTHING.search(
        text(
            admin.follow(
                admin.post(
                    DOCTOR,
                    sharing=[house.provider.public_id],
                    was=field(page, "was"),
                    remove_logo="y",
                )
            )
        )
    )


def _of(prefix: str) -> list[AuditEvent]:
    db.session.rollback()
    query = select(AuditEvent).where(AuditEvent.event.startswith(prefix)).order_by(AuditEvent.id)
    return list(db.session.scalars(query))


@pytest.mark.parametrize(
    ("raw", "name", "sentence"),
    [
        (b"", "logo.png", "This file is empty."),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "logo.png", "This is no PNG, JPEG or WebP picture."),
        (picture()[:60], "logo.png", "This picture cannot be read"),
        (png_flood(), "logo.png", "This picture has more than 25 million pixels."),
        (picture() + bytes(2 * 1024 * 1024), "logo.png", "This file is larger than 2 MB."),
        (picture() + bytes(6 * 1024 * 1024), "logo.png", "This file is larger than 2 MB."),
    ],
)  # fmt: skip
def test_what_is_no_good_picture_is_refused_beside_its_field(admin, raw, name, sentence) -> None:
    was = field(admin.get(DOCTOR), "was")
    answer = large_post(admin, was=was, logo=file(raw, name), profile=file(picture()))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert db.session.scalar(select(Picture)) is None, "a tab is saved as a whole"


def test_a_flood_of_bytes_is_not_read(admin, app) -> None:
    was = field(admin.get(DOCTOR), "was")
    answer = large_post(admin, was=was, logo=file(bytes(13 * 1024 * 1024)))
    assert answer.status_code == 413
    assert "larger than we accept" in text(answer)
    elsewhere = large_post(admin, COMMUNICATION, was=was, logo=file(bytes(2 * 1024 * 1024)))
    assert elsewhere.status_code == 413
    admin.client = app.test_client()
    stranger = large_post(admin, logo=file(bytes(2 * 1024 * 1024)))
    assert stranger.headers["Location"].endswith("/staff/login"), "before the form is looked at"


def test_a_new_picture_and_remove_do_not_go_together(admin) -> None:
    was = field(admin.get(DOCTOR), "was")
    answer = admin.post(DOCTOR, was=was, logo=file(picture()), remove_logo="y")
    assert answer.status_code == 422
    assert "Either choose a new picture or remove" in text(answer)


def test_a_picture_belongs_to_its_practice(app, admin, house) -> None:
    other = make_house("Other Clinic")
    theirs = Clerk(app, other.administrator)
    page = theirs.get(DOCTOR)
    theirs.post(DOCTOR, was=field(page, "was"), logo=file(picture()))
    found = pictures.of_practice(other.practice.id)[Purpose.LOGO]
    assert theirs.get(f"/staff/settings/pictures/{found.public_id}").status_code == 200
    assert admin.get(f"/staff/settings/pictures/{found.public_id}").status_code == 404
    assert [event.data["reason"] for event in audited("access.refused")] == [
        "other_practice_picture"
    ]
    assert app.test_client().get(f"/staff/settings/pictures/{found.public_id}").status_code == 303


def test_sharing_is_set_provider_by_provider(admin, house, moment) -> None:
    what = practices.add_provider(
        practice=house.practice, name="Dr. What", shares_patients=False, staff=None, by=SETUP, now=moment.now
    ).public_id  # fmt: skip
    who = house.provider.public_id
    was = field(admin.get(DOCTOR), "was")
    page = admin.follow(admin.post(DOCTOR, was=was, sharing=[what]))
    assert "Saved: Share patients." in text(page)
    shares = {p.name: p.shares_patients for p in practices.providers(practice_id=practice().id)}
    assert shares == {"Dr. Who": False, "Dr. What": True}
    events = {
        e.data["provider"]: e.data["shares_patients"] for e in audited("provider.sharing_changed")
    }
    assert events == {who: False, what: True}
    stale = admin.post(DOCTOR, was=was, sharing=[who])
    assert stale.status_code == 409
    assert "Dr. What" in text(stale)
    assert len(audited("provider.sharing_changed")) == 2


def test_another_practice_s_provider_is_not_there(app, admin) -> None:
    other = make_house("Other Clinic")
    was = field(admin.get(DOCTOR), "was")
    assert admin.post(DOCTOR, was=was, sharing=[other.provider.public_id]).status_code == 404
    assert audited("provider.sharing_changed") == []


def test_two_at_once_on_the_doctor_tab(admin) -> None:
    first = second = field(admin.get(DOCTOR), "was")
    admin.follow(admin.post(DOCTOR, was=first, logo=file(picture())))
    answer = admin.post(DOCTOR, was=second, logo=file(picture("WEBP")))
    assert answer.status_code == 409
    assert "Practice Business Logo Another picture" in text(answer)
    assert "choose it again" in text(answer)
    assert len(audited("picture.set")) == 1


def test_the_tab_is_saved_and_says_what(admin) -> None:
    typed = communication(admin)
    assert (typed["invitation_days"], typed["reminder_days"], typed["phone"]) == (
        "7",
        "2",
        "(617) 555-0100",
    )
    page = admin.follow(
        admin.post(
            COMMUNICATION,
            **typed
            | {
                "invitation_days": "14",
                "reminder_days": "0",
                "sender_name": " Dr.  Who’s office ",
                "reply_to_email": "desk@clinic.example",
                "phone": "202 555 0143",
            },
        )
    )
    assert ("Saved: Invitation life in days, Reminder, days before it expires, Sender name, Reply-to address,"
            " Phone number.") in text(page)  # fmt: skip
    held = practice()
    assert (held.invitation_days, held.reminder_days) == (14, 0)
    assert (held.sender_name, held.reply_to_email) == ("Dr. Who’s office", "desk@clinic.example")
    assert held.phone == "+12025550143"
    assert "From Dr. Who’s office <no-reply@localhost>" in text(page)
    assert "Replies go to desk@clinic.example" in text(page)
    (event,) = audited("practice.settings_changed")
    assert event.data["tab"] == "communication"
    assert "clinic.example" not in str(event.data), "which fields, not what they hold"


def test_saving_twice_is_harmless(admin) -> None:
    typed = communication(admin) | {"invitation_days": "10"}
    admin.follow(admin.post(COMMUNICATION, **typed))
    assert NOTHING.search(text(admin.follow(admin.post(COMMUNICATION, **typed))))
    assert len(audited("practice.settings_changed")) == 1


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"invitation_days": "0"}, "Enter a whole number from 1 to 30."),
        ({"invitation_days": "31"}, "Enter a whole number from 1 to 30."),
        ({"invitation_days": "²"}, "Enter a whole number from 1 to 30."),
        ({"invitation_days": ""}, "Enter a number of days."),
        ({"reminder_days": "-1"}, "Enter a whole number from 0 to 29."),
        ({"reminder_days": "7"}, "The reminder must come after the invitation"),
        ({"invitation_days": "2"}, "The reminder must come after the invitation"),
        ({"sender_name": "S" * 121}, "This is too long."),
        ({"sender_name": "Clinic\r\nBcc: evil@example.com"}, "This contains a line break"),
        ({"sender_name": "Clinic\u2028Bcc: evil@example.com"}, "This contains a line break"),
        ({"reply_to_email": "a@example.org, b@example.org"}, "Enter one email address only."),
        ({"reply_to_email": "desk@clinic.example\r\nBcc: evil@example.com"}, "Enter an email address such as"),
        ({"reply_to_email": "jösé@clinic.example"}, "only plain letters, digits and signs"),
        ({"no_reply_email": "no-reply@clinic.example"}, "from an address that ends in @portal.example"),
        ({"no_reply_email": "no-reply@sub.portal.example"}, "Mail can come only from an address"),
        ({"no_reply_email": "no-reply@portal.example\nBcc: x@example.com"}, "Enter an email address such as"),
        ({"phone": "555"}, "This phone number has too few or too many digits"),
        ({"phone": "(202) 555-0143 ext. 12"}, "Enter the number without an extension."),
    ],
)  # fmt: skip
def test_every_refusal_is_a_sentence_and_nothing_typed_is_lost(
    admin, configure, typed, sentence
) -> None:
    configure(mail_sender="no-reply@portal.example")
    full = communication(admin) | {"sender_name": "Kept"} | typed
    answer = admin.post(COMMUNICATION, **full)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert markup(answer).split("<title>")[1].startswith("Error: ")
    if "sender_name" not in typed:
        assert field(answer, "sender_name") == "Kept"
    held = practice()
    assert (held.sender_name, held.reply_to_email, held.invitation_days) == (None, None, 7)
    assert audited("practice.settings_changed") == []


def test_an_address_of_the_installation_s_own_domain_is_taken(admin, configure) -> None:
    configure(mail_sender="no-reply@portal.example")
    typed = communication(admin) | {"no_reply_email": "family-practice@Portal.Example"}
    page = admin.follow(admin.post(COMMUNICATION, **typed))
    assert "<family-practice@portal.example>" in text(page)
    # the installation moves: its mail must not stop
    configure(mail_sender="no-reply@elsewhere.example")
    assert "<no-reply@elsewhere.example>" in text(admin.get(COMMUNICATION))


def test_two_at_once_nothing_is_lost_and_both_values_are_shown(app, house, admin) -> None:
    mine, theirs = communication(admin), communication(admin)
    admin.follow(
        admin.post(COMMUNICATION, **theirs | {"sender_name": "Theirs", "invitation_days": "9"})
    )
    answer = admin.post(COMMUNICATION, **mine | {"sender_name": "Mine", "phone": "202 555 0143"})
    assert answer.status_code == 409
    assert "Somebody else changed these settings meanwhile" in text(answer)
    assert "Invitation life in days 9 Sender name Theirs" in text(answer)
    assert field(answer, "sender_name") == "Mine"
    assert field(answer, "phone") == "202 555 0143"
    assert field(answer, "invitation_days") == "9", "what was not touched is as it is now"
    assert practice().sender_name == "Theirs"
    again = {name: field(answer, name) for name in mine}
    admin.follow(admin.post(COMMUNICATION, **again))
    assert (practice().sender_name, practice().invitation_days) == ("Mine", 9)


def test_a_form_that_does_not_say_what_it_saw_saves_nothing(admin) -> None:
    for was in ("", "[]", "{", '{"held": {"x": 1}}', '{"held": [], "shown": []}'):
        typed = communication(admin) | {"sender_name": "Blind", "was": was}
        assert admin.post(COMMUNICATION, **typed).status_code == 409
    assert practice().sender_name is None
    for was in (
        '{"held": {"pictures": 5, "sharing": 5}}',
        '{"held": {"pictures": {}, "sharing": [1]}, "shown": 3}',
    ):
        assert admin.post(DOCTOR, was=was, logo=file(picture())).status_code == 409
