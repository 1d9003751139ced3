"""Mails about a chart: what all of them share, and the two that a changed email address sends (3.7)."""

from __future__ import annotations

from datetime import datetime

from flask_babel import gettext as _

from portal.audit.actor import system
from portal.extensions import db
from portal.mail import registry, templates
from portal.mail.addresses import is_ours, no_reply, own_domain
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed, Inline
from portal.mail.templates import Draft, Paper, Sheet
from portal.people import bounces, rules
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.pictures import service as pictures
from portal.pictures.models import Picture, Purpose
from portal.pictures.rules import fit
from portal.practices.models import Practice
from portal.practices.rules import at_night

CHANGED_OLD = "email_changed_old"
CHANGED_NEW = "email_changed_new"
BOXES = {Purpose.LOGO: (240, 64), Purpose.PROFILE: (96, 96)}
"""The largest that a picture is shown in a mail: width and height in pixels."""


def sender_name(practice: Practice) -> str:
    """What mail calls its sender (6.3), in the current language."""
    return practice.sender_name or usual_sender_name(practice)


def usual_sender_name(practice: Practice) -> str:
    """As long as the practice has chosen none."""
    return _("%(practice)s via the patient portal", practice=practice.name)


def sender_address(practice: Practice) -> str:
    """The address that the practice's mail comes from.

    One of another domain, left from before the installation's own changed, is passed over.
    """
    own = practice.no_reply_email
    return own if own and is_ours(own) else no_reply()


def colours(practice: Practice) -> tuple[str, str]:
    """Of the practice's mails: by day, and where they are read in the dark."""
    own = practice.mail_colour
    return (own, at_night(own)) if own else (templates.COLOUR, templates.COLOUR_AT_NIGHT)


def sheet(practice: Practice) -> Sheet:
    """The practice's paper, in the current language."""
    phone = rules.format_phone(practice.phone, practice.country) if practice.phone else None
    shown, attached = _pictures(practice)
    paper = Paper(
        from_name=sender_name(practice),
        from_address=sender_address(practice),
        reply_to=practice.reply_to_email,
        colours=colours(practice),
        pictures=attached,
    )
    printed = {"practice_name": practice.name, "practice_phone": phone} | shown
    return Sheet(paper, tuple(printed.items()))


def write(name: str, practice: Practice, **values: str | None) -> Composed:
    """The mail ``name`` on the practice's paper, in the current language."""
    return Draft(name, sheet(practice), values).composed()


def _pictures(practice: Practice) -> tuple[dict[str, str | None], tuple[Inline, ...]]:
    """What the layout says of the pictures that the practice has, and the pictures."""
    shown: dict[str, str | None] = {}
    attached = []
    for purpose, picture in pictures.of_practice(practice.id).items():
        cid = f"{picture.public_id}@{own_domain()}"
        width, height = fit(picture.width, picture.height, within=BOXES[purpose])
        name = purpose.value
        shown[f"{name}_src"] = f"cid:{cid}"
        shown |= {f"{name}_width": str(width), f"{name}_height": str(height)}
        attached.append(_inline(picture, cid))
    return shown, tuple(attached)


def _inline(picture: Picture, cid: str) -> Inline:
    return Inline(cid, picture.media_type, pictures.data_of(picture))


@registry.composer(CHANGED_OLD)
@registry.composer(CHANGED_NEW)
def compose_change(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """To the old or the new address, without content."""
    patient = db.session.get(Patient, message.subject_id)
    if patient is None:
        return None
    return write(message.purpose, patient.practice, hello_name=hello_name(patient))


@registry.on_return(CHANGED_OLD)
@registry.on_return(CHANGED_NEW)
def record_return(*, message: OutboxMessage, reading: Reading, now: datetime) -> None:
    """The new address does not work; that of the old one is no news."""
    patient = db.session.get(
        Patient, message.subject_id, with_for_update={"of": Patient}, populate_existing=True
    )
    if patient is not None and reading.meaning is Meaning.HARD and reading.reason:
        bounces.record(
            patient,
            address_key=message.address_key,
            reason=reading.reason.value,
            by=system("Mail"),
            now=now,
        )
