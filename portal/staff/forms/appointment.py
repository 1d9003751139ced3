"""The appointment window's fields (4.1)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)

from portal.practices.models import Provider
from portal.schedule import rules
from portal.schedule.models import AppointmentStatus, ListEntry, Office
from portal.schedule.slip import KEEP, Slip
from portal.staff.forms.fields import RememberedField
from portal.staff.ids import ID_LENGTH, public_id_in
from portal.staff.schedule_place import read_day

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""
LONGEST_REASON, LONGEST_NOTES = 300, 5000
TICKS = ("video_visit", "walk_in", "transition_of_care", "referral")
COLOURS = {
    "#2f6f9f": _l("Blue"),
    "#1f7a6d": _l("Teal"),
    "#5b7f2b": _l("Green"),
    "#b08900": _l("Yellow"),
    "#c2571a": _l("Orange"),
    "#a8324a": _l("Red"),
    "#7a4fa3": _l("Purple"),
    "#6b7280": _l("Gray"),
}
_SHOWN = (
    *TICKS, "provider", "supervising_provider", "office", "reason", "profile", "eligibility", "day", "at",
    "minutes", "exam_room", "notes", "colour", "consents", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lists:
    """What the fields choose from."""

    offices: list[Office]
    providers: list[Provider]
    profiles: list[ListEntry]
    eligibilities: list[ListEntry]
    consents: list[ListEntry]
    statuses: list[AppointmentStatus]


class AppointmentForm(FlaskForm):  # type: ignore[misc]
    """Every field of the window. :meth:`slip` is what was chosen."""

    video_visit = BooleanField(_l("Video visit"))
    walk_in = BooleanField(_l("Walk-in"))
    transition_of_care = BooleanField(_l("Transition of care"))
    referral = BooleanField(_l("Referral"))
    provider = SelectField(_l("Provider"), default="")
    supervising_provider = SelectField(_l("Supervising provider"), default="")
    office = SelectField(_l("Office"))
    reason = StringField(_l("Reason"))
    profile = SelectField(_l("Profile"), default="")
    eligibility = SelectField(_l("Eligibility profile"), default="")
    day = StringField(_l("Date"))
    at = StringField(_l("Time"))
    minutes = StringField(_l("Duration"))
    exam_room = SelectField(_l("Exam room"), default="")
    notes = TextAreaField(_l("Notes"))
    colour = SelectField(_l("Color"), default="")
    consents = SelectMultipleField(_l("Consent forms"))
    status = SelectField(_l("Status"))
    repeat_weeks = SelectField(_l("Repeat"), default="")
    repeat_times = StringField(_l("How many appointments"))
    key = HiddenField()
    version = HiddenField()
    was = RememberedField()

    def __init__(self, lists: Lists, **more: Any) -> None:
        super().__init__(**more)
        self.lists = lists
        self._day: date | None = None
        self._wall: time | None = None
        self._minutes: int | None = None
        self._repeat: rules.Repeat | None = None
        self._choose()
        if not self.was.data:
            self.was.data = json.dumps({name: self[name].data for name in _SHOWN})

    def validate(self, extra_validators: Any = None) -> bool:
        """Every field by itself, and what fields must agree upon."""
        right: bool = super().validate(extra_validators)
        self._day, self._wall = read_day(self.day.data or ""), rules.parse_time(self.at.data or "")
        if self._day is None:
            right = self.refuse("day", _("Enter a date, such as 2026-11-23."))
        if self._wall is None:
            right = self.refuse("at", _("Enter a time, such as 9:00 a.m. or 13:30."))
        for name, longest in (("reason", LONGEST_REASON), ("notes", LONGEST_NOTES)):
            if len(self[name].data or "") > longest:
                right = self.refuse(name, _("This is too long. Shorten it."))
        right = self._read_minutes() and self._read_repeat() and right
        if self.exam_room.data and self._room_office() != self.office.data:
            right = self.refuse("exam_room", _("This room is in another office."))
        return right

    def refuse(self, name: str, sentence: str) -> bool:
        """Say beside a field what is wrong; returns False."""
        field = self[name]
        field.errors = [*field.errors, sentence]
        return False

    @property
    def repeat(self) -> rules.Repeat | None:
        """The series that is wanted; after :meth:`validate`."""
        return self._repeat

    @property
    def new_id(self) -> str | None:
        """What a new appointment is to be called, so that a form which is sent twice makes one."""
        key = public_id_in(self.key.data)
        return key if len(key) == ID_LENGTH else None

    @property
    def seen_version(self) -> int:
        """The version that the window was opened with; 0 for none that was."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0

    def slip(self, *, status_id: int | None = None, keep_status: bool = False) -> Slip:
        """What was chosen; after :meth:`validate`.

        Args:
            status_id: a status that a button chose.
            keep_status: whatever the field says.
        """
        if self._day is None or self._wall is None:
            raise ValueError("the form was not validated")
        held = self.lists
        status = status_id or _number(held.statuses, self.status.data)
        return Slip(
            office_id=_number(held.offices, self.office.data) or 0,
            day=self._day,
            wall=self._wall,
            minutes=self._minutes,
            provider_id=_number(held.providers, self.provider.data),
            supervising_provider_id=_number(held.providers, self.supervising_provider.data),
            exam_room_id=_number(
                [room for o in held.offices for room in o.rooms], self.exam_room.data
            ),
            profile_id=_number(held.profiles, self.profile.data),
            eligibility_id=_number(held.eligibilities, self.eligibility.data),
            status_id=KEEP if keep_status or status is None else status,
            reason=(self.reason.data or "").strip(),
            notes=(self.notes.data or "").replace("\r\n", "\n").strip(),
            colour=self.colour.data or None,
            consents=frozenset(
                number for c in self.consents.data or () if (number := _number(held.consents, c))
            ),
            **{name: bool(self[name].data) for name in TICKS},
        )

    def take_over(self, current: AppointmentForm) -> None:
        """Show what is on file now in every field that was left as it was; what was typed stays."""
        was = self.was.held
        for name in set(was) & set(_SHOWN):
            if self[name].data == was[name]:
                self[name].data = current[name].data
        self.version.data, self.was.data = current.version.data, current.was.data

    def _choose(self) -> None:
        held, none = self.lists, ("", _("None"))
        providers = [none, *((p.public_id, p.name) for p in held.providers)]
        self.provider.choices = self.supervising_provider.choices = providers
        self.office.choices = [(o.public_id, o.name) for o in held.offices]
        self.profile.choices = [none, *((e.public_id, _with_minutes(e)) for e in held.profiles)]
        self.eligibility.choices = [none, *((e.public_id, e.name) for e in held.eligibilities)]
        self.exam_room.choices = _rooms(held.offices, none)
        self.colour.choices = [none, *((code, str(word)) for code, word in COLOURS.items())]
        if self.colour.data and self.colour.data not in COLOURS and self.colour.object_data:
            self.colour.choices.append((self.colour.object_data, self.colour.object_data))
        self.consents.choices = [(e.public_id, e.name) for e in held.consents]
        self.status.choices = [(s.public_id, s.name) for s in held.statuses]
        self.repeat_weeks.choices = [
            ("", _("Does not repeat")),
            ("1", _("Every week")),
            ("2", _("Every 2 weeks")),
            ("4", _("Every 4 weeks")),
        ]

    def _read_minutes(self) -> bool:
        text = (self.minutes.data or "").strip()
        self._minutes = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
        if not text or (self._minutes and rules.SHORTEST <= self._minutes <= rules.LONGEST):
            return True
        return self.refuse("minutes", _("Enter minutes, from 1 to 1440."))

    def _read_repeat(self) -> bool:
        self._repeat = None
        if not self.repeat_weeks.data:
            return True
        text = (self.repeat_times.data or "").strip()
        times = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        if not rules.FEWEST_TIMES <= times <= rules.MOST_TIMES:
            return self.refuse("repeat_times", _("Enter a number from 2 to 52."))
        self._repeat = rules.Repeat(int(self.repeat_weeks.data), times)
        return True

    def _room_office(self) -> str:
        for office in self.lists.offices:
            if any(room.public_id == self.exam_room.data for room in office.rooms):
                return office.public_id
        return ""


def _rooms(offices: list[Office], none: tuple[str, str]) -> Any:
    """Under the names of their offices, where there are several."""
    rooms = {o.name: [(r.public_id, r.name) for r in o.rooms if not r.closed_at] for o in offices}
    if len(rooms) == 1:
        return [none, *next(iter(rooms.values()))]
    return {"": [none], **rooms}


def _with_minutes(profile: ListEntry) -> str:
    if profile.minutes is None:
        return profile.name
    return _("%(name)s (%(num)s min)", name=profile.name, num=profile.minutes)


def _number(rows: Iterable[Any], public_id: str | None) -> int | None:
    for row in rows:
        if row.public_id == public_id:
            number: int = row.id
            return number
    return None
