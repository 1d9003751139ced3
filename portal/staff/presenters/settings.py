"""Portal settings: the tabs, the counters, the pictures, and what patients will see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.access.counting import Reached
from portal.mail.addresses import no_reply, own_domain
from portal.outreach import notices
from portal.people.mail import colours, sender_address, sender_name, usual_sender_name
from portal.pictures.models import Picture, Purpose
from portal.pictures.rules import fit
from portal.practices.models import Practice
from portal.staff.forms.settings import DoctorForm, TabForm
from portal.staff.settings_wording import LABELS
from portal.web.filters import moment

TABS = (
    ("staff.settings_doctor", _l("Doctor")),
    ("staff.settings_appointments", _l("Appointments")),
    ("staff.settings_communication", _l("Communication")),
    ("staff.settings_style", _l("Style")),
    ("staff.settings_lists", _l("Lists")),
)
_BOX = (240, 120)
"""The largest that a picture is shown on the page, in pixels."""


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture that is there."""

    url: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True, slots=True)
class DoctorView:
    """What the Doctor tab shows beside its form."""

    counters: tuple[tuple[str, str], ...]
    pictures: Mapping[str, PictureView]


@dataclass(frozen=True, slots=True)
class Sample:
    """The colours of a mail, by day and by night."""

    day: str
    night: str


def tabs(here: str) -> list[tuple[str, str, bool]]:
    """Label, address, and whether it is the one that is open."""
    return [(str(label), url_for(endpoint), endpoint == here) for endpoint, label in TABS]


def doctor_view(total: int, reached: Reached, held: Mapping[Purpose, Picture]) -> DoctorView:
    """The three counters of 6.2, by its own words, and the pictures."""
    return DoctorView(
        counters=(
            (_("TOTAL PATIENTS"), f"{total:,}"),
            (_("Invited"), f"{reached.invited:,}"),
            (_("SIGNED UP"), f"{reached.signed_up:,}"),
        ),
        pictures={purpose.value: _picture(picture) for purpose, picture in held.items()},
    )


@dataclass(frozen=True, slots=True)
class MailHead:
    """The head of a mail as patients see it, and what it would be without any setting."""

    rows: tuple[tuple[str, str], ...]
    usual_name: str
    usual_address: str
    domain: str


def mail_head(practice: Practice) -> MailHead:
    """As the mails that go out now have it."""
    sender = sender_address(practice)
    return MailHead(
        rows=(
            (_("From"), f"{sender_name(practice)} <{sender}>"),
            (_("Replies go to"), practice.reply_to_email or sender),
        ),
        usual_name=usual_sender_name(practice),
        usual_address=no_reply(),
        domain=own_domain(),
    )


def waiting_reminders(practice: Practice) -> tuple[tuple[str, str], ...]:
    """What goes out next, as things stand."""
    number, following = notices.waiting(practice.id)
    zone = practice.time_zone
    first = moment(following, zone) or _("None is waiting")
    return (
        (_("Reminders that wait for their time"), f"{number:,}"),
        (
            _("The next one goes out"),
            first if practice.reminder_mails else _("None, while reminders are switched off"),
        ),
        (_("Time zone of the practice"), zone.replace("_", " ")),
    )


def sample(practice: Practice) -> Sample:
    """The colours in use."""
    return Sample(*colours(practice))


def changed_meanwhile(typed: TabForm[Any], current: TabForm[Any]) -> list[tuple[str, str]]:
    """(label, what is on file now) of every field that no longer holds what the typist was shown."""
    before, now = typed.shown_before, current.shown_before
    found = [
        (str(LABELS[name]), _shown(current, name))
        for name in now
        if name in LABELS and before.get(name) != now[name]
    ]
    seen = typed.seen
    if isinstance(current, DoctorForm) and seen is not None:
        pictures = current.held.pictures
        found += [
            (str(LABELS[name]), _("Another picture") if pictures[name] else _("No picture"))
            for name in pictures
            if seen.pictures.get(name) != pictures[name]
        ]
    return found


def _shown(form: TabForm[Any], name: str) -> str:
    if isinstance(form, DoctorForm):
        names = form.provider_names
        return ", ".join(names[provider] for provider in form.sharing.data or ()) or _("Nobody")
    held = form[name].data
    if isinstance(held, bool):
        return _("On") if held else _("Off")
    return held or _("None")


def _picture(picture: Picture) -> PictureView:
    width, height = fit(picture.width, picture.height, within=_BOX)
    return PictureView(
        url=url_for("staff.picture", public_id=picture.public_id),
        width=width,
        height=height,
        alt=str(LABELS[picture.purpose]),
    )
