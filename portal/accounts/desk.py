"""A password that staff set at the desk, for patients whom mail does not reach (3.5).

It works once, for 72 hours, and must be changed at the first log-on; nothing of a chart is shown before that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal import passwords
from portal.access import service as access
from portal.access.models import Grant
from portal.access.rules import Status
from portal.accounts import notices, reset_passwords, resets, timeline, usernames
from portal.accounts.models import AccountPerson, PortalAccount, Relationship
from portal.accounts.recovery_models import OneTimePassword
from portal.accounts.rules import DESK_PASSWORD_LIFE, DeskRefusal, ResetState, desk_refusal
from portal.accounts.service import actor, desk_person, holder_of, people_of
from portal.accounts.sign_up import username_problem
from portal.accounts.timeline import AccountLine
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.invitations import service as invitations
from portal.invitations.state import InvitationState
from portal.logons import service as logons
from portal.logons.side import Side
from portal.people.models import Patient
from portal.transaction import atomic


@dataclass(frozen=True, slots=True)
class Credentials:
    """What staff type, checked by the form; the password is hashed and forgotten."""

    username: str
    """As it is kept."""
    password: str
    account: str
    """Public id of the account that the page showed; empty where there was none."""
    identity_checked: bool
    """Whether staff attest that they checked the person's identity."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What came of it."""

    username: str
    expires_at: datetime
    enabled: bool
    """Whether portal access was given by it."""


def hand_over(
    *, patient: Patient, credentials: Credentials, by: Actor, now: datetime
) -> HandedOver:
    """Set the password; makes the account where there is none, and gives access where there is none, in one commit.

    Raises:
        Stale: the patient has another account than the page showed.
        Refused: ``not_attested``, ``end_dated``, ``deceased``, a :class:`DeskRefusal`, ``username_shape``,
            ``username_taken``, or ``password_`` and the :class:`portal.passwords.PasswordProblem`.
    """
    if not credentials.identity_checked:
        raise Refused("not_attested")
    known = (credentials.username, patient.given_name, patient.family_name, patient.practice.name)
    problem = passwords.problem(credentials.password, context=known)
    if problem is not None:
        raise Refused(f"password_{problem.value}")
    hashed = passwords.hash_password(credentials.password)
    try:
        with atomic():
            return _hand_over(patient.id, credentials, hashed, by=by, now=now)
    except IntegrityError as error:
        raise Refused("username_taken") from error


def refusal_for(patient: Patient) -> DeskRefusal | None:
    """Why staff may not set the password of the patient's account; None also where there is no account yet."""
    account = holder_of(patient.id)
    if account is None:
        return None
    links = [link for link in account.people if link.ended_at is None]
    return desk_refusal(
        second_factor=False,  # no account can have one yet
        other_practice=any(link.practice_id != patient.practice_id for link in links),
        other_person=any(
            link.practice_id == patient.practice_id and link.patient_id != patient.id
            for link in links
        ),
    )


def passwords_under(grant_ids: Iterable[int]) -> dict[int, OneTimePassword]:
    """The password from the desk that waits under each of these grants, where there is one."""
    numbers = list(grant_ids)
    if not numbers:
        return {}
    found = db.session.scalars(select(OneTimePassword).where(OneTimePassword.grant_id.in_(numbers)))
    return {row.grant_id: row for row in found}


def must_choose(account: PortalAccount) -> bool:
    """Whether the account's password is one from the desk, which opens nothing but the page that changes it."""
    return db.session.get(OneTimePassword, account.id) is not None


def choose_password(*, account: PortalAccount, password: str, client: str, now: datetime) -> str:
    """The holder's own password in place of the one from the desk; returns the token of a new log-on.

    From here on the patient is active, and the other ways in are void.

    Raises:
        Refused: ``same`` for the password from the desk again, ``no_chart`` when access ended meanwhile.
    """
    account_id = account.id
    if passwords.matches(password, account.password_hash):
        raise Refused("same")
    hashed = passwords.hash_password(password)
    with atomic():
        one_time = db.session.get(OneTimePassword, account_id)
        person = desk_person(account_id, one_time, now=now) if one_time else None
        if one_time is None or person is None or one_time.used_at is None:
            raise Refused("no_chart")
        patient = access.lock_patient(person.patient.id)
        grant = db.session.get_one(Grant, one_time.grant_id, populate_existing=True)
        account = db.session.get_one(PortalAccount, account_id, with_for_update=True)
        db.session.refresh(one_time)  # staff may have handed over another one meanwhile
        if grant.ended_at is not None or one_time.used_at is None:
            raise Refused("no_chart")
        by = actor(account, client=client)
        reset_passwords.change(
            account, hashed, how="first_logon", practice_id=patient.practice_id, by=by, now=now
        )
        _activate(account, patient, grant, by=by, now=now)
        notices.tell(notices.PASSWORD_CHANGED, patient, account, address=patient.email, now=now)
        return logons.start(side=Side.PORTAL, subject_id=account_id, client=client, now=now)


