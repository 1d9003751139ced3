"""Reset links (3.5): sent by staff to the address on file of a patient who has an account.

The only writer of ``password_reset`` but for :mod:`portal.accounts.reset_passwords`, which uses a link up.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select

from portal import tokens
from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.access.rules import Status
from portal.accounts import timeline
from portal.accounts.models import AccountPerson, PortalAccount
from portal.accounts.recovery_models import PasswordReset
from portal.accounts.rules import (
    RESET_LIFE,
    ResetLink,
    ResetObstacle,
    ResetState,
    reset_link,
    reset_obstacle,
)
from portal.accounts.timeline import AccountLine
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.invitations import service as invitations
from portal.mail import service as mail
from portal.mail.rules import MailKind
from portal.people.models import Patient
from portal.tokens import RESET_LINK
from portal.transaction import atomic

PURPOSE = "password_reset"
_OPEN_UNDER = select(PasswordReset).where(
    PasswordReset.grant_id == bindparam("grant"), PasswordReset.state == ResetState.OPEN.value
)


def send(
    *, patient: Patient, replaces: str, expect_address: str, by: Actor, now: datetime
) -> PasswordReset:
    """A reset mail to the address that was shown (5.4); an older link of the account is dead from here on.

    Args:
        replaces: public id of the newest reset as the page showed it, or empty. If another is the newest by now
            (a double click, a colleague), that one is returned and nothing is sent.

    Raises:
        Stale: another address is on file by now, or the patient is not active any more.
        Refused: an obstacle to any mail (2.1), or a :class:`ResetObstacle` (3.7).
    """
    with atomic():
        patient = access.lock_patient(patient.id)
        grant = access.current_grant(patient.id)
        active = access.status_of(patient, grant, now=now) is Status.ACTIVE
        if patient.email != expect_address or grant is None or not active:
            raise Stale
        _refuse(patient, now=now)
        newest = newest_of([patient.id]).get(patient.id)
        if newest is not None and newest.public_id != replaces:
            return newest
        return _issue(patient, grant, by=by, now=now)


def obstacle_of(patient: Patient, *, now: datetime) -> ResetObstacle | None:
    """Why no reset may go to the address on file at this moment, apart from what stops every mail."""
    return obstacles_among([patient], now=now)[patient.id]


def obstacles_among(patients: list[Patient], *, now: datetime) -> dict[int, ResetObstacle | None]:
    """The same for each of a page of patients, by one query."""
    links = db.session.scalars(
        select(AccountPerson).where(
            AccountPerson.patient_id.in_([patient.id for patient in patients]),
            AccountPerson.ended_at.is_(None),
        )
    )
    held = {link.patient_id: link for link in links}
    return {
        patient.id: reset_obstacle(
            has_account=patient.id in held,
            blocked_until=patient.resets_blocked_until,
            changed=patient.email_changed_at is not None,
            confirmed=patient.id in held
            and held[patient.id].confirmed_email_key == patient.email_key,
            now=now,
        )
        for patient in patients
    }


def newest_of(patient_ids: list[int]) -> dict[int, PasswordReset]:
    """The newest reset of each of these patients, where there is one."""
    newest = (
        select(func.max(PasswordReset.id))
        .where(PasswordReset.patient_id.in_(patient_ids))
        .group_by(PasswordReset.patient_id)
    )
    found = db.session.scalars(select(PasswordReset).where(PasswordReset.id.in_(newest)))
    return {reset.patient_id: reset for reset in found}


def find_by_token(token: str) -> PasswordReset | None:
    """The reset of a link, by the hash of its secret."""
    return db.session.scalar(
        select(PasswordReset).where(PasswordReset.token_hash == tokens.digest(token))
    )


def find_by_public_id(public_id: str) -> PasswordReset | None:
    """The reset behind a door's handle."""
    return db.session.scalar(select(PasswordReset).where(PasswordReset.public_id == public_id))


def state_of_link(reset: PasswordReset, *, now: datetime) -> ResetLink:
    """What the link is worth at this moment."""
    grant = db.session.get_one(Grant, reset.grant_id)
    return reset_link(
        ResetState(reset.state),
        expires_at=reset.expires_at,
        grant_stands=grant.ended_at is None,
        chart_ended=access.chart_ended(reset.patient, now=now),
        now=now,
    )


def observe_opened(reset: PasswordReset, *, scanner: bool, now: datetime) -> None:
    """The link was opened: an observation, at most one row per link and minute; it changes nothing else."""
    grant_id, once = reset.grant_id, f"{reset.id} {now:%Y-%m-%dT%H:%M}"
    by = "scanner" if scanner else "person"
    with atomic():
        timeline.add(grant_id, AccountLine.RESET_OPENED, now=now, once=once, by=by)


