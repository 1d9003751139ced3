"""What the patients' pages show of practices, invitations and people, as words."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts.service import Held
from portal.invitations.models import Invitation
from portal.people import rules as people_rules
from portal.people.naming import hello_name
from portal.practices.models import Practice


@dataclass(frozen=True, slots=True)
class PracticeCard:
    """A practice and how to call it; empty texts where it has no phone on record."""

    name: str
    phone_display: str
    phone_link: str


@dataclass(frozen=True, slots=True)
class PersonCard:
    """One person of an account on the home page."""

    name: str
    practice: PracticeCard
    provider: str


def practice_card(practice: Practice) -> PracticeCard:
    """A practice with its phone in national format and as a link to dial (RFC 3966)."""
    if not practice.phone:
        return PracticeCard(practice.name, "", "")
    shown = people_rules.format_phone(practice.phone, practice.country)
    return PracticeCard(practice.name, shown, f"tel:{practice.phone}")


def greeting(invitation: Invitation) -> str:
    """All that is shown of the patient before the identity check (8.12): "Jenny H."."""
    return hello_name(invitation.patient)


def person_card(held: Held) -> PersonCard:
    """A person whose chart the account may read."""
    patient = held.patient
    return PersonCard(
        name=" ".join(part for part in (patient.given_name, patient.family_name) if part),
        practice=practice_card(patient.practice),
        provider=held.link.provider.name if held.link.provider else "",
    )


def practice_cards(practices: list[Practice]) -> list[PracticeCard]:
    """Each practice once, in the order given."""
    return list(dict.fromkeys(practice_card(practice) for practice in practices))
