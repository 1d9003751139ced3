"""An invitation before there is one: word for word but for its link, which is made when the mail is (3.6, 7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import force_locale

from portal import clock
from portal.invitations import mail as invitation_mail
from portal.invitations.rules import last_day
from portal.mail import unsubscribe
from portal.mail.registry import Composed
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.practices.models import Practice

_NO_LINK = "…"


@dataclass(frozen=True, slots=True)
class Specimen:
    """One mail before it is sent."""

    address: str
    language: str
    mail: Composed


def language_of(patient: Patient) -> str:
    """In which the patient is written to."""
    return patient.language or patient.practice.default_language


def specimen(patient: Patient, *, unasked: bool, now: datetime) -> Specimen:
    """The invitation that this patient would get now.

    Args:
        unasked: nobody sends it to this one patient by hand, so that it carries "No more invitations".
    """
    practice, language = patient.practice, language_of(patient)
    with force_locale(language):
        written = invitation_mail.letter(
            practice,
            hello_name=hello_name(patient),
            link=invitation_mail.link_of(_NO_LINK),
            last_day=until(practice, now),
            unsubscribe_link=unsubscribe.address(_NO_LINK) if unasked else None,
        )
    return Specimen(patient.email or "", language, written)


def until(practice: Practice, now: datetime) -> date:
    """The last day of a link that is made now."""
    return last_day(clock.local_date(now, practice.time_zone), practice.invitation_days)
