"""The practice's lists as their page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import url_for
from flask_babel import gettext as _

from portal.schedule import keeping
from portal.schedule.keeping import Entry, Kind
from portal.schedule.models import AppointmentStatus, ExamRoom, ListEntry, Office
from portal.schedule.states import AppointmentState
from portal.staff.presenters.list_words import LEADS, MEANINGS, NEW, TITLES

SHOWN = (Kind.OFFICE, Kind.PROFILE, Kind.ELIGIBILITY, Kind.STATUS, Kind.CONSENT)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry, and what can be done with it."""

    key: str
    name: str
    told: str
    """Its particulars."""
    colour: str
    closed: bool
    edit_url: str
    place_url: str
    close_url: str
    open_url: str
    up: int | None
    """The place that one step up is; None: it is the first."""
    down: int | None
    rooms: SectionView | None = None


@dataclass(frozen=True, slots=True)
class SectionView:
    """One list."""

    key: str
    title: str
    lead: str
    rows: list[EntryRow]
    new_url: str
    new: str


def sections(practice_id: int) -> list[SectionView]:
    """Every list of the practice."""
    rooms: dict[int, list[Entry]] = {}
    for room in keeping.every(practice_id, Kind.ROOM):
        if isinstance(room, ExamRoom):
            rooms.setdefault(room.office_id, []).append(room)
    return [_section(kind, keeping.every(practice_id, kind), rooms) for kind in SHOWN]


def _section(
    kind: Kind,
    entries: list[Entry],
    rooms: dict[int, list[Entry]],
    *,
    office: Office | None = None,
) -> SectionView:
    of_office: dict[str, Any] = {"office": office.public_id} if office else {}
    last = len(entries) - 1
    return SectionView(
        key=f"{kind.value}-{office.public_id}" if office else kind.value,
        title=str(TITLES[kind]),
        lead=str(LEADS.get(kind, "")),
        rows=[_row(kind, e, number, last=last, rooms=rooms) for number, e in enumerate(entries)],
        new_url=url_for("staff.settings_list_entry_new", kind=kind.value, **of_office),
        new=str(NEW[kind]),
    )


def _row(
    kind: Kind, entry: Entry, number: int, *, last: int, rooms: dict[int, list[Entry]]
) -> EntryRow:
    def url(endpoint: str) -> str:
        return url_for(endpoint, kind=kind.value, public_id=entry.public_id)

    inside = None
    if isinstance(entry, Office):
        inside = _section(Kind.ROOM, rooms.get(entry.id, []), {}, office=entry)
    return EntryRow(
        key=entry.public_id,
        name=entry.name,
        told=_told(entry),
        colour=entry.colour or "" if isinstance(entry, ListEntry) else "",
        closed=entry.closed_at is not None,
        edit_url=url("staff.settings_list_entry"),
        place_url=url("staff.settings_list_entry_place"),
        close_url=url("staff.settings_list_entry_close"),
        open_url=url("staff.settings_list_entry_open"),
        up=number - 1 if number else None,
        down=number + 1 if number < last else None,
        rooms=inside,
    )


def _told(entry: Entry) -> str:
    match entry:
        case Office():
            return entry.time_zone.replace("_", " ")
        case AppointmentStatus():
            return str(MEANINGS[AppointmentState(entry.meaning)])
        case ListEntry():
            told = []
            if entry.minutes:
                told.append(_("%(num)s minutes", num=entry.minutes))
            if entry.preset:
                told.append(_("chosen on a new appointment"))
            return ", ".join(told)
        case _:
            return ""
