"""Adding a patient, and Edit Information (product 2.4, 2.5, 3.7)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.people import service as people
from portal.people.models import Patient
from tests.factories import make_house, make_invitation, make_patient
from tests.integration.staff.clerk import Clerk, audited, field, markup, text

NEW = {
    "given_name": "Sam",
    "family_name": "Lee",
    "birth_date": "2/11/1980",
    "ssn": "536-90-4399",
    "email": "sam@example.org",
    "phones-0-kind": "home",
    "phones-0-number": "(202) 555-0143 ext. 12",
    "phones-1-kind": "work",
    "phones-1-number": "617 555 0100",
    "street": "12 Elm Street",
    "city": "Boston",
    "region": "MA",
    "postal_code": "02110",
    "country": "US",
    "language": "es",
    "record_number": "77",
}


def only() -> Patient:
    db.session.rollback()
    return db.session.scalars(select(Patient)).one()


def numbers(patient: Patient) -> list[tuple[str, str, str | None]]:
    return [(phone.kind, phone.e164, phone.extension) for phone in patient.phones]


def test_a_new_chart_holds_what_was_typed(clerk, house) -> None:
    page = clerk.follow(clerk.post("/staff/patients/new", **NEW, provider=house.provider.public_id))
    assert "Added Sam L." in text(page)
    patient = only()
    assert patient.birth_date == date(1980, 2, 11)
    assert people.ssn_of(patient) == "536904399"
    assert numbers(patient) == [("home", "+12025550143", "12"), ("work", "+16175550100", None)]
    assert patient.provider_id == house.provider.id
    assert (patient.language, patient.record_number) == ("es", "77")


def test_a_name_suffices_and_a_record_number_is_made(clerk) -> None:
    clerk.follow(clerk.post("/staff/patients/new", family_name="Lee"))
    assert only().record_number == only().public_id


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"given_name": "", "family_name": ""}, "Enter a first or a last name."),
        ({"ssn": "123"}, "Enter all nine digits of the social security number"),
        ({"ssn": "000-12-3456"}, "No social security number looks like this."),
        ({"phones-0-number": "555"}, "This phone number has too few or too many digits"),
        ({"phones-1-number": "call her"}, "Enter one phone number in digits"),
        ({"email": "sam"}, "Enter an email address such as name@example.com."),
        ({"birth_date": "11/22/2026"}, "The date of birth is in the future."),
        ({"birth_date": "1980"}, "The date of birth needs its month and day too"),
        ({"end_date": "soon"}, "Enter the end date as month, day and four-digit year"),
        ({"deceased_on": "11/22/2026", "deceased": "y"}, "The date of death is in the future."),
        ({"deceased_on": "1/2/2026"}, "Tick “The patient has died” as well"),
        ({"city": "B" * 121}, "This is too long. Shorten it."),
    ],
)
def test_every_refusal_is_a_sentence_and_nothing_typed_is_lost(clerk, typed, sentence) -> None:
    answer = clerk.post("/staff/patients/new", **(NEW | typed))
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert markup(answer).split("<title>")[1].startswith("Error: ")
    assert field(answer, "street") == "12 Elm Street"
    assert field(answer, "phones-0-number") == (NEW | typed)["phones-0-number"]
    assert db.session.scalar(select(Patient)) is None


def test_a_typed_ssn_is_never_put_back_into_a_page(clerk) -> None:
    answer = clerk.post("/staff/patients/new", **(NEW | {"email": "sam"}))
    assert "4399" not in markup(answer)
    assert "Please type the number again" in text(answer)


def test_a_record_number_belongs_to_one_patient(clerk, house, jenny) -> None:
    answer = clerk.post("/staff/patients/new", **(NEW | {"record_number": jenny.record_number}))
    assert answer.status_code == 422
    assert "Another patient has this record number." in text(answer)
    other = make_house("Other Clinic")
    make_patient(other, record_number="77")
    assert clerk.post("/staff/patients/new", **NEW).status_code == 303


def typed_from(page) -> dict[str, Any]:
    """What the edit form would send back unchanged."""
    names = ["given_name", "middle_name", "family_name", "preferred_name", "birth_date", "ssn", "email",
             "phones-0-number", "phones-1-number", "street", "city", "region", "postal_code", "country",
             "record_number", "end_date", "deceased_on", "seen", "was"]  # fmt: skip
    return {name: field(page, name) for name in names} | {"phones-0-kind": "mobile"}


@pytest.fixture
def edit(jenny) -> str:
    return f"/staff/patients/{jenny.public_id}/edit"


@pytest.fixture
def typed(clerk, edit, house) -> dict[str, Any]:
    return typed_from(clerk.get(edit)) | {"provider": house.provider.public_id}


def test_the_form_shows_what_is_on_file_but_no_ssn(clerk, edit, typed) -> None:
    assert typed["birth_date"] == "2/11/1980"
    assert typed["phones-0-number"] == "(443) 555-0155"
    page = clerk.get(edit)
    assert field(page, "ssn") == ""
    assert "On file: XXX-XX-4399." in text(page)
    assert "536904399" not in markup(page)


def test_saving_without_a_change_changes_nothing(clerk, edit, typed, jenny) -> None:
    page = clerk.follow(clerk.post(edit, **typed))
    assert "Nothing was changed in the chart of Jenny H." in text(page)
    assert audited("patient.edited") == []


def test_only_what_was_changed_is_written(clerk, edit, typed) -> None:
    page = clerk.follow(clerk.post(edit, **(typed | {"city": "Salem", "end_date": "12/24/2027"})))
    assert "Saved the chart of Jenny H." in text(page)
    assert audited("patient.edited")[0].data == {"fields": ["city", "end_date"]}
    assert only().end_date == date(2027, 12, 24)


def test_phones_are_added_changed_and_removed(clerk, edit, typed) -> None:
    clerk.post(edit, **(typed | {"phones-1-kind": "work", "phones-1-number": "617-555-0100"}))
    assert numbers(only()) == [("mobile", "+14435550155", None), ("work", "+16175550100", None)]
    page = typed_from(clerk.get(edit)) | {"phones-0-number": "", "phones-1-kind": "home"}
    clerk.post(edit, **page)
    assert numbers(only()) == [("home", "+16175550100", None)]


def test_an_ssn_is_replaced_or_erased_only_when_asked(clerk, edit, typed) -> None:
    clerk.post(edit, **(typed | {"city": "Salem"}))
    assert people.ssn_of(only()) == "536904399"
    clerk.post(edit, **(typed | {"ssn": "219-09-1234", "seen": field(clerk.get(edit), "seen")}))
    assert people.ssn_of(only()) == "219091234"
    both = typed | {"ssn": "219-09-1234", "erase_ssn": "y", "seen": field(clerk.get(edit), "seen")}
    assert clerk.post(edit, **both).status_code == 422
    clerk.post(edit, **(typed | {"erase_ssn": "y", "seen": field(clerk.get(edit), "seen")}))
    assert people.ssn_of(only()) is None


def test_a_changed_email_asks_how_the_request_was_verified(clerk, edit, typed, jenny) -> None:
    changed = typed | {"email": "jen.new@example.org", "city": "Salem"}
    answer = clerk.post(edit, **changed)
    assert answer.status_code == 422
    words = text(answer)
    assert "How was the request verified?" in words
    assert "Both addresses are told of the change." in words
    assert "Say how you made sure that the patient wants this change." in words
    assert (field(answer, "email"), field(answer, "city")) == ("jen.new@example.org", "Salem")
    assert only().email == "jenny@example.com"
    assert clerk.post(edit, **changed, verified_how="by telepathy").status_code == 422

    assert clerk.post(edit, **changed, verified_how="in_person").status_code == 303
    assert (only().email, only().city) == ("jen.new@example.org", "Salem")
    assert audited("patient.email_changed")[0].data["verified_how"] == "in_person"


def test_a_changed_email_voids_the_invitation_and_tells_both(clerk, house, jenny, edit) -> None:
    invitation = make_invitation(house, jenny)
    page = typed_from(clerk.get(edit)) | {"email": "jen.new@example.org"}
    clerk.post(edit, **page, verified_how="by_phone")
    db.session.rollback()
    assert db.session.get_one(Invitation, invitation.id).state == "voided"
    told = db.session.scalars(
        select(OutboxMessage.address).where(OutboxMessage.purpose != "invitation")
    )
    assert set(told) == {"jenny@example.com", "jen.new@example.org"}
    access = clerk.access(jenny)
    assert "Email changed, so the invitation is void" in text(access)


def test_a_first_email_needs_no_verification(clerk, house) -> None:
    patient = make_patient(house, email=None)
    url = f"/staff/patients/{patient.public_id}/edit"
    page = typed_from(clerk.get(url)) | {"email": "first@example.org"}
    assert clerk.post(url, **page).status_code == 303


def test_a_chart_that_changed_meanwhile_is_not_overwritten(
    app, clerk, house, edit, typed, moment
) -> None:
    moment.pass_(seconds=5)
    other = Clerk(app, house.administrator)
    other.post(edit, **(typed | {"city": "Boston", "phones-0-number": "617-555-0100"}))
    answer = clerk.post(edit, **(typed | {"city": "Salem", "street": "1 Main Street"}))
    assert answer.status_code == 409
    words = text(answer)
    assert "Somebody else changed this chart meanwhile" in words
    assert "City Boston" in words
    assert "Phone number (617) 555-0100 (Mobile)" in words
    assert (field(answer, "city"), field(answer, "street")) == ("Salem", "1 Main Street")
    assert (only().city, only().street) == ("Boston", "")
    assert field(answer, "phones-0-number") == "(617) 555-0100"
    again = typed_from(answer) | {"provider": house.provider.public_id}
    assert clerk.post(edit, **again).status_code == 303
    assert (only().city, only().street) == ("Salem", "1 Main Street")
    assert numbers(only()) == [("mobile", "+16175550100", None)]


def test_a_form_without_its_mark_saves_nothing(clerk, edit, typed) -> None:
    assert clerk.post(edit, **(typed | {"seen": "yesterday", "city": "Salem"})).status_code == 409
    assert only().city == ""
