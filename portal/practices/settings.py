"""Portal settings (6.1): each tab is saved as a whole, by whoever saw what it held."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import select

from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import NotFound, Refused, Stale
from portal.extensions import db
from portal.hooks import Hook
from portal.pictures import service as pictures
from portal.pictures.models import Purpose
from portal.pictures.rules import CleanPicture
from portal.practices.models import Practice, Provider
from portal.practices.rules import (
    LONGEST_LIFE,
    LONGEST_REMINDER,
    MINUTES_OF_A_DAY,
    SHORTEST_LIFE,
    SHORTEST_REMINDER,
    carries_white,
    is_one_line,
)
from portal.transaction import atomic

appointments_changed: Hook[[Practice, Actor, datetime]] = Hook()
"""When reminders go out has changed, in the commit of the change."""
MOVES_REMINDERS = frozenset({"appointment_reminder_hours", "quiet_from", "quiet_until"})


@dataclass(frozen=True, slots=True)
class Communication:
    """The tab Communication; None stands for what is usual."""

    invitation_days: int
    reminder_days: int
    """So many days before an invitation expires its patient is reminded; 0: never."""
    sender_name: str | None
    no_reply_email: str | None
    reply_to_email: str | None
    phone: str | None
    """E.164."""

    @classmethod
    def of(cls, practice: Practice) -> Self:
        """As it stands."""
        return cls(**{name: getattr(practice, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Appointments:
    """The tab Appointments: what goes out by itself (4.3), and when nothing does."""

    confirmation_mails: bool
    invite_in_confirmations: bool
    reminder_mails: bool
    appointment_reminder_hours: int
    invite_in_reminders: bool
    invite_after_first_visit: bool
    quiet_from: int
    """Minutes after local midnight; as ``quiet_until``: no quiet hours."""
    quiet_until: int
    portal_appointments: bool

    @classmethod
    def of(cls, practice: Practice) -> Self:
        """As it stands."""
        return cls(**{name: getattr(practice, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True, slots=True)
class Style:
    """The tab Style."""

    mail_colour: str | None
    """``#rrggbb``; None: :data:`portal.practices.rules.USUAL_COLOUR`."""

    @classmethod
    def of(cls, practice: Practice) -> Self:
        """As it stands."""
        return cls(mail_colour=practice.mail_colour)


@dataclass(frozen=True, slots=True)
class Doctor:
    """The tab Doctor."""

    pictures: Mapping[str, str | None]
    """What it is for (:class:`portal.pictures.models.Purpose`) -> the picture's public id."""
    sharing: Mapping[str, bool]
    """A provider's public id -> whether the provider shares patients (7.2)."""

    @classmethod
    def of(cls, practice: Practice) -> Self:
        """As it stands."""
        held = pictures.of_practice(practice.id)
        return cls(
            pictures={p.value: held[p].public_id if p in held else None for p in Purpose},
            sharing={p.public_id: p.shares_patients for p in _providers(practice.id).values()},
        )


def change_communication(
    *, practice_id: int, wanted: Communication, seen: Communication | None, by: Actor, now: datetime
) -> list[str]:
    """Save the tab; returns the names of what changed. Addresses are checked by the caller.

    Raises:
        Stale: the tab does not hold what was ``seen`` any more.
        Refused: ``invitation_days``, ``reminder_days`` or ``not_one_line``.
    """
    if not SHORTEST_LIFE <= wanted.invitation_days <= LONGEST_LIFE:
        raise Refused("invitation_days")
    if not 0 <= wanted.reminder_days < wanted.invitation_days:
        raise Refused("reminder_days")
    texts = (wanted.sender_name, wanted.no_reply_email, wanted.reply_to_email)
    if not all(is_one_line(text or "") for text in texts):
        raise Refused("not_one_line")
    return _change(practice_id, "communication", wanted, seen, by=by, now=now)


def change_appointments(
    *, practice_id: int, wanted: Appointments, seen: Appointments | None, by: Actor, now: datetime
) -> list[str]:
    """Save the tab; returns the names of what changed.

    Raises:
        Stale: the tab does not hold what was ``seen`` any more.
        Refused: ``appointment_reminder_hours`` or ``quiet_hours``.
    """
    if not SHORTEST_REMINDER <= wanted.appointment_reminder_hours <= LONGEST_REMINDER:
        raise Refused("appointment_reminder_hours")
    if not all(
        0 <= minute < MINUTES_OF_A_DAY for minute in (wanted.quiet_from, wanted.quiet_until)
    ):
        raise Refused("quiet_hours")
    with atomic():
        changed = _change(practice_id, "appointments", wanted, seen, by=by, now=now)
        if MOVES_REMINDERS & set(changed):
            appointments_changed(_locked(practice_id), by, now)
    return changed


