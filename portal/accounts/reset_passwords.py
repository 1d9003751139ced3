"""From an open reset link to a new password: what was typed waits, the identity check decides, one commit does all."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from portal import passwords, tokens
from portal.access import service as access
from portal.accounts import notices, resets, timeline
from portal.accounts.models import PortalAccount
from portal.accounts.recovery_models import OneTimePassword, PasswordReset, PendingReset
from portal.accounts.rules import ResetLink, ResetState
from portal.accounts.service import SCOPE, actor
from portal.accounts.sign_up import PENDING_LIFE
from portal.accounts.timeline import AccountLine
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused
from portal.extensions import db
from portal.identity import service as identity
from portal.identity.rules import Claim, Verdict
from portal.limits import service as limits
from portal.limits.rules import IDENTITY_PER_RESET
from portal.logons import service as logons
from portal.logons.side import Side
from portal.people.models import Patient
from portal.transaction import atomic


def begin(*, reset: PasswordReset, handle: str, password: str, by: Actor, now: datetime) -> None:
    """Keep the new password, hashed, until the identity check; 30 minutes at most.

    Raises:
        Refused: the link's state, when it is not open any more.
    """
    reset_id, handle_hash = reset.id, tokens.digest(handle)
    password_hash = passwords.hash_password(password)
    with atomic():
        reset = db.session.get_one(PasswordReset, reset_id)
        # two posts of one form: the second waits here, and finds the first one's row to replace
        access.lock_patient(reset.patient_id)
        db.session.refresh(reset)
        _refuse_dead(reset, now=now)
        db.session.execute(delete(PendingReset).where(PendingReset.handle_hash == handle_hash))
        db.session.add(
            PendingReset(
                handle_hash=handle_hash,
                reset_id=reset_id,
                password_hash=password_hash,
                expires_at=now + PENDING_LIFE,
            )
        )
        audit.record(
            "reset.started",
            practice_id=reset.practice_id,
            by=by,
            now=now,
            subject=("patient", reset.patient_id),
            reset=reset.public_id,
        )


def find_pending(handle: str, *, now: datetime) -> PendingReset | None:
    """The new password that this browser's door is waiting with."""
    return db.session.scalar(
        select(PendingReset).where(
            PendingReset.handle_hash == tokens.digest(handle), PendingReset.expires_at > now
        )
    )


def finish(*, handle: str, claim: Claim, client: str, by: Actor, now: datetime) -> Verdict:
    """The identity check and, if it is passed, the new password: every log-on of the account ends, nobody is logged on.

    Raises:
        Refused: ``pending_gone`` when the 30 minutes are over, the link's state when it is not open any more.
    """
    with atomic():
        pending = find_pending(handle, now=now)
        if pending is None:
            raise Refused("pending_gone")
        reset = db.session.get_one(PasswordReset, pending.reset_id)
        patient = access.lock_patient(reset.patient_id)
        account = db.session.get_one(
            PortalAccount, reset.account_id, with_for_update=True, populate_existing=True
        )
        db.session.refresh(reset)
        _refuse_dead(reset, now=now)
        verdict = identity.compare(patient=patient, claim=claim, client=client, now=now)
        if verdict is Verdict.FAILED:
            return _fail(reset, patient, by=by, now=now)
        if verdict is not Verdict.PASSED:
            return verdict
        _use_up(reset, now=now)
        audit.record(
            "reset.identity_passed",
            practice_id=reset.practice_id,
            by=by,
            now=now,
            subject=("patient", patient.id),
            reset=reset.public_id,
            method=identity.method_of(claim),
        )
        resets.tell_ended(reset, by=by, now=now)
        change(account, pending.password_hash, how="reset", practice_id=reset.practice_id,
               by=actor(account, client=client), now=now)  # fmt: skip
        db.session.execute(delete(PendingReset).where(PendingReset.reset_id == reset.id))
        notices.tell(notices.PASSWORD_CHANGED, patient, account, address=reset.email, now=now)
        return verdict


def change(
    account: PortalAccount,
    password_hash: str,
    *,
    how: str,
    practice_id: int,
    by: Actor,
    now: datetime,
) -> None:
    """A new password that its holder chose, in the caller's transaction; every log-on of the account ends."""
    account.password_hash = password_hash
    db.session.execute(delete(OneTimePassword).where(OneTimePassword.account_id == account.id))
    logons.end_all(side=Side.PORTAL, subject_id=account.id, reason="password_changed", now=now)
    limits.forget_logon_failures(scope=SCOPE, subject=account.public_id)
    db.session.flush()
    audit.record(
        "account.password_changed",
        practice_id=practice_id,
        by=by,
        now=now,
        subject=("account", account.id),
        account=account.public_id,
        how=how,
    )


def forget_stale(*, now: datetime) -> int:
    """The sweep: passwords that wait for an identity check die after 30 minutes."""
    with atomic():
        done = db.session.execute(delete(PendingReset).where(PendingReset.expires_at <= now))
    return int(getattr(done, "rowcount", 0))


def _use_up(reset: PasswordReset, *, now: datetime) -> None:
    """By one conditional UPDATE: for exactly one caller."""
    done = db.session.execute(
        update(PasswordReset)
        .where(
            PasswordReset.id == reset.id,
            PasswordReset.state == ResetState.OPEN.value,
            PasswordReset.expires_at > now,
        )
        .values(state=ResetState.USED.value, ended_at=now)
    )
    if getattr(done, "rowcount", 0) != 1:
        raise Refused(resets.state_of_link(reset, now=now).value)
    db.session.refresh(reset)


def _fail(reset: PasswordReset, patient: Patient, *, by: Actor, now: datetime) -> Verdict:
    reset.identity_failures += 1
    failures = reset.identity_failures
    audit.record(
        "reset.identity_failed",
        practice_id=reset.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        reset=reset.public_id,
        failures=failures,
    )
    timeline.add(
        reset.grant_id,
        AccountLine.RESET_IDENTITY_FAILED,
        now=now,
        failures=failures,
        of=IDENTITY_PER_RESET,
    )
    if failures < IDENTITY_PER_RESET:
        return Verdict.FAILED
    resets.end(reset, ResetState.LOCKED, by=by, now=now)
    audit.record(
        "reset.locked",
        practice_id=reset.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        reset=reset.public_id,
    )
    attention.raise_item(patient=patient, kind=AttentionKind.IDENTITY_LOCKED, by=by, now=now)
    return Verdict.LOCKED


def _refuse_dead(reset: PasswordReset, *, now: datetime) -> None:
    state = resets.state_of_link(reset, now=now)
    if state is not ResetLink.OPEN:
        raise Refused(state.value)
