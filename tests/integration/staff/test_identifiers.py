"""The Missing Identifiers dialog (product 2.3, 2.4, 2.5)."""

from __future__ import annotations

from datetime import date

import pytest

from portal.extensions import db
from portal.people import service as people
from portal.people.models import Patient
from tests.factories import make_patient
from tests.integration.staff.clerk import audited, field, markup, status_region, text

LEAD = "This information is needed to allow your patient to securely access their records"


@pytest.fixture
def bare(house) -> Patient:
    """Michelle Harris, of whom nothing is known but her name."""
    return make_patient(
        house,
        given_name="Michelle",
        preferred_name="",
        email=None,
        ssn=None,
        birth_date=None,
        phones=None,
    )


def url_of(patient: Patient) -> str:
    return f"/staff/patients/{patient.public_id}/identifiers"


def on_file(patient: Patient):
    db.session.rollback()
    return people.identifiers(db.session.get_one(Patient, patient.id))


def test_it_asks_for_everything_that_is_missing(clerk, bare) -> None:
    answer = clerk.get(url_of(bare), htmx=True)
    words = text(answer)
    assert "Missing Identifiers for Michelle Harris" in words
    assert LEAD in words
    for label in ("Email", "Social security number", "or", "Date of birth", "Phone number"):
        assert label in words
    assert "Save Identifiers Close" in words
    assert "<dialog" in markup(answer)


def test_it_asks_for_nothing_else(clerk, house) -> None:
    answer = clerk.get(url_of(make_patient(house, email=None, ssn=None)), htmx=True)
    assert 'name="email"' in markup(answer)
    for name in ("ssn", "birth_date", "phone"):
        assert f'name="{name}"' not in markup(answer)


def test_without_javascript_it_is_a_page_of_its_own(clerk, bare) -> None:
    page = clerk.get(url_of(bare))
    assert LEAD in text(page)
    assert "Michelle" not in markup(page).split("</title>")[0]
    done = clerk.follow(clerk.post(url_of(bare), email="m@example.org", ssn="219-09-1234"))
    assert "Saved identifiers of Michelle H." in text(done)
    assert "Enable Patient Access" in text(done)


def test_the_list_ticks_itself(clerk, bare) -> None:
    answer = clerk.post(url_of(bare), htmx=True, email="m@example.org", birth_date="8/17/1997")
    assert status_region(answer) == "Saved identifiers of Michelle H."
    assert answer.headers["HX-Trigger"] == "close-dialog"
    assert answer.headers["HX-Retarget"] == "#portal-access"
    words = text(answer)
    assert "Email m@example.org On file" in words
    assert "Date of birth Aug 17, 1997 On file" in words
    assert "Phone number Not recorded Missing" in words
    assert "Add missing information" in words
    answer = clerk.post(url_of(bare), htmx=True, phone="(650) 555-5555")
    assert "Enable Patient Access" in text(answer)
    held = on_file(bare)
    assert (held.email, held.birth_date, held.phones) == (
        "m@example.org",
        date(1997, 8, 17),
        ("+16505555555",),
    )
    assert [event.data["fields"] for event in audited("patient.edited")] == [
        ["birth_date", "email"],
        ["phones"],
    ]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"email": "michelle"}, "Enter an email address such as name@example.com."),
        ({"ssn": "12"}, "Enter all nine digits"),
        ({"birth_date": "1/1/2030"}, "The date of birth is in the future."),
        ({"phone": "555"}, "This phone number has too few or too many digits"),
        ({"email": "none"}, "This says that there is no email address."),
        ({}, "Enter what is missing, or close this window."),
    ],
)
def test_a_value_that_cannot_be_one_is_refused_beside_the_field(
    clerk, bare, typed, sentence
) -> None:
    fields = {"phone": "(650) 555-5555"} | typed if typed else {}
    answer = clerk.post(url_of(bare), htmx=True, **fields)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert answer.headers["HX-Retarget"] == "#identifiers-form"
    assert "HX-Trigger" not in answer.headers
    if typed:
        assert field(answer, "phone") == fields["phone"]
    assert on_file(bare).phones == ()
    assert clerk.post(url_of(bare), **fields).status_code == 422


def test_a_typed_ssn_does_not_come_back(clerk, bare) -> None:
    answer = clerk.post(url_of(bare), htmx=True, ssn="219-09-1234", email="michelle")
    assert "219" not in markup(answer).replace("csrf", "")
    assert "Please type the number again" in text(answer)


def test_what_somebody_else_filled_in_meanwhile_is_not_overwritten(
    clerk, house, bare, moment
) -> None:
    people.edit(patient=bare, values={"email": "first@example.org"}, by=house.hand, now=moment.now)
    answer = clerk.post(url_of(bare), htmx=True, email="second@example.org", phone="650 555 5555")
    assert answer.status_code == 409
    assert "Nothing was done." in status_region(answer, "alert")
    assert "Email first@example.org On file" in text(answer)
    assert on_file(bare).email == "first@example.org"
    assert on_file(bare).phones == ()


def test_a_complete_chart_needs_nothing(clerk, jenny) -> None:
    answer = clerk.post(url_of(jenny), htmx=True, email="other@example.org")
    assert answer.status_code == 409
    assert on_file(jenny).email == "jenny@example.com"
    assert "Nothing is missing" in text(clerk.get(url_of(jenny)))
