"""Codes -> words of the portal settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext

from portal.pictures.rules import Problem

_l: Any = lazy_gettext
LABELS: dict[str, Any] = {
    "profile": _l("Profile Picture"),
    "logo": _l("Practice Business Logo"),
    "sharing": _l("Share patients"),
    "confirmation_mails": _l("Confirm each appointment by email"),
    "invite_in_confirmations": _l("Invite to the portal in confirmations"),
    "reminder_mails": _l("Remind of each appointment by email"),
    "appointment_reminder_hours": _l("Hours before the appointment"),
    "invite_in_reminders": _l("Invite to the portal in reminders"),
    "invite_after_first_visit": _l("Invite new patients after their first appointment"),
    "quiet_from": _l("Quiet from"),
    "quiet_until": _l("Quiet until"),
    "portal_appointments": _l("Patients see their appointments on the portal"),
    "invitation_days": _l("Invitation life in days"),
    "reminder_days": _l("Reminder, days before it expires"),
    "sender_name": _l("Sender name"),
    "no_reply_email": _l("No-reply address"),
    "reply_to_email": _l("Reply-to address"),
    "phone": _l("Phone number"),
    "mail_colour": _l("Color of emails"),
}
"""By the name of the field, which is also what the audit trail calls it."""

_PICTURES: dict[Problem, Any] = {
    Problem.EMPTY: _l("This file is empty. Choose another one."),
    Problem.TOO_LARGE: _l("This file is larger than 2 MB. Make it smaller, or choose another one."),
    Problem.NO_PICTURE: _l("This is no PNG, JPEG or WebP picture. Save it as one of these first."),
    Problem.TOO_MANY_PIXELS: _l(
        "This picture has more than 25 million pixels. Make it smaller first."
    ),
    Problem.DAMAGED: _l("This picture cannot be read: the file is damaged. Choose another one."),
}


def picture_refusal(problem: Problem) -> str:
    """Why a file is not taken."""
    return str(_PICTURES[problem])


def saved(fields: Sequence[str]) -> str:
    """What was saved, by the names of the fields."""
    if not fields:
        return _("Nothing was changed.")
    return _("Saved: %(fields)s.", fields=", ".join(str(LABELS[name]) for name in fields))
