"""Make the demo: a practice with its staff and the sixty, and as many more patients as are wanted."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from portal import passwords
from portal.accounts import sign_up
from portal.audit import service as audit
from portal.demo import bulk, diary, founding, names, stories
from portal.demo.bulk import Place
from portal.demo.chronicle import Chronicle
from portal.demo.fates import Fate
from portal.demo.founding import FAMILY_PRACTICE, HAND, LAKESIDE_CLINIC, Founded
from portal.demo.people import NEXT_DOOR, SIXTY
from portal.demo.person import Person
from portal.demo.teller import Hand
from portal.errors import NotFound, Refused
from portal.practices import service as practices
from portal.roster import service as roster
from portal.settings import settings
from portal.transaction import atomic

PRACTICE = "Family Practice"
NEIGHBOUR = "Lakeside Clinic"
_PASSWORD_WORDS = 5


@dataclass(frozen=True, slots=True)
class LogIn:
    """Who can log on to look around."""

    name: str
    """The address or username to log on with."""
    who: str


@dataclass(frozen=True, slots=True)
class Made:
    """What there is now."""

    practice: str
    patients: int
    staff: tuple[LogIn, ...]
    patient: LogIn | None
    """A portal account; None where there are no patients."""
    fates: Counter[Fate]
    """What has become of those beyond the sixty."""


def new_password() -> str:
    """A good password that a person can type."""
    return "-".join(secrets.choice(names.WORDS) for _ in range(_PASSWORD_WORDS))


def make(
    *,
    password: str,
    now: datetime,
    practice_name: str = PRACTICE,
    patients: int | None = None,
    told: Callable[[int], object] | None = None,
) -> Made:
    """Make the practice; staff and patients all log on with this password.

    The practice and the sixty are one commit: interrupted, there is nothing. Patients beyond them come
    in chunks, each a commit of its own.

    Args:
        patients: how many in all, the sixty first; None for just the sixty.
        told: called with the number of patients beyond the sixty after each of those commits.

    Raises:
        Refused: ``production``, or ``practice_exists``.
    """
    if settings().production:
        raise Refused("production")
    if _exists(practice_name):
        raise Refused("practice_exists")
    people = SIXTY if patients is None else SIXTY[:patients]
    more = 0 if patients is None else patients - len(people)
    password_hash = passwords.hash_password(password)
    with atomic():
        home = _live(practice_name, people, password_hash, now=now)
        place = _place(home)
        made = Made(
            practice=practice_name,
            patients=len(people) + more,
            staff=tuple(
                LogIn(member.email, _who(member.name, member.role)) for member in home.staff
            ),
            patient=LogIn(f"jen.harris{home.scene.username_ending}", "Jenny Harris, patient")
            if people
            else None,
            fates=Counter(),
        )
        if not more:
            _tell_made(place, made, now=now)
    if more:
        made.fates.update(bulk.fill(place, count=more, now=now, told=told))
        with atomic():
            booked = diary.crowd(place.practice_id, place.time_zone, place.provider_ids, now=now)
            _tell_made(place, made, now=now)
        if booked:
            roster.analyze()
    return made


def _live(
    practice_name: str, people: tuple[Person, ...], password_hash: str, *, now: datetime
) -> Founded:
    """Found the practice and let everything happen there; next door, too, if the practice is whole."""
    chronicle = Chronicle(until=now)
    home = founding.found(
        practice_name, FAMILY_PRACTICE, chronicle=chronicle, password_hash=password_hash
    )
    stories.begin(home.scene, people)
    founded = [home]
    if practice_name == PRACTICE and len(people) == len(SIXTY) and not _exists(NEIGHBOUR):
        next_door = founding.found(
            NEIGHBOUR, LAKESIDE_CLINIC, chronicle=chronicle, password_hash=password_hash
        )
        stories.begin(next_door.scene, NEXT_DOOR)
        founded.append(next_door)
    chronicle.play(practice_ids=[each.scene.practice.id for each in founded])
    sign_up.forget_stale(now=now)
    for each in founded:
        scene = each.scene
        diary.live(
            scene.practice.id, scene.practice.time_zone, list(scene.providers.values()), now=now
        )
    return home


def _place(home: Founded) -> Place:
    practice = home.scene.practice
    return Place(
        practice_id=practice.id,
        time_zone=practice.time_zone,
        country=practice.country,
        language=practice.default_language,
        invitation_days=practice.invitation_days,
        provider_ids=tuple(home.scene.providers.values()),
        hands=tuple(Hand(member.name, member.id) for member in home.staff),
        password_hash=home.scene.password_hash,
    )


def _tell_made(place: Place, made: Made, *, now: datetime) -> None:
    audit.record(
        "demo.made",
        practice_id=place.practice_id,
        by=HAND,
        now=now,
        subject=("practice", place.practice_id),
        patients=made.patients,
    )


def _who(name: str, role: str) -> str:
    return f"{name}, {role.replace('_', ' ')}"


def _exists(practice_name: str) -> bool:
    try:
        practices.get_practice(practice_name)
    except NotFound:
        return False
    return True
