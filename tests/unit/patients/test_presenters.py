"""What is shown of practices and patients before and after the second lock."""

from __future__ import annotations

import pytest

from portal.invitations.models import Invitation
from portal.patients import presenters
from portal.people.models import Patient
from portal.practices.models import Practice


@pytest.mark.parametrize(
    ("given", "family", "shown"),
    [
        ("Jenny", "Harris", "Jenny H."),
        ("Mary Ann", "de la Cruz", "Mary Ann D."),
        ("Åsa", "öberg", "Åsa Ö."),
        ("", "Harris", ""),
        ("Jenny", "", "Jenny"),
        ("", "", ""),
    ],
)
def test_first_name_and_initial_and_nothing_else(given, family, shown) -> None:
    patient = Patient(given_name=given, middle_name="Q", family_name=family, record_number="R1")
    assert presenters.greeting(Invitation(patient=patient)) == shown


def test_a_practice_s_phone_is_shown_nationally_and_dialled_internationally() -> None:
    card = presenters.practice_card(Practice(name="Clinic", phone="+16175550100", country="US"))
    assert (card.phone_display, card.phone_link) == ("(617) 555-0100", "tel:+16175550100")
    assert presenters.practice_card(Practice(name="Clinic", phone=None)).phone_link == ""


def test_a_practice_stands_once() -> None:
    clinic = Practice(name="Clinic", phone=None)
    assert len(presenters.practice_cards([clinic, clinic])) == 1