def change_style(
    *, practice_id: int, wanted: Style, seen: Style | None, by: Actor, now: datetime
) -> list[str]:
    """Save the tab; returns the names of what changed.

    Raises:
        Stale: the tab does not hold what was ``seen`` any more.
        Refused: ``contrast``: white words on the colour could not be read.
    """
    if wanted.mail_colour is not None and not carries_white(wanted.mail_colour):
        raise Refused("contrast")
    return _change(practice_id, "style", wanted, seen, by=by, now=now)


def change_doctor(
    *,
    practice_id: int,
    new_pictures: Mapping[Purpose, CleanPicture | None],
    sharing: Mapping[str, bool],
    seen: Doctor | None,
    by: Actor,
    now: datetime,
) -> list[str]:
    """Save the tab; returns the names of what changed: ``profile``, ``logo``, ``sharing``.

    Args:
        new_pictures: None takes a picture away; what is not named stays.
        sharing: of each provider that is named; the others stay as they are.

    Raises:
        Stale: a picture or a named provider is not as it was ``seen``.
        NotFound: a provider is none of the practice's.
    """
    with atomic():
        practice = _locked(practice_id)
        providers = _providers(practice_id)
        if not set(sharing) <= set(providers):
            raise NotFound("provider")
        moved = {p for p, shares in sharing.items() if providers[p].shares_patients != shares}
        held = Doctor.of(practice)
        gone = {p for p, new in new_pictures.items() if new is None and held.pictures[p.value]}
        set_anew = {p: new for p, new in new_pictures.items() if new is not None}
        if not (moved or gone or set_anew):
            return []
        if seen is None or held.pictures != seen.pictures or _differs(held.sharing, seen.sharing):
            raise Stale
        for purpose in gone:
            pictures.remove(practice_id=practice_id, purpose=purpose, by=by, now=now)
        for purpose, new in set_anew.items():
            pictures.put(practice_id=practice_id, purpose=purpose, picture=new, by=by, now=now)
        for public_id in sorted(moved):
            _share(providers[public_id], sharing[public_id], by=by, now=now)
        named = [p.value for p in Purpose if p in gone or p in set_anew]
        return [*named, "sharing"] if moved else named


def _share(provider: Provider, shares: bool, *, by: Actor, now: datetime) -> None:
    provider.shares_patients = shares
    audit.record(
        "provider.sharing_changed",
        practice_id=provider.practice_id,
        by=by,
        now=now,
        subject=("provider", provider.id),
        provider=provider.public_id,
        shares_patients=shares,
    )


def _differs(now: Mapping[str, bool], seen: Mapping[str, bool]) -> bool:
    # a provider who came meanwhile is not on the page and is not changed by it
    return any(now.get(provider) != shares for provider, shares in seen.items())


def _change(
    practice_id: int,
    tab: str,
    wanted: Communication | Appointments | Style,
    seen: Communication | Appointments | Style | None,
    *,
    by: Actor,
    now: datetime,
) -> list[str]:
    with atomic():
        practice = _locked(practice_id)
        held: Mapping[str, Any] = asdict(type(wanted).of(practice))
        changed = [name for name, value in asdict(wanted).items() if held[name] != value]
        if not changed:  # somebody pressed twice, or both wanted the same
            return []
        if seen is None or asdict(seen) != held:
            raise Stale
        for name in changed:
            setattr(practice, name, getattr(wanted, name))
        audit.record(
            "practice.settings_changed",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("practice", practice_id),
            tab=tab,
            fields=changed,
        )
    return changed


def _locked(practice_id: int) -> Practice:
    """Nobody else saves settings of this practice until the commit; whoever only refers to it goes on."""
    return db.session.scalars(
        select(Practice)
        .where(Practice.id == practice_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()


def _providers(practice_id: int) -> dict[str, Provider]:
    query = select(Provider).where(Provider.practice_id == practice_id)
    return {p.public_id: p for p in db.session.scalars(query.order_by(Provider.id))}
