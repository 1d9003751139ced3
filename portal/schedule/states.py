"""The words of the schedule that tables, rules and pages share."""

from __future__ import annotations

from enum import StrEnum


class AppointmentState(StrEnum):
    """What a status of the practice's own list means to the program."""

    SCHEDULED = "scheduled"
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    IN_ROOM = "in_room"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class ListKind(StrEnum):
    """The practice's lists that an appointment chooses from."""

    PROFILE = "profile"
    """What kind of visit it is; brings a duration and a color."""
    ELIGIBILITY = "eligibility"
    CONSENT = "consent"
    """Forms the patient signs; those that are ``preset`` are ticked on a new appointment."""


class RequestKind(StrEnum):
    """What a patient asks for."""

    NEW = "new"
    CHANGE = "change"


class RequestOutcome(StrEnum):
    """How a request ended."""

    DONE = "done"
    """Staff did what was asked."""
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    """The patient took it back."""


class NoticeKind(StrEnum):
    """What is sent by itself because of an appointment (4.3)."""

    CONFIRMATION = "confirmation"
    REMINDER = "reminder"
    FIRST_VISIT = "first_visit"
    """The invitation after a new patient's first appointment was completed."""


class NoticeState(StrEnum):
    """What became of it."""

    PLANNED = "planned"
    SENT = "sent"
    SKIPPED = "skipped"
    """Its time came and something stood in the way: the reason says what."""
    CANCELLED = "cancelled"
    """The appointment was moved or cancelled before."""
