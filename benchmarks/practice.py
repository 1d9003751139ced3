"""One demo practice under measurement: who can be asked for, where the list ends, and a small one made comparable."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from sqlalchemy import Select, exists, func, select

from portal import clock
from portal.access import service as access
from portal.access.models import Grant
from portal.access.rules import Status
from portal.audit.actor import system
from portal.demo.service import PRACTICE
from portal.extensions import db
from portal.mail.rules import Reason
from portal.people.models import Patient, PatientPhone
from portal.practices import service as practices
from portal.practices.models import Provider
from portal.roster import service as roster
from portal.roster.models import RosterRow
from portal.roster.rules import STATUSES, Pill
from portal.transaction import atomic, touch_patient

HAND = system("Benchmark")
ENOUGH = roster.PAGE + 10
"""So many there are under each pill at least: a page is full, and begins elsewhere than the first."""
_FLAGS = {
    Pill.EXPIRED: RosterRow.expired,
    Pill.BOUNCED: RosterRow.bounced,
    Pill.MISSING: RosterRow.missing,
}


def practice_id() -> int:
    """The demo practice of the current application."""
    return practices.get_practice(PRACTICE).id


def top_up() -> None:
    """Let each pill hold enough patients, in a practice too small for it: a short page is no match for a full one."""
    held = roster.counts(practice_id=practice_id())
    for patient in islice(_untold(), max(0, ENOUGH - held[Pill.READY])):
        access.enable(patient=patient, by=HAND, now=clock.now())
    invited = _of(RosterRow.status == STATUSES.index(Status.INVITED), ~RosterRow.bounced)
    lacking = max(0, ENOUGH - held[Pill.BOUNCED])
    with atomic():
        for patient in db.session.scalars(invited.limit(lacking)):
            patient.email_bounced_at = clock.now()
            patient.email_bounce_reason = Reason.NO_SUCH_MAILBOX.value
            touch_patient(patient.id)
    held = roster.counts(practice_id=practice_id())
    short = [pill.value for pill in Pill if held[pill] < ENOUGH]
    if short:
        raise RuntimeError(f"too few patients are {', '.join(short)}")


def untold_ids(many: int) -> list[str]:
    """Public ids of patients who can be enabled and then are gray, drawn at random."""
    ids = [patient.public_id for patient in islice(_untold(), 4 * many)]
    return Random().sample(ids, min(many, len(ids)))


def near_the_end(pill: Pill = Pill.ALL, *, order: str = "name") -> str:
    """The public id after which the last page of a list begins."""
    return _nth(pill, order, roster.PAGE, falling=True)


def in_the_middle() -> str:
    """The public id of somebody in the middle of the list by name."""
    number = db.session.scalar(select(func.count()).where(RosterRow.practice_id == practice_id()))
    return _nth(Pill.ALL, "name", (number or 0) // 2, falling=False)


def provider() -> Provider:
    """One of the practice's, whose patients are a third or a quarter."""
    return practices.providers(practice_id=practice_id())[0]


def searches() -> dict[str, str]:
    """Each kind of thing that is typed, somebody's from the end of the practice; what to type."""
    someone = db.session.scalars(
        select(Patient)
        .where(Patient.practice_id == practice_id(), Patient.birth_date.is_not(None))
        .where(Patient.email.is_not(None), exists(_phones(Patient.id)))
        .order_by(Patient.id.desc())
        .limit(1)
    ).one()
    phone = db.session.scalars(_phones(someone.id)).first() or ""
    return {
        "a whole name": f"{someone.family_name} {someone.given_name}",
        "“harris jen”": "harris jen",
        "a family name": someone.family_name,
        "one letter": "s",
        "the letter most names begin with": "m",
        "two letters": "jo",
        "two words of one letter": "m s",
        "accents": "Núñez Sofía",
        "a birth date": f"{someone.birth_date:%m/%d/%Y}",
        "02/11/1980": "02/11/1980",
        "a phone number": phone.removeprefix("+1"),
        "4435550101": "4435550101",
        "a record number": someone.record_number,
        "an email address": someone.email or "",
        "the beginning of an email address": f"{someone.given_name.lower()[:3]}@",
        "nobody": "zyzzyva quux",
    }


def _untold() -> Iterator[Patient]:
    """Could be enabled, and would then be gray: no account of theirs was ever active."""
    logged_on = exists().where(Grant.patient_id == Patient.id, Grant.first_logon_at.is_not(None))
    query = _of(RosterRow.status == STATUSES.index(Status.NOT_ENABLED), ~RosterRow.missing)
    query = query.where(Patient.end_date.is_(None), ~Patient.deceased, ~logged_on)
    return iter(db.session.scalars(query.limit(5_000)).all())


def _of(*conditions: object) -> Select[tuple[Patient]]:
    query = select(Patient).join(RosterRow, RosterRow.patient_id == Patient.id)
    return query.where(RosterRow.practice_id == practice_id(), *conditions)  # type: ignore[arg-type]


def _phones(of: object) -> Select[tuple[str]]:
    return select(PatientPhone.e164).where(PatientPhone.patient_id == of)


def _nth(pill: Pill, order: str, number: int, *, falling: bool) -> str:
    columns = {
        "name": (RosterRow.sort_name, RosterRow.patient_id),
        "status": (RosterRow.status, RosterRow.sort_name, RosterRow.patient_id),
        "invited_on": (RosterRow.invited_at, RosterRow.patient_id),
    }[order]
    # the latest invitations come first: the end of that order is the beginning of its index
    falling = falling != (order == "invited_on")
    ids = select(RosterRow.patient_id).where(RosterRow.practice_id == practice_id())
    if pill in _FLAGS:
        ids = ids.where(_FLAGS[pill])
    elif pill is not Pill.ALL:
        ids = ids.where(RosterRow.status == STATUSES.index(Status(pill.value)))
    ids = ids.order_by(*(column.desc() if falling else column for column in columns))
    found = ids.offset(number).limit(1).scalar_subquery()
    public_id = db.session.scalar(select(Patient.public_id).where(Patient.id == found))
    if public_id is None:
        raise RuntimeError(f"nobody is so far in the list of {pill.value}")
    return public_id
