"""What is said of one person of the demo, and how it is read into a chart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from portal.demo import names
from portal.people import rules
from portal.people.service import PatientValues


class Story(StrEnum):
    """What has become of somebody's portal access; :mod:`portal.demo.stories` tells each."""

    UNTOLD = "untold"
    READY = "ready"
    INVITED = "invited"
    OPENED = "opened"
    TRIED = "tried"
    RESENT = "resent"
    MAIL_DELAYED = "mail_delayed"
    MAIL_DOUBTFUL = "mail_doubtful"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    FRESH_LINK = "fresh_link"
    EMAIL_CHANGED = "email_changed"
    MAIL_FAILED = "mail_failed"
    RESEND_FAILED = "resend_failed"
    LOCKED = "locked"
    NOT_ME = "not_me"
    REVOKED = "revoked"
    ACTIVE = "active"
    ACTIVE_AFTER_LOCK = "active_after_lock"
    DISABLED = "disabled"
    BACK = "back"
    BACK_UNSEEN = "back_unseen"
    LEFT = "left"
    LEAVING = "leaving"
    DIED = "died"
    DIED_ACTIVE = "died_active"
    OPTED_OUT = "opted_out"
    OPTED_OUT_ACTIVE = "opted_out_active"


OWN = ""
"""An e-mail address made of the person's own name."""


@dataclass(frozen=True, slots=True)
class Person:
    """One of the sixty; None means: not on file."""

    given: str
    family: str
    born: str | None
    phone: str | None
    ssn: str | None
    story: Story = Story.UNTOLD
    since: float = 0
    """Days before now when the story began."""
    middle: str = ""
    preferred: str = ""
    email: str | None = OWN
    second_phone: str | None = None
    home: int | None = None
    """People of one number live together."""
    provider: str | None = "Dr. Who"
    language: Literal["en", "es"] | None = "en"

    @property
    def address(self) -> str | None:
        """The e-mail address on file."""
        if self.email == OWN:
            return f"{names.slug(self.given)}.{names.slug(self.family)}@example.com"
        return self.email


def values_of(
    person: Person, *, number: int, providers: dict[str, int], today: date
) -> PatientValues:
    """The chart's values, read by the same rules as what staff type.

    Args:
        number: the person's place in the list, from 1; it makes the record number and the home.
        providers: name -> id.

    Raises:
        ValueRefused: the data above says something that nobody could type.
    """
    phones = [text for text in (person.phone, person.second_phone) if text]
    city, region, postal_code, _ = names.TOWNS[(person.home or number) % len(names.TOWNS)]
    street = names.STREETS[(person.home or number) * 7 % len(names.STREETS)]
    return {
        "record_number": f"FP-{1000 + number}",
        "given_name": person.given,
        "middle_name": person.middle,
        "family_name": person.family,
        "preferred_name": person.preferred,
        "birth_date": rules.parse_birth_date(person.born, today) if person.born else None,
        "email": rules.parse_email(person.address) if person.address else None,
        "phones": [
            {"kind": kind, "e164": rules.parse_phone(text).e164, "extension": None}
            for kind, text in zip(("mobile", "home"), phones, strict=False)
        ],
        "ssn": rules.parse_ssn(person.ssn) if person.ssn else None,
        "street": f"{(person.home or number) * 13 % 180 + 1} {street}",
        "city": city,
        "region": region,
        "postal_code": postal_code,
        "country": "US",
        "language": person.language,
        "provider_id": providers.get(person.provider or ""),
    }