def _activate(
    account: PortalAccount, patient: Patient, grant: Grant, *, by: Actor, now: datetime
) -> None:
    if not access.open_to_portal(grant):
        access.record_activated(grant, now=now)
        db.session.flush()
    access.record_logon([held.patient.id for held in people_of(account, now=now)], now=now)
    for invitation in invitations.open_invitations(patient.id):
        invitations.move(invitation, InvitationState.VOIDED, by=by, now=now)
    timeline.add(grant.id, AccountLine.PASSWORD_CHOSEN, now=now)


def _hand_over(
    patient_id: int, credentials: Credentials, hashed: str, *, by: Actor, now: datetime
) -> HandedOver:
    patient = access.lock_patient(patient_id)
    account = _account(patient, credentials, hashed, by=by, now=now)
    before = access.current_grant(patient_id)
    grant = before or access.enable(patient=patient, by=by, now=now, require_new_invitation=True)
    if access.status_of(patient, grant, now=now) is Status.NOT_ENABLED:
        raise Refused("deceased" if patient.deceased else "end_dated")
    access.record_invited(grant, now=now)
    _end_other_ways(patient, account, by=by, now=now)
    expires_at = now + DESK_PASSWORD_LIFE
    account.password_hash = hashed
    db.session.merge(
        OneTimePassword(
            account_id=account.id,
            grant_id=grant.id,
            handed_over_at=now,
            handed_over_by=by.name,
            expires_at=expires_at,
            used_at=None,
        )
    )
    db.session.flush()
    audit.record(
        "account.credentials_handed_over",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient_id),
        account=account.public_id,
        grant=grant.public_id,
        identity_checked=credentials.identity_checked,
        hours=int(DESK_PASSWORD_LIFE.total_seconds() // 3600),
    )
    timeline.add(
        grant.id, AccountLine.HANDED_OVER, now=now, by=by.name, until=expires_at.isoformat()
    )
    notices.tell(notices.PASSWORD_SET, patient, account, address=patient.email, now=now)
    return HandedOver(account.username, expires_at, enabled=before is None)


def _account(
    patient: Patient, credentials: Credentials, hashed: str, *, by: Actor, now: datetime
) -> PortalAccount:
    held = holder_of(patient.id)
    if credentials.account != (held.public_id if held is not None else ""):
        raise Stale
    if held is None:
        return _new_account(patient, credentials, hashed, by=by, now=now)
    account = db.session.get_one(PortalAccount, held.id, with_for_update=True)
    refusal = refusal_for(patient)
    if refusal is not None:
        raise Refused(refusal.value)
    usernames.rename(account, patient, credentials.username, by=by, now=now)
    return account


def _new_account(
    patient: Patient, credentials: Credentials, hashed: str, *, by: Actor, now: datetime
) -> PortalAccount:
    problem = username_problem(credentials.username)
    if problem is not None:
        raise Refused(f"username_{problem.value}")
    account = PortalAccount(
        username=credentials.username,
        password_hash=hashed,
        first_name=patient.given_name or credentials.username,
        language=patient.mail_language,
        email=patient.email or "",
        email_key=patient.email_key or "",
        email_confirmed_at=None,
        created_at=now,
    )
    db.session.add(account)
    db.session.flush()
    db.session.add(
        AccountPerson(
            account_id=account.id,
            patient_id=patient.id,
            practice_id=patient.practice_id,
            provider_id=patient.provider_id,
            relationship_=Relationship.SELF.value,
            linked_at=now,
        )
    )
    db.session.flush()
    audit.record(
        "account.created",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        account=account.public_id,
    )
    return account


def _end_other_ways(patient: Patient, account: PortalAccount, *, by: Actor, now: datetime) -> None:
    """One way in at a time: open invitations and resets are void, and whoever is logged on is logged off."""
    for invitation in invitations.open_invitations(patient.id):
        invitations.move(invitation, InvitationState.VOIDED, by=by, now=now)
    resets.end_open(account.id, ResetState.REPLACED, by=by, now=now)
    logons.end_all(side=Side.PORTAL, subject_id=account.id, reason="password_set", now=now)