def end(reset: PasswordReset, to: ResetState, *, by: Actor, now: datetime) -> None:
    """An open reset ends, with its audit event and its line, in the caller's transaction.

    Raises:
        ValueError: it is not open.
    """
    if reset.state != ResetState.OPEN:
        raise ValueError(f"a reset does not go from {reset.state} to {to}")
    reset.state, reset.ended_at = to.value, now
    db.session.flush()
    if to is not ResetState.FAILED:  # its mail has an end already
        mail.cancel(purpose=PURPOSE, subject_id=reset.id, now=now)
    tell_ended(reset, by=by, now=now)


def tell_ended(reset: PasswordReset, *, by: Actor, now: datetime) -> None:
    """That a reset has ended: to the audit trail and the timeline."""
    audit.record(
        "reset.ended",
        practice_id=reset.practice_id,
        by=by,
        now=now,
        subject=("patient", reset.patient_id),
        reset=reset.public_id,
        state=reset.state,
    )
    line = _ENDING_LINES.get(ResetState(reset.state))
    if line is not None:
        timeline.add(reset.grant_id, line, now=now, once=str(reset.id))


def end_open(account_id: int, to: ResetState, *, by: Actor, now: datetime) -> None:
    """Whatever link is open for the account ends, in the caller's transaction."""
    query = select(PasswordReset).where(
        PasswordReset.account_id == account_id, PasswordReset.state == ResetState.OPEN.value
    )
    for reset in db.session.scalars(query).all():
        end(reset, to, by=by, now=now)


def end_with_grant(grant: Grant, _reason: EndReason, by: Actor, now: datetime) -> None:
    """The grant ended: a link that was sent under it is dead (faults.md, 22)."""
    for reset in db.session.scalars(_OPEN_UNDER, {"grant": grant.id}).all():
        end(reset, ResetState.REVOKED, by=by, now=now)


def end_after_email_change(patient: Patient, _old: str | None, by: Actor, now: datetime) -> None:
    """The e-mail on file changed: the link that went to the old address is dead (3.7)."""
    query = select(PasswordReset).where(
        PasswordReset.patient_id == patient.id, PasswordReset.state == ResetState.OPEN.value
    )
    for reset in db.session.scalars(query).all():
        end(reset, ResetState.REVOKED, by=by, now=now)


def _refuse(patient: Patient, *, now: datetime) -> None:
    found = invitations.obstacles_of(patient, now=now)
    if found:
        raise Refused(found[0].value)
    obstacle = obstacle_of(patient, now=now)
    if obstacle is not None:
        raise Refused(obstacle.value)


def _issue(patient: Patient, grant: Grant, *, by: Actor, now: datetime) -> PasswordReset:
    account = db.session.scalars(
        select(PortalAccount)
        .join(AccountPerson, AccountPerson.account_id == PortalAccount.id)
        .where(AccountPerson.patient_id == patient.id, AccountPerson.ended_at.is_(None))
        .with_for_update(of=PortalAccount)
    ).one()
    end_open(account.id, ResetState.REPLACED, by=by, now=now)
    nonce = tokens.new_secret()
    reset = PasswordReset(
        practice_id=patient.practice_id,
        patient_id=patient.id,
        grant_id=grant.id,
        account_id=account.id,
        state=ResetState.OPEN.value,
        email=patient.email,
        nonce=nonce,
        token_hash=tokens.digest(tokens.link_token(nonce, purpose=RESET_LINK)),
        issued_at=now,
        expires_at=now + RESET_LIFE,
        identity_failures=0,
    )
    db.session.add(reset)
    db.session.flush()
    attention.settle(
        patient_id=patient.id,
        kinds=(AttentionKind.IDENTITY_LOCKED, AttentionKind.MAIL_FAILED),
        by=by,
        now=now,
    )
    audit.record(
        "reset.sent",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        reset=reset.public_id,
        account=account.public_id,
        email=reset.email,
    )
    timeline.add(grant.id, AccountLine.RESET_QUEUED, now=now, by=by.name)
    _put_into_the_outbox(reset, language=account.language, now=now)
    return reset


def _put_into_the_outbox(reset: PasswordReset, *, language: str, now: datetime) -> None:
    message = mail.enqueue(
        practice_id=reset.practice_id,
        purpose=PURPOSE,
        subject_id=reset.id,
        address=reset.email,
        language=language,
        now=now,
        kind=MailKind.STAFF,
    )
    if message is not None and message.next_attempt_at > now:
        reset.expires_at = message.next_attempt_at + RESET_LIFE
        until = message.next_attempt_at.isoformat()
        timeline.add(reset.grant_id, AccountLine.RESET_WAITING, now=now, until=until)


_ENDING_LINES = {
    ResetState.REPLACED: AccountLine.RESET_REPLACED,
    ResetState.REVOKED: AccountLine.RESET_REVOKED,
    ResetState.LOCKED: AccountLine.RESET_LOCKED,
    ResetState.USED: AccountLine.RESET_USED,
}
