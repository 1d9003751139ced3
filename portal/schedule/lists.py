"""Offices with their rooms, and the practice's lists that an appointment chooses from (4.1)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

from portal.audit import service as audit
from portal.audit.actor import Actor, system
from portal.errors import NotFound, Refused
from portal.extensions import db
from portal.practices.models import Practice
from portal.schedule.models import AppointmentStatus, ExamRoom, ListEntry, Office
from portal.schedule.states import AppointmentState, ListKind
from portal.transaction import atomic

LONGEST_NAME = 120
USUAL_MINUTES = 30
"""Of an appointment whose profile says nothing."""

_OFFICE = "Main office"
_ROOMS = ("Exam 1", "Exam 2", "Exam 3")
_STATUSES = (
    ("Scheduled", AppointmentState.SCHEDULED),
    ("Confirmed", AppointmentState.CONFIRMED),
    ("Arrived", AppointmentState.ARRIVED),
    ("In room", AppointmentState.IN_ROOM),
    ("Complete", AppointmentState.COMPLETED),
    ("No show", AppointmentState.NO_SHOW),
    ("Cancelled", AppointmentState.CANCELLED),
)
_PROFILES = (
    ("Office visit", USUAL_MINUTES),
    ("New patient", 45),
    ("Follow-up", 15),
    ("Evaluation", 20),
    ("Physical exam", 45),
    ("Telehealth visit", 20),
)
_ELIGIBILITY = ("Health benefit plan coverage", "Physician office visit")
"""As X12 names the service types 30 and 98."""
_CONSENTS = ("HIPAA Data Use Agreement", "No Show Policy", "Telehealth Consent")


def provide(practice_id: int, now: datetime) -> None:
    """Make the usual lists where a practice has none. Done twice, it does nothing more."""
    if _provided(practice_id):
        return
    with atomic():
        practice = db.session.get_one(
            Practice, practice_id, with_for_update={"key_share": True}, populate_existing=True
        )
        if _provided(practice_id):
            return
        # by way of a file a practice may have offices, and nothing else yet
        if not offices(practice_id):
            _add_office(practice_id, _OFFICE, practice.time_zone)
        db.session.add_all(_usual_lists(practice_id))
        db.session.flush()
        audit.record(
            "schedule.lists_made",
            practice_id=practice_id,
            by=system(),
            now=now,
            subject=("practice", practice_id),
        )


def provide_new(practice: Practice, by: Actor, now: datetime) -> None:
    """Hung onto the making of a practice."""
    provide(practice.id, now)


def offices(practice_id: int) -> list[Office]:
    """Those that are open, with their rooms, in the practice's order."""
    return list(
        db.session.scalars(
            select(Office)
            .where(Office.practice_id == practice_id, Office.closed_at.is_(None))
            .order_by(Office.position, Office.name)
            .options(selectinload(Office.rooms))
        )
    )


def statuses(practice_id: int) -> list[AppointmentStatus]:
    """Those that may be chosen, in the practice's order."""
    return list(
        db.session.scalars(
            select(AppointmentStatus)
            .where(
                AppointmentStatus.practice_id == practice_id, AppointmentStatus.closed_at.is_(None)
            )
            .order_by(AppointmentStatus.position, AppointmentStatus.id)
        )
    )


def status_for(practice_id: int, meaning: AppointmentState) -> AppointmentStatus:
    """The practice's first status of a meaning.

    Raises:
        NotFound: the practice has none.
    """
    for status in statuses(practice_id):
        if status.meaning == meaning:
            return status
    raise NotFound("status")


def entries(practice_id: int, kind: ListKind) -> list[ListEntry]:
    """One of the practice's lists, as far as it may be chosen from, in its order."""
    return list(
        db.session.scalars(
            select(ListEntry)
            .where(
                ListEntry.practice_id == practice_id,
                ListEntry.kind == kind.value,
                ListEntry.closed_at.is_(None),
            )
            .order_by(ListEntry.position, ListEntry.id)
        )
    )


def office_named(practice_id: int, name: str, time_zone: str) -> Office:
    """The office of that name, made where there is none, in the caller's transaction.

    Args:
        time_zone: of a new one; one that stands keeps its own.

    Raises:
        Refused: ``time_zone_unknown``.
    """
    name = " ".join(name.split())[:LONGEST_NAME]
    office = db.session.scalar(
        select(Office).where(Office.practice_id == practice_id, Office.name == name)
    )
    return office or _add_office(practice_id, name, time_zone)


def _add_office(practice_id: int, name: str, time_zone: str) -> Office:
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused("time_zone_unknown") from error
    number = db.session.scalar(select(func.count()).where(Office.practice_id == practice_id)) or 0
    office = Office(practice_id=practice_id, name=name, time_zone=time_zone, position=number)
    office.rooms = [ExamRoom(name=room, position=n) for n, room in enumerate(_ROOMS)]
    db.session.add(office)
    db.session.flush()
    return office


def _usual_lists(practice_id: int) -> list[AppointmentStatus | ListEntry]:
    made: list[AppointmentStatus | ListEntry] = [
        AppointmentStatus(
            practice_id=practice_id, name=name, meaning=meaning.value, position=position
        )
        for position, (name, meaning) in enumerate(_STATUSES)
    ]
    made += [
        ListEntry(
            practice_id=practice_id,
            kind=ListKind.PROFILE.value,
            name=name,
            minutes=minutes,
            preset=position == 0,
            position=position,
        )
        for position, (name, minutes) in enumerate(_PROFILES)
    ]
    for kind, names in ((ListKind.ELIGIBILITY, _ELIGIBILITY), (ListKind.CONSENT, _CONSENTS)):
        made += [
            ListEntry(
                practice_id=practice_id,
                kind=kind.value,
                name=name,
                preset=kind is ListKind.CONSENT,
                position=position,
            )
            for position, name in enumerate(names)
        ]
    return made


def _provided(practice_id: int) -> bool:
    return bool(
        db.session.scalar(
            select(AppointmentStatus.id)
            .where(AppointmentStatus.practice_id == practice_id)
            .limit(1)
        )
    )
