"""The mail that a click would send, word for word but for its link, which is made when the mail is (3.6)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

from flask_babel import force_locale

from portal import clock
from portal.invitations import mail as invitation_mail
from portal.invitations.rules import last_day
from portal.mail.registry import Composed
from portal.people.models import Patient
from portal.people.naming import hello_name

INVITATION = "invitation"
"""The one template there is: the preset of the installation."""
TEMPLATES = frozenset({INVITATION})
_NO_LINK = "…"

HTML_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)
"""A mail's styles are inline by nature. It gets an address of its own, where nothing else is allowed: no script, no
request, and no link leads anywhere."""


@dataclass(frozen=True, slots=True)
class MailPreview:
    """One mail before it is sent."""

    address: str
    language: str
    mail: Composed


def language_of(patient: Patient) -> str:
    """In which the patient is written to."""
    return patient.language or patient.practice.default_language


def invitation(patient: Patient, *, now: datetime) -> MailPreview:
    """The invitation that staff would send this patient now."""
    practice, language = patient.practice, language_of(patient)
    until = last_day(clock.local_date(now, practice.time_zone), practice.invitation_days)
    with force_locale(language):
        written = invitation_mail.letter(
            practice,
            hello_name=hello_name(patient),
            link=invitation_mail.link_of(_NO_LINK),
            last_day=until,
            unsubscribe_link=None,
        )
    return MailPreview(patient.email or "", language, written)


def html_of(mail: Composed) -> str:
    """The HTML part as a mail reader shows it: its pictures in it. Links would open elsewhere, where nothing may."""
    html = mail.html.replace("<head>", '<head><base target="_blank">', 1)
    for picture in mail.pictures:
        data = b64encode(picture.data).decode()
        html = html.replace(f"cid:{picture.cid}", f"data:{picture.media_type};base64,{data}")
    return html
