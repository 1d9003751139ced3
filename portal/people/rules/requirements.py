"""What an e-mail invitation needs on file (2.1), as the list of 2.2 and the dialog of 2.3 show
it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Identifier(StrEnum):
    """What is asked for, in the order of the list."""

    EMAIL = "email"
    SSN = "ssn"
    BIRTH_DATE = "birth_date"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class IdentifiersOnFile:
    """What the chart holds of them. Of the SSN nothing but the last four leaves the vault."""

    email: str | None = None
    ssn_last_four: str | None = None
    birth_date: date | None = None
    phones: tuple[str, ...] = ()
    """E.164."""


@dataclass(frozen=True, slots=True)
class Requirements:
    """Which identifiers are on file, and whether they suffice."""

    held: frozenset[Identifier]

    @property
    def ticks(self) -> tuple[tuple[Identifier, bool], ...]:
        """Each identifier with a tick (True) or a cross, in the order of the list."""
        return tuple((identifier, identifier in self.held) for identifier in Identifier)

    @property
    def identity_met(self) -> bool:
        """SSN, or birth date and phone number: the second lock behind the link (8.4)."""
        return Identifier.SSN in self.held or self.held >= {
            Identifier.BIRTH_DATE,
            Identifier.PHONE,
        }

    @property
    def met(self) -> bool:
        """Whether an invitation by e-mail can be answered (2.1)."""
        return Identifier.EMAIL in self.held and self.identity_met

    @property
    def missing(self) -> tuple[Identifier, ...]:
        """What the dialog asks for: just the missing ones, none that would not be needed.

        Where both ways of the identity check lack something, all of that is listed; either way
        suffices.
        """
        needed = [Identifier.EMAIL]
        if not self.identity_met:
            needed += [Identifier.SSN, Identifier.BIRTH_DATE, Identifier.PHONE]
        return tuple(identifier for identifier in needed if identifier not in self.held)


def requirements(on_file: IdentifiersOnFile) -> Requirements:
    """The list of 2.2 for what is on file."""
    present = {
        Identifier.EMAIL: on_file.email,
        Identifier.SSN: on_file.ssn_last_four,
        Identifier.BIRTH_DATE: on_file.birth_date,
        Identifier.PHONE: on_file.phones,
    }
    return Requirements(frozenset(name for name, value in present.items() if value))
