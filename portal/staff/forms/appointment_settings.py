"""The tab Appointments of Portal settings: what goes out by itself, and when nothing does (4.3)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask_babel import gettext as _
from wtforms import BooleanField, ValidationError

from portal.practices.models import Practice
from portal.practices.rules import LONGEST_REMINDER, SHORTEST_REMINDER
from portal.practices.settings import Appointments
from portal.staff.forms.fields import ParsedField
from portal.staff.forms.settings import TabForm, whole_number
from portal.staff.settings_wording import LABELS

SWITCHES = (
    "confirmation_mails",
    "invite_in_confirmations",
    "reminder_mails",
    "invite_in_reminders",
    "invite_after_first_visit",
    "portal_appointments",
)


class AppointmentsForm(TabForm[Appointments]):
    """Six switches, the hours of a reminder, and quiet hours as the browser's clock field writes them (13:05)."""

    confirmation_mails = BooleanField(LABELS["confirmation_mails"])
    invite_in_confirmations = BooleanField(LABELS["invite_in_confirmations"])
    reminder_mails = BooleanField(LABELS["reminder_mails"])
    appointment_reminder_hours = ParsedField(LABELS["appointment_reminder_hours"])
    invite_in_reminders = BooleanField(LABELS["invite_in_reminders"])
    invite_after_first_visit = BooleanField(LABELS["invite_after_first_visit"])
    quiet_from = ParsedField(LABELS["quiet_from"])
    quiet_until = ParsedField(LABELS["quiet_until"])
    portal_appointments = BooleanField(LABELS["portal_appointments"])

    def __init__(self, practice: Practice, **more: Any) -> None:
        held = Appointments.of(practice)
        shown = asdict(held) | {
            "appointment_reminder_hours": str(held.appointment_reminder_hours),
            "quiet_from": clock_text(held.quiet_from),
            "quiet_until": clock_text(held.quiet_until),
        }
        super().__init__(held, shown, **more)
        self.appointment_reminder_hours.parse = whole_number(SHORTEST_REMINDER, LONGEST_REMINDER)
        self.quiet_from.parse = self.quiet_until.parse = _minute

    def validate(self, extra_validators: Any = None) -> bool:
        """Every field by its rule; none may be left empty."""
        right: bool = super().validate(extra_validators)
        for entry, sentence in (
            (self.appointment_reminder_hours, _("Enter a number of hours.")),
            (self.quiet_from, _("Enter a time of day.")),
            (self.quiet_until, _("Enter a time of day.")),
        ):
            if not entry.text:
                self.refuse(entry.name, sentence)
                right = False
        return right

    @property
    def wanted(self) -> Appointments:
        """The tab as it is to be; of a form that is valid."""
        held = asdict(self.held)
        typed = {
            name: self[name].value if self[name].changed else held[name]
            for name in ("appointment_reminder_hours", "quiet_from", "quiet_until")
        }
        return Appointments(**typed, **{name: bool(self[name].data) for name in SWITCHES})


def clock_text(minute: int) -> str:
    """Minutes after midnight as "21:00"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _minute(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    digits = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    if not (colon and digits and len(minutes) == 2 and int(hours) < 24 and int(minutes) < 60):
        raise ValidationError(_("Enter a time of day such as 21:00."))
    return int(hours) * 60 + int(minutes)
