"""Practices, their staff and providers; how staff log on."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from portal import passwords
from portal.addresses import email_key
from portal.audit import service as audit
from portal.audit.actor import Actor, ActorKind
from portal.errors import NotFound, Refused
from portal.extensions import db
from portal.hooks import Hook
from portal.limits import service as limits
from portal.logons import service as logons
from portal.logons.side import Side
from portal.practices.models import NoticeAcknowledgement, Practice, Provider, Role, StaffMember
from portal.transaction import atomic

SCOPE = "staff"
NOTICE_VERSION = 1
"""The confidentiality notice (5.7); a new wording asks everybody anew."""
_NOTICE_READ = select(NoticeAcknowledgement.version).where(
    NoticeAcknowledgement.staff_member_id == bindparam("staff"),
    NoticeAcknowledgement.version == bindparam("version"),
)

founded: Hook[[Practice, Actor, datetime]] = Hook()
"""Called when a practice is made: the rooms above give it what it starts with."""


def actor(staff: StaffMember, *, client: str | None = None) -> Actor:
    """The staff member as the hand that acts."""
    return Actor(ActorKind.STAFF, staff.id, staff.name, client)


def add_practice(
    *,
    name: str,
    time_zone: str,
    phone: str | None,
    country: str,
    by: Actor,
    now: datetime,
    default_language: str = "en",
) -> Practice:
    """A new practice.

    Raises:
        Refused: ``name_taken`` or ``time_zone_unknown``.
    """
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Refused("time_zone_unknown") from error
    try:
        with atomic():
            practice = Practice(
                name=name,
                time_zone=time_zone,
                phone=phone,
                country=country,
                default_language=default_language,
                created_at=now,
            )
            db.session.add(practice)
            db.session.flush()
            audit.record(
                "practice.created",
                practice_id=practice.id,
                by=by,
                now=now,
                subject=("practice", practice.id),
                time_zone=time_zone,
            )
            founded(practice, by, now)
    except IntegrityError as error:
        raise Refused("name_taken") from error
    return practice


def add_staff(
    *,
    practice: Practice,
    email: str,
    name: str,
    role: Role,
    password: str,
    by: Actor,
    now: datetime,
) -> StaffMember:
    """A new staff member; a provider's record of care is added by :func:`add_provider`.

    Args:
        email: checked by :func:`portal.people.rules.parse_email` by the caller.

    Raises:
        Refused: ``email_taken``, or ``password_`` and the :class:`portal.passwords.PasswordProblem`.
    """
    trouble = passwords.problem(password, context=(name, email, practice.name))
    if trouble is not None:
        raise Refused(f"password_{trouble.value}")
    practice_id = practice.id
    hashed = passwords.hash_password(password)
    try:
        with atomic():
            staff = StaffMember(
                practice_id=practice_id,
                email=email,
                email_key=email_key(email),
                name=name,
                role=role.value,
                password_hash=hashed,
                created_at=now,
            )
            db.session.add(staff)
            db.session.flush()
            audit.record(
                "staff.added",
                practice_id=practice_id,
                by=by,
                now=now,
                subject=("staff", staff.id),
                staff=staff.public_id,
                role=role.value,
            )
    except IntegrityError as error:
        raise Refused("email_taken") from error
    return staff


def add_provider(
    *,
    practice: Practice,
    name: str,
    shares_patients: bool,
    staff: StaffMember | None,
    by: Actor,
    now: datetime,
) -> Provider:
    """A provider of care, perhaps tied to a staff member.

    Raises:
        Refused: ``name_taken``.
    """
    practice_id, staff_id = practice.id, staff.id if staff else None
    try:
        with atomic():
            provider = Provider(
                practice_id=practice_id,
                name=name,
                shares_patients=shares_patients,
                staff_member_id=staff_id,
            )
            db.session.add(provider)
            db.session.flush()
            audit.record(
                "provider.added",
                practice_id=practice_id,
                by=by,
                now=now,
                subject=("provider", provider.id),
                provider=provider.public_id,
                shares_patients=shares_patients,
            )
    except IntegrityError as error:
        raise Refused("name_taken") from error
    return provider


def get_practice(name: str) -> Practice:
    """By name.

    Raises:
        NotFound: no practice is called that.
    """
    practice = db.session.scalar(select(Practice).where(Practice.name == name))
    if practice is None:
        raise NotFound("practice")
    return practice


def get_staff_by_email(email: str, *, practice_id: int | None = None) -> StaffMember:
    """By e-mail address, perhaps within one practice only.

    Raises:
        NotFound: nobody works under this address.
    """
    staff = _find_staff(email)
    if staff is None or practice_id not in (None, staff.practice_id):
        raise NotFound("staff member")
    return staff


def provider_of(staff: StaffMember) -> Provider | None:
    """The provider that a staff member is."""
    return db.session.scalar(select(Provider).where(Provider.staff_member_id == staff.id))


def providers(*, practice_id: int) -> list[Provider]:
    """The practice's providers by name."""
    return list(
        db.session.scalars(
            select(Provider).where(Provider.practice_id == practice_id).order_by(Provider.name)
        )
    )


