"""Portal accounts: who they are, which charts they may read, and logging on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from portal import passwords
from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.access.rules import Status
from portal.accounts.models import AccountPerson, PortalAccount
from portal.accounts.recovery_models import OneTimePassword
from portal.accounts.rules import clean_username, one_time_open
from portal.audit import service as audit
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused
from portal.extensions import db
from portal.limits import service as limits
from portal.logons import service as logons
from portal.logons.side import Side
from portal.people import rules as people_rules
from portal.people.models import Patient
from portal.transaction import atomic

SCOPE = "portal"
_HOLDER = (
    select(PortalAccount)
    .join(AccountPerson, AccountPerson.account_id == PortalAccount.id)
    .where(AccountPerson.patient_id == bindparam("patient"), AccountPerson.ended_at.is_(None))
)


@dataclass(frozen=True, slots=True)
class Held:
    """One person of an account, whose chart it may read at this moment."""

    link: AccountPerson
    patient: Patient


def actor(account: PortalAccount, *, client: str | None) -> Actor:
    """The account as the hand that acts."""
    return Actor(ActorKind.ACCOUNT, account.id, f"Portal account {account.username}", client)


def find_by_username(username: str) -> PortalAccount | None:
    """The account of this username; it is compared exactly, after trimming and lower-casing ASCII."""
    return db.session.scalar(
        select(PortalAccount).where(PortalAccount.username == clean_username(username))
    )


def find_for_logon(identifier: str) -> PortalAccount | None:
    """By username, or by e-mail when exactly one account has confirmed it (8.9)."""
    if "@" not in identifier:
        return find_by_username(identifier)
    found = db.session.scalars(
        select(PortalAccount)
        .where(
            PortalAccount.email_key == people_rules.email_key(identifier.strip()),
            PortalAccount.email_confirmed_at.is_not(None),
        )
        .limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def authenticate(*, identifier: str, password: str, client: str, now: datetime) -> PortalAccount:
    """The account, if the password is its own.

    The same words and the same time for an unknown name, a wrong password and an ambiguous e-mail.

    Raises:
        Refused: ``wrong`` or, after too many of those, ``wait`` (even with the right password).
    """
    account = find_for_logon(identifier)
    subject = account.public_id if account else clean_username(identifier)
    number = account.id if account else None
    hashed = account.password_hash if account else None
    if limits.logon_blocked_until(scope=SCOPE, subject=subject, client=client, now=now):
        raise Refused("wait")
    right = passwords.matches(password, hashed)
    with atomic():
        limits.lock_streaks(scope=SCOPE, subject=subject, client=client)
        blocked = limits.logon_blocked_until(scope=SCOPE, subject=subject, client=client, now=now)
        right = right and number is not None and _still_good(number, hashed, now=now)
        if right and not blocked:
            limits.forget_logon_failures(scope=SCOPE, subject=subject)
        elif not right:
            limits.count_logon_failure(scope=SCOPE, subject=subject, client=client, now=now)
            if number is not None:
                _tell_failed(number, client=client, now=now)
    if blocked:
        raise Refused("wait")
    if not right or number is None:
        raise Refused("wrong")
    return db.session.get_one(PortalAccount, number)


def log_on(*, account: PortalAccount, client: str, now: datetime) -> str:
    """Start a log-on for an authenticated account; returns the cookie's reference token.

    With a password from the desk it opens nothing yet: that is used up here, and has to be changed next.

    Raises:
        Refused: ``no_chart`` when no chart is open to the account (end-dated, deceased, disabled), ``wrong`` when
            the password from the desk was used at the same moment by somebody else.
    """
    account_id = account.id
    with atomic():
        account = db.session.get_one(PortalAccount, account_id)
        one_time = db.session.get(OneTimePassword, account_id)
        if one_time is not None:
            person = desk_person(account_id, one_time, now=now)
            held = [person] if person is not None else []
        else:
            held = people_of(account, now=now)
        if not held:
            raise Refused("no_chart")
        if one_time is None:
            access.record_logon([person.patient.id for person in held], now=now)
        elif not _use_once(one_time, now=now):
            raise Refused("wrong")
        _tell(account, held, "logon.succeeded", client=client, now=now, side=SCOPE)
        return logons.start(side=Side.PORTAL, subject_id=account_id, client=client, now=now)


def log_off(*, account: PortalAccount, token: str, client: str, now: datetime) -> None:
    """End one log-on of an account."""
    account_id = account.id
    with atomic():
        logons.end(token, reason="log_out", now=now)
        account = db.session.get_one(PortalAccount, account_id)
        held = people_of(account, now=now)
        _tell(account, held, "logon.ended", client=client, now=now, side=SCOPE, reason="log_out")


def people_of(account: PortalAccount, *, now: datetime) -> list[Held]:
    """Whose charts the account may read at this moment: decided from the database, every time it is asked."""
    rows = db.session.execute(
        select(AccountPerson, Patient, Grant)
        .join(Patient, Patient.id == AccountPerson.patient_id)
        .join(Grant, (Grant.patient_id == Patient.id) & Grant.ended_at.is_(None))
        .where(AccountPerson.account_id == account.id, AccountPerson.ended_at.is_(None))
        .order_by(AccountPerson.id)
    )
    return [
        Held(link, patient)
        for link, patient, grant in rows
        if access.open_to_portal(grant)
        and access.status_of(patient, grant, now=now) is not Status.NOT_ENABLED
    ]


def desk_person(account_id: int, one_time: OneTimePassword, *, now: datetime) -> Held | None:
    """Whose chart a password from the desk was handed over for, while that very grant and the link stand."""
    row = db.session.execute(
        select(AccountPerson, Patient, Grant)
        .join(Patient, Patient.id == AccountPerson.patient_id)
        .join(Grant, Grant.patient_id == Patient.id)
        .where(
            AccountPerson.account_id == account_id,
            AccountPerson.ended_at.is_(None),
            Grant.id == one_time.grant_id,
            Grant.ended_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        return None
    link, patient, grant = row
    ended = access.status_of(patient, grant, now=now) is Status.NOT_ENABLED
    return None if ended else Held(link, patient)


def _still_good(account_id: int, hashed: str | None, *, now: datetime) -> bool:
    """Whether the password that was compared is the account's still, and not one from the desk that is spent."""
    account = db.session.get_one(PortalAccount, account_id)
    one_time = db.session.get(OneTimePassword, account_id)
    if account.password_hash != hashed:
        return False
    return one_time is None or one_time_open(
        expires_at=one_time.expires_at, used_at=one_time.used_at, now=now
    )


