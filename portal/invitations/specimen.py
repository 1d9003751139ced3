"""An invitation before there is one: word for word but for its link, which is made when the mail is (3.6, 7.1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import force_locale

from portal.invitations import mail as invitation_mail
from portal.invitations.issuing import good_until
from portal.mail import unsubscribe
from portal.mail.registry import Composed
from portal.people.models import Patient
from portal.people.naming import hello_name

_NO_LINK = "…"


@dataclass(frozen=True, slots=True)
class Specimen:
    """One mail before it is sent."""

    address: str
    language: str
    mail: Composed


def specimen(patient: Patient, *, unasked: bool, now: datetime) -> Specimen:
    """The invitation that this patient would get now.

    Args:
        unasked: nobody sends it to this one patient by hand, so that it carries "No more invitations".
    """
    practice, language = patient.practice, patient.mail_language
    with force_locale(language):
        written = invitation_mail.letter(
            practice,
            hello_name=hello_name(patient),
            link=invitation_mail.link_of(_NO_LINK),
            last_day=good_until(practice, now=now),
            unsubscribe_link=unsubscribe.address(_NO_LINK) if unasked else None,
        )
    return Specimen(patient.email or "", language, written)