def log_on(*, email: str, password: str, client: str, now: datetime) -> str:
    """Start a staff member's log-on; returns the cookie's reference token.

    The same words and the same time for an unknown address and a wrong password.

    Raises:
        Refused: ``wrong`` or, after too many of those, ``wait`` (even with the right password).
    """
    staff = _find_staff(email)
    subject = email_key(email)
    number = staff.id if staff else None
    hashed = staff.password_hash if staff else None
    if limits.logon_blocked_until(scope=SCOPE, subject=subject, client=client, now=now):
        raise Refused("wait")
    right = passwords.matches(password, hashed)
    token = None
    with atomic():
        limits.lock_streaks(scope=SCOPE, subject=subject, client=client)
        blocked = limits.logon_blocked_until(scope=SCOPE, subject=subject, client=client, now=now)
        if right and not blocked and number is not None:
            limits.forget_logon_failures(scope=SCOPE, subject=subject)
            token = logons.start(side=Side.STAFF, subject_id=number, client=client, now=now)
            _tell(number, "logon.succeeded", client=client, now=now, side=SCOPE)
        elif not right:
            limits.count_logon_failure(scope=SCOPE, subject=subject, client=client, now=now)
            if number is not None:
                _tell(
                    number,
                    "logon.failed",
                    client=client,
                    now=now,
                    side=SCOPE,
                    reason="wrong_password",
                )
    if blocked:
        raise Refused("wait")
    if token is None:
        raise Refused("wrong")
    return token


def log_off(*, staff: StaffMember, token: str, by: Actor, now: datetime) -> None:
    """End one log-on of a staff member."""
    staff_id, practice_id = staff.id, staff.practice_id
    with atomic():
        logons.end(token, reason="log_out", now=now)
        audit.record(
            "logon.ended",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("staff", staff_id),
            side=SCOPE,
            reason="log_out",
        )


def has_acknowledged_notice(staff: StaffMember) -> bool:
    """Whether this person has acknowledged the notice that is in force (5.7)."""
    return (
        db.session.scalar(_NOTICE_READ, {"staff": staff.id, "version": NOTICE_VERSION}) is not None
    )


def acknowledge_notice(*, staff: StaffMember, by: Actor, now: datetime) -> None:
    """Record it, once."""
    staff_id, practice_id = staff.id, staff.practice_id
    with atomic():
        if db.session.get(NoticeAcknowledgement, (staff_id, NOTICE_VERSION)) is not None:
            return
        db.session.add(
            NoticeAcknowledgement(
                staff_member_id=staff_id, version=NOTICE_VERSION, acknowledged_at=now
            )
        )
        audit.record(
            "notice.acknowledged",
            practice_id=practice_id,
            by=by,
            now=now,
            subject=("staff", staff_id),
            version=NOTICE_VERSION,
        )


def _find_staff(email: str) -> StaffMember | None:
    return db.session.scalar(
        select(StaffMember).where(
            StaffMember.email_key == email_key(email), StaffMember.ended_at.is_(None)
        )
    )


def _tell(staff_id: int, event: str, *, client: str, now: datetime, **told: str) -> None:
    staff = db.session.get_one(StaffMember, staff_id)
    by = (
        actor(staff, client=client)
        if event == "logon.succeeded"
        else Actor(ActorKind.LINK, None, "Somebody at the log-on page", client)
    )
    audit.record(
        event, practice_id=staff.practice_id, by=by, now=now, subject=("staff", staff_id), **told
    )
