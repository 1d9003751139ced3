"""What is chosen of an appointment, and the rows behind it: all of them must be the practice's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Any

from portal.errors import NotFound
from portal.extensions import db
from portal.practices.models import Provider
from portal.schedule import lists, rules
from portal.schedule.models import AppointmentStatus, ExamRoom, ListEntry, Office
from portal.schedule.states import AppointmentState, ListKind

KEEP = -1
"""Of :attr:`Slip.status_id`: the status stays what it is."""
PLAIN = (
    "office_id",
    "provider_id",
    "supervising_provider_id",
    "exam_room_id",
    "profile_id",
    "eligibility_id",
    "reason",
    "notes",
    "colour",
    "video_visit",
    "walk_in",
    "transition_of_care",
    "referral",
)
"""What of it stands in the appointment as it stands here."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What is chosen of an appointment (4.1). Ids are numbers of rows; all of them must be the practice's."""

    office_id: int
    day: date
    wall: time
    """By the office's clock."""
    minutes: int | None = None
    """None: as long as the profile says."""
    provider_id: int | None = None
    supervising_provider_id: int | None = None
    exam_room_id: int | None = None
    profile_id: int | None = None
    eligibility_id: int | None = None
    status_id: int = KEEP
    """A new appointment that keeps its status is scheduled."""
    reason: str = ""
    notes: str = ""
    colour: str | None = None
    video_visit: bool = False
    walk_in: bool = False
    transition_of_care: bool = False
    referral: bool = False
    consents: frozenset[int] | None = None
    """None: those that are ticked by default, of one that stands those it has."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a save did."""

    fields: tuple[str, ...] = ()
    """``starts_at`` among them: it was moved."""
    state: AppointmentState | None = None
    """The new state, where it changed."""

    @property
    def moved(self) -> bool:
        """Whether its start changed."""
        return "starts_at" in self.fields

    def __bool__(self) -> bool:
        return bool(self.fields or self.state)


@dataclass(frozen=True, slots=True)
class Parts:
    """The rows that a slip names, all of one practice."""

    office: Office
    minutes: int
    scheduled: AppointmentStatus
    status: AppointmentStatus | None
    consents: frozenset[int]


def parts_of(practice_id: int, slip: Slip) -> Parts:
    """The rows that a slip names.

    Raises:
        NotFound: one of them is not the practice's, or not what it is named as.
    """
    office = _owned(Office, slip.office_id, practice_id)
    for provider_id in (slip.provider_id, slip.supervising_provider_id):
        if provider_id is not None:
            _owned(Provider, provider_id, practice_id)
    if slip.exam_room_id is not None:
        room = db.session.get(ExamRoom, slip.exam_room_id)
        if room is None or room.office_id != office.id:
            raise NotFound("exam room")
    if slip.eligibility_id is not None:
        _entry(slip.eligibility_id, ListKind.ELIGIBILITY, practice_id)
    profile = None
    if slip.profile_id is not None:
        profile = _entry(slip.profile_id, ListKind.PROFILE, practice_id)
    for form_id in slip.consents or ():
        _entry(form_id, ListKind.CONSENT, practice_id)
    return Parts(
        office=office,
        minutes=rules.minutes_of(
            slip.minutes, profile=profile.minutes if profile else None, usual=lists.USUAL_MINUTES
        ),
        scheduled=lists.status_for(practice_id, AppointmentState.SCHEDULED),
        status=(
            None
            if slip.status_id == KEEP
            else _owned(AppointmentStatus, slip.status_id, practice_id)
        ),
        consents=slip.consents or frozenset(),
    )


def _owned(model: Any, number: int, practice_id: int) -> Any:
    row = db.session.get(model, number)
    if row is None or row.practice_id != practice_id:
        raise NotFound(model.__tablename__)
    return row


def _entry(number: int, kind: ListKind, practice_id: int) -> ListEntry:
    entry: ListEntry = _owned(ListEntry, number, practice_id)
    if entry.kind != kind:
        raise NotFound("list entry")
    return entry
