"""**Manually set patient's portal password**: administrators, an attestation, a card shown once (3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from portal.access import service as access
from portal.accounts.models import AccountPerson
from portal.accounts.service import holder_of
from portal.extensions import db
from portal.people.models import Patient
from portal.transaction import atomic
from portal.web.access_table import ACCESS, BEFORE_A_PASSWORD, Who
from tests.factories import make_house, make_patient
from tests.integration.patients.visitor import Visitor
from tests.integration.staff.clerk import Clerk, field, markup, row, text
from tests.resets import NEW, make_active

DESK = "bamo-teki-runa-sofe-lidu"


@pytest.fixture
def ada(app, house) -> Clerk:
    """The administrator."""
    return Clerk(app, house.administrator)


@pytest.fixture
def ann(house) -> Patient:
    """Whom mail does not reach."""
    return make_patient(house, given_name="Ann", family_name="Quimby", email=None)


def tab(patient: Patient, act: str = "") -> str:
    return f"/staff/patients/{patient.public_id}/edit/portal{'/' + act if act else ''}"


def save(clerk: Clerk, patient: Patient, *, htmx: bool = True, **fields: str):
    typed = {
        "username": "ann.q",
        "account": "",
        "manual": "y",
        "password": DESK,
        "identity_checked": "y",
    }
    given = {name: value for name, value in (typed | fields).items() if value is not None}
    return clerk.post(tab(patient), htmx=htmx, **given)


def test_administrators_see_it(ada, ann) -> None:
    page = ada.get(tab(ann))
    assert "Manually set patient's portal password" in text(page)
    assert "Suggest one" in text(page)
    assert "I have checked this person's identity" in text(page)


def test_the_card_is_shown_once_and_the_row_turns_orange(ada, ann) -> None:
    answer = save(ada, ann, back="")
    said = text(answer)
    for words in (
        "Portal access for Ann Q.",
        "Family Practice",
        "http://127.0.0.1:8000",
        "ann.q",
        DESK,
        "November 24, 2026, 12:00 p.m.",
        "Portal access was not enabled. It is now.",
    ):
        assert words in said, words
    assert "Quimby" not in markup(answer).split("<table>")[0]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["HX-Retarget"] == "#dialogs"
    assert "data-print" in markup(answer)
    assert f'id="row-{ann.public_id}"' in markup(answer)
    assert "Credentials handed over at the desk" in said
    for place in (tab(ann), "/staff/onboarding", f"/staff/patients/{ann.public_id}"):
        assert DESK not in markup(ada.get(place))
    with ada.client.session_transaction() as session:
        assert DESK not in repr(dict(session))


def test_without_javascript_the_card_is_a_page(ada, ann) -> None:
    answer = save(ada, ann, htmx=False)
    assert answer.status_code == 200
    assert "<!doctype" in markup(answer)
    assert DESK in text(answer)
    assert "Ann" not in re.search(r"<title>(.*?)</title>", markup(answer))[1]


def test_the_access_history_and_the_timeline_tell_who_did_it(ada, ann, moment) -> None:
    save(ada, ann)
    page = ada.access(ann)
    cells = row(page)
    assert cells[2].startswith("Credentials handed over at the desk by Ada Admin")
    assert "until November 24, 2026, 12:00 p.m." in cells[2]
    assert cells[3].endswith("Revoke invite")
    assert "Waiting for the patient’s first log-on" in text(page)
    moment.pass_(hours=73)
    page = Clerk(ada.client.application, _administrator(ada)).access(ann)
    assert "The password expired November 24, 2026, 12:00 p.m." in row(page)[2]


def _administrator(clerk: Clerk):
    from portal.practices.models import StaffMember

    return db.session.scalars(select(StaffMember).filter_by(role="administrator")).one()


def test_suggest_one_fills_the_field_and_saves_nothing(ada, ann) -> None:
    answer = ada.post(tab(ann, "suggest"), htmx=True, username="ann.q", account="", back="")
    suggested = field(answer, "password")
    assert re.fullmatch(r"([a-z]{4}-){4}[a-z]{4}", suggested)
    assert field(answer, "username") == "ann.q"
    assert "checked" in re.search(r'<input[^>]*name="manual"[^>]*>', markup(answer))[0]
    assert holder_of(ann.id) is None
    page = ada.post(tab(ann, "suggest"), username="ann.q", account="")
    assert "<!doctype" in markup(page), "without JavaScript the whole page comes back"
    assert save(ada, ann, password=suggested).status_code == 200


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"identity_checked": None}, "Check the person's identity first"),
        ({"password": ""}, "Enter a password of 15 characters or more, or suggest one."),
        ({"password": "too short"}, "This password is too short."),
        ({"password": "quimby quimby 12"}, "made of the person's name"),
        ({"username": ""}, "Use 3 to 64 letters"),
        ({"username": "a@b.example"}, "Use 3 to 64 letters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(ada, ann, fields, words: str) -> None:
    answer = save(ada, ann, **fields)
    assert answer.status_code == 422
    assert words in text(answer)
    assert DESK not in markup(answer), "a password that was typed is never sent back"
    assert holder_of(ann.id) is None


def test_a_taken_username(app, house, ada, ann) -> None:
    make_active(app, house, username="ann.q")
    answer = save(ada, ann)
    assert answer.status_code == 422
    assert "Not available" in text(answer)


def test_an_account_of_two_practices_is_left_alone(app, house, ada, moment) -> None:
    patient = make_active(app, house)
    other = make_patient(make_house("Other Clinic"))
    account = holder_of(patient.id).public_id
    with atomic():
        db.session.add(
            AccountPerson(
                account_id=holder_of(patient.id).id,
                patient_id=other.id,
                practice_id=other.practice_id,
                relationship_="self",
                linked_at=moment.now,
            )
        )
    assert "the account is used at another practice, too" in text(ada.get(tab(patient)))
    answer = save(ada, patient, account=account, username="jenny.h")
    assert answer.status_code == 409
    assert "Nothing was changed" in text(answer)
    answer = save(ada, patient, account=account, username="other.name", manual=None)
    assert answer.status_code == 409
    assert holder_of(patient.id).username == "jenny.h"


def test_others_may_not(app, house, clerk, ann) -> None:
    assert save(clerk, ann).status_code == 403
    assert save(Clerk(app, house.provider_member), ann).status_code == 403
    assert holder_of(ann.id) is None


def test_the_page_of_before_is_stale(app, ada, house) -> None:
    patient = make_active(app, house)
    answer = save(ada, patient)
    assert answer.status_code == 409
    assert "Nothing was done." in text(answer)


def test_the_notice_comes_first_and_carries_no_password(app, house, ann) -> None:
    from portal import clock
    from portal.practices import service as practices
    from portal.practices.models import Role
    from tests.factories import PASSWORD, SETUP

    nora = practices.add_staff(
        practice=house.practice,
        email="nora@example.com",
        name="Nora New",
        role=Role.ADMINISTRATOR,
        password=PASSWORD,
        by=SETUP,
        now=clock.now(),
    )
    clerk = Clerk(app, nora)
    answer = save(clerk, ann)
    assert "Before you invite" in text(answer)
    assert DESK not in markup(answer)
    again = save(clerk, ann, password=None, notice_read="1")
    assert again.status_code == 422
    assert "Enter a password" in text(again)


def patient_routes(app) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        if ACCESS[rule.endpoint] in {Who.PATIENT, Who.ANYBODY} and rule.endpoint.startswith(
            "patients."
        ):
            values = dict.fromkeys(rule.arguments, "unknown-handle-000000")
            with app.test_request_context():
                from flask import url_for

                path = url_for(rule.endpoint, **values)
            for method in sorted(rule.methods & {"GET", "POST"}):
                if rule.endpoint not in BEFORE_A_PASSWORD:
                    yield method, path


def test_before_the_password_is_changed_no_route_shows_anything_of_a_chart(app, ada, ann) -> None:
    save(ada, ann)
    routes = list(patient_routes(app))
    assert len(routes) > 15
    told = []
    for method, path in routes:
        visitor = Visitor(app)
        if holder_of(ann.id):
            save(ada, ann, account=holder_of(ann.id).public_id)
        assert visitor.log_on("ann.q", DESK).status_code == 303
        answer = visitor.client.open(path, method=method)
        page = answer.get_data(as_text=True)
        if "Ann" in page or "Quimby" in page or "1980" in page:
            told.append(f"{method} {path}")
        who = ACCESS[app.url_map.bind("").match(path, method=method)[0]]
        if who is Who.PATIENT:
            assert answer.headers.get("Location") == "/new-password", path
            partial = visitor.client.open(path, method=method, headers={"HX-Request": "true"})
            assert partial.headers.get("HX-Redirect") == "/new-password", path
            assert partial.data == b""
    assert told == []


def test_from_the_card_to_green(app, house, ada, ann) -> None:
    save(ada, ann)
    visitor = Visitor(app)
    page = visitor.follow(visitor.log_on("ann.q", DESK))
    assert "Choose a new password" in text(page)
    assert visitor.get("/home").headers["Location"] == "/new-password"
    same = visitor.post("/new-password", password=DESK)
    assert same.status_code == 422
    assert "Choose another one." in text(same)
    assert visitor.post("/new-password", password="short").status_code == 422
    page = visitor.follow(visitor.post("/new-password", password=NEW))
    assert "Your new password is saved." in text(page)
    assert "Ann Quimby" in text(page)
    assert visitor.get("/new-password").headers["Location"] == "/home"
    assert "Portal status: Active" in text(ada.access(ann))
    assert "Logged on with the password from the desk, and chose a new one" in text(ada.access(ann))
    other = Visitor(app)
    assert other.log_on("ann.q", DESK).status_code == 422
    assert other.log_on("ann.q", NEW).headers["Location"] == "/home"


def test_a_spent_password_gets_the_usual_words(app, ada, ann, moment) -> None:
    save(ada, ann)
    usual = text(Visitor(app).log_on("ann.q", "something else entirely"))
    Visitor(app).log_on("ann.q", DESK)
    assert text(Visitor(app).log_on("ann.q", DESK)) == usual
    save(ada, ann, account=holder_of(ann.id).public_id)
    moment.pass_(hours=72)
    assert text(Visitor(app).log_on("ann.q", DESK)) == usual


def test_logging_out_instead_uses_it_up(app, ada, ann) -> None:
    save(ada, ann)
    visitor = Visitor(app)
    visitor.log_on("ann.q", DESK)
    assert visitor.post("/logout").status_code == 303
    assert visitor.log_on("ann.q", DESK).status_code == 422


def test_revoked_in_the_middle(app, house, ada, ann, moment) -> None:
    from portal.access.models import EndReason

    save(ada, ann)
    visitor = Visitor(app)
    visitor.log_on("ann.q", DESK)
    grant = access.current_grant(ann.id)
    access.end(grant=grant, reason=EndReason.REVOKED, by=house.hand, now=moment.now)
    assert visitor.post("/new-password", password=NEW).headers["Location"].startswith("/login")


def test_an_invitation_can_follow_by_mail(app, house, ada) -> None:
    patient = make_patient(house, email="ann@example.com")
    save(ada, patient)
    page = ada.get("/staff/onboarding")
    assert "Send Invite to ann@example.com" in text(page)
    answer = ada.post(
        f"/staff/onboarding/{patient.public_id}/send", htmx=True, address="ann@example.com"
    )
    assert "Invited Jenny H." in text(answer)
