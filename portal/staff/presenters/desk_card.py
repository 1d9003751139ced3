"""The card that an administrator prints and hands over (3.5). It exists in one answer, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts.desk import HandedOver
from portal.people.models import Patient
from portal.people.naming import short_name
from portal.settings import settings
from portal.web.filters import moment


@dataclass(frozen=True, slots=True)
class DeskCard:
    """What stands on it."""

    practice: str
    who: str
    address: str
    """Of the portal."""
    username: str
    password: str
    until: str
    enabled: bool
    """Whether portal access was given by it, which the page says beside the card."""


def desk_card(patient: Patient, handed: HandedOver, password: str) -> DeskCard:
    """The card for these credentials; ``password`` in clear, as it was typed."""
    return DeskCard(
        practice=patient.practice.name,
        who=short_name(patient),
        address=settings().public_base_url.rstrip("/"),
        username=handed.username,
        password=password,
        until=moment(handed.expires_at, patient.practice.time_zone),
        enabled=handed.enabled,
    )