def _use_once(one_time: OneTimePassword, *, now: datetime) -> bool:
    """Use the password from the desk up by one conditional UPDATE: True for exactly one caller."""
    done = db.session.execute(
        update(OneTimePassword)
        .where(
            OneTimePassword.account_id == one_time.account_id,
            OneTimePassword.handed_over_at == one_time.handed_over_at,
            OneTimePassword.used_at.is_(None),
            OneTimePassword.expires_at > now,
        )
        .values(used_at=now)
    )
    return getattr(done, "rowcount", 0) == 1


def holder_of(patient_id: int) -> PortalAccount | None:
    """The account that holds this patient's own chart."""
    return db.session.scalar(_HOLDER, {"patient": patient_id})


def end_logons_without_people(grant: Grant, _reason: EndReason, _by: Actor, now: datetime) -> None:
    """A grant ended: accounts that are left with nobody are logged off (7.4.2, product 10.1)."""
    account = holder_of(grant.patient_id)
    if account is not None and not people_of(account, now=now):
        logons.end_all(side=Side.PORTAL, subject_id=account.id, reason="access_ended", now=now)


def register() -> None:
    """Hang this room's callbacks onto the rooms below."""
    access.grant_ended.register(end_logons_without_people)


def _tell(
    account: PortalAccount, held: list[Held], event: str, *, client: str, now: datetime, **told: str
) -> None:
    for practice_id in sorted({person.patient.practice_id for person in held}):
        audit.record(
            event,
            practice_id=practice_id,
            by=actor(account, client=client),
            now=now,
            subject=("account", account.id),
            **told,
        )


def _tell_failed(account_id: int, *, client: str, now: datetime) -> None:
    account = db.session.get_one(PortalAccount, account_id)
    links = [person for person in account.people if person.ended_at is None]
    for practice_id in sorted({link.practice_id for link in links}):
        audit.record(
            "logon.failed",
            practice_id=practice_id,
            by=Actor(ActorKind.LINK, None, "Somebody at the log-on page", client),
            now=now,
            subject=("account", account_id),
            side=SCOPE,
            reason="wrong_password",
        )
