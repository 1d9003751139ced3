"""One entry of the practice's lists: a form for each kind, made of the same few fields."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, IntegerField, SelectField, StringField, ValidationError
from wtforms.validators import NumberRange, Optional

from portal.people import rules
from portal.people.rules import ValueRefused
from portal.people.wording import refusal_sentence
from portal.practices.rules import parse_colour
from portal.schedule.keeping import LONGEST, USUAL_LONGEST, Entry, Kind
from portal.schedule.states import AppointmentState
from portal.staff.presenters.list_words import MEANINGS

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""
FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.OFFICE: ("name", "time_zone"),
    Kind.ROOM: ("name",),
    Kind.PROFILE: ("name", "minutes", "colour", "preset"),
    Kind.ELIGIBILITY: ("name",),
    Kind.STATUS: ("name", "meaning"),
    Kind.CONSENT: ("name", "preset"),
}
"""What an entry of each kind has."""
_AREAS = (
    "Africa/",
    "America/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


class EntryForm(FlaskForm):  # type: ignore[misc]
    """All fields that an entry may have; :meth:`of` leaves those of its kind."""

    name = StringField(_l("Name"))
    time_zone = SelectField(_l("Time zone"))
    minutes = IntegerField(
        _l("Minutes"),
        [Optional(), NumberRange(1, 1440, message=_l("Enter minutes from 1 to 1440, or none."))],
    )
    colour = StringField(_l("Color"))
    preset = BooleanField(_l("Chosen on a new appointment"))
    meaning = SelectField(_l("What it means"))

    @classmethod
    def of(cls, kind: Kind, held: Entry | None, *, zone: str) -> EntryForm:
        """The form of one kind, filled with what is on file; a status keeps the meaning that it has."""
        form = cls(obj=held)
        form.kind = kind
        form.time_zone.choices = [(name, name) for name in sorted({zone, *_zones()})]
        form.meaning.choices = [(state.value, str(MEANINGS[state])) for state in AppointmentState]
        if held is None and not form.is_submitted():
            form.time_zone.data = zone
        wanted = FIELDS[kind] if held is None else [f for f in FIELDS[kind] if f != "meaning"]
        for name in {"name", "time_zone", "minutes", "colour", "preset", "meaning"} - set(wanted):
            del form[name]
        return form

    @property
    def values(self) -> dict[str, Any]:
        """What was entered, after :meth:`validate`."""
        names = [name for name in FIELDS[self.kind] if name in self]
        return {name: self[name].data for name in names}

    def validate_name(self, field: StringField) -> None:
        """Something, no longer than its column."""
        longest = LONGEST.get(self.kind, USUAL_LONGEST)
        try:
            field.data = rules.clean_text(field.data or "", longest=longest)
        except ValueRefused as refused:
            raise ValidationError(str(refusal_sentence(refused.refusal))) from refused
        if not field.data:
            raise ValidationError(str(_l("Enter a name.")))

    def validate_colour(self, field: StringField) -> None:
        """None, or ``#rrggbb``."""
        text = (field.data or "").strip()
        if not text:
            field.data = None
            return
        field.data = parse_colour(text)
        if field.data is None:
            raise ValidationError(str(_l("Enter a color such as #1f4e79, or none.")))


def _zones() -> set[str]:
    return {name for name in available_timezones() if name.startswith(_AREAS)}
