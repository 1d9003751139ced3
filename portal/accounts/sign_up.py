"""From an open link to an account (8.3–8.5): what was typed waits, the identity check decides, one commit does all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from portal import passwords, tokens
from portal.access import service as access
from portal.access.models import Grant
from portal.accounts import email_codes
from portal.accounts.models import AccountPerson, PendingSignUp, PortalAccount, Relationship
from portal.accounts.recovery_models import OneTimePassword
from portal.accounts.rules import UsernameProblem, clean_username, well_formed
from portal.accounts.service import actor, find_by_username
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused
from portal.extensions import db
from portal.identity import service as identity
from portal.identity.rules import Claim, Verdict
from portal.invitations import service as invitations
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState
from portal.invitations.timeline import TimelineKind
from portal.logons import service as logons
from portal.logons.side import Side
from portal.mail import service as mail
from portal.mail.rules import MailKind
from portal.people import rules as people_rules
from portal.people import service as people
from portal.people.models import Patient
from portal.transaction import atomic

PENDING_LIFE = timedelta(minutes=30)
NOTICE = "account_activated"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What the sign-up page asks for; values are checked and cleaned."""

    first_name: str
    email: str
    username: str
    password: str
    language: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the identity check led to; ``logon_token`` is set exactly when it was passed."""

    verdict: Verdict
    logon_token: str | None = None


def username_problem(username: str) -> UsernameProblem | None:
    """Why this username cannot be had, or None."""
    if not well_formed(clean_username(username)):
        return UsernameProblem.SHAPE
    return UsernameProblem.TAKEN if find_by_username(username) else None


def begin(
    *, invitation: Invitation, handle: str, new: NewAccount, by: Actor, now: datetime
) -> None:
    """Keep what was typed until the identity check, 30 minutes at most; nothing else exists before it.

    Raises:
        Refused: the link's state, when it is not open any more.
    """
    password_hash = passwords.hash_password(new.password)
    _keep(
        PendingSignUp(
            first_name=new.first_name,
            email=new.email,
            username=clean_username(new.username),
            password_hash=password_hash,
            language=new.language,
        ),
        invitation=invitation,
        handle=handle,
        by=by,
        now=now,
        path="new",
    )


def begin_linking(
    *, invitation: Invitation, handle: str, account: PortalAccount, by: Actor, now: datetime
) -> None:
    """Link the chart to an account whose password was just given; the identity check is still to come (8.3).

    Raises:
        Refused: the link's state, ``other_person`` when the account holds another chart of this practice, or
            ``one_time`` when its password is one from the desk, which opens nothing before it is changed.
    """
    if db.session.get(OneTimePassword, account.id) is not None:
        raise Refused("one_time")
    other = next(
        (
            link
            for link in account.people
            if link.ended_at is None
            and link.practice_id == invitation.practice_id
            and link.patient_id != invitation.patient_id
        ),
        None,
    )
    if other is not None:
        raise Refused("other_person")
    _keep(
        PendingSignUp(account_id=account.id, language=account.language),
        invitation=invitation,
        handle=handle,
        by=by,
        now=now,
        path="existing",
    )


def find_pending(handle: str, *, now: datetime) -> PendingSignUp | None:
    """What this browser's door is waiting with."""
    return db.session.scalar(
        select(PendingSignUp).where(
            PendingSignUp.handle_hash == tokens.digest(handle), PendingSignUp.expires_at > now
        )
    )


def finish(*, handle: str, claim: Claim, client: str, by: Actor, now: datetime) -> Result:
    """The identity check and, if it is passed, everything that follows from it in one commit (8.3, 8.5).

    Raises:
        Refused: ``pending_gone`` when the 30 minutes are over, the link's state when it is not open any more,
            ``username_taken`` when somebody else was quicker, ``other_person`` when the account holds another
            chart of the practice by now.
    """
    try:
        with atomic():
            return _finish(handle, claim, client=client, by=by, now=now)
    except IntegrityError as error:
        taken = "username" in str(error.orig)
        raise Refused("username_taken" if taken else "other_person") from error


def forget_stale(*, now: datetime) -> int:
    """The sweep: unfinished sign-ups die after 30 minutes."""
    with atomic():
        done = db.session.execute(delete(PendingSignUp).where(PendingSignUp.expires_at <= now))
    return int(getattr(done, "rowcount", 0))


def _keep(
    pending: PendingSignUp,
    *,
    invitation: Invitation,
    handle: str,
    by: Actor,
    now: datetime,
    path: str,
) -> None:
    invitation_id = invitation.id
    with atomic():
        invitation = db.session.get_one(Invitation, invitation_id)
        # two posts of one form: the second waits here, and finds the first one's row to replace
        access.lock_patient(invitation.patient_id)
        db.session.refresh(invitation)
        _refuse_dead(invitation, now=now)
        pending.handle_hash = tokens.digest(handle)
        pending.invitation_id = invitation_id
        pending.expires_at = now + PENDING_LIFE
        db.session.execute(
            delete(PendingSignUp).where(PendingSignUp.handle_hash == pending.handle_hash)
        )
        db.session.add(pending)
        audit.record(
            "signup.started",
            practice_id=invitation.practice_id,
            by=by,
            now=now,
            subject=("patient", invitation.patient_id),
            invitation=invitation.public_id,
            path=path,
        )


def _finish(handle: str, claim: Claim, *, client: str, by: Actor, now: datetime) -> Result:
    pending = find_pending(handle, now=now)
    if pending is None:
        raise Refused("pending_gone")
    invitation = db.session.get_one(Invitation, pending.invitation_id)
    patient = access.lock_patient(invitation.patient_id)
    db.session.refresh(invitation)
    _refuse_dead(invitation, now=now)
    verdict = identity.check(
        invitation=invitation, patient=patient, claim=claim, client=client, by=by, now=now
    )
    if verdict is not Verdict.PASSED:
        return Result(verdict)
    if not invitations.use_up(invitation, by=by, now=now):
        raise Refused(invitations.state_of_link(invitation, now=now).value)
    account = _account_for(pending, invitation, by=by, now=now)
    by = actor(account, client=client)
    _link(account, patient, invitation, by=by, now=now)
    fresh = pending.account_id is None
    line = TimelineKind.REGISTERED if fresh else TimelineKind.LINKED
    timeline.add(invitation.id, line, now=now)
    timeline.add(invitation.id, TimelineKind.FIRST_LOGON, now=now)
    db.session.delete(pending)
    if fresh and account.email_confirmed_at is None:
        email_codes.issue(account, practice_id=patient.practice_id, now=now)
    return Result(
        verdict,
        logons.start(side=Side.PORTAL, subject_id=account.id, client=client, now=now),
    )


def _account_for(
    pending: PendingSignUp, invitation: Invitation, *, by: Actor, now: datetime
) -> PortalAccount:
    if pending.account_id is not None:
        return db.session.get_one(PortalAccount, pending.account_id)
    email = pending.email or invitation.email
    key = people_rules.email_key(email)
    # whoever holds this link received it at the address it was sent to; any other address is unproven
    proven = key == people_rules.email_key(invitation.email)
    account = PortalAccount(
        username=pending.username,
        password_hash=pending.password_hash,
        first_name=pending.first_name,
        language=pending.language,
        email=email,
        email_key=key,
        email_confirmed_at=now if proven else None,
        created_at=now,
    )
    db.session.add(account)
    db.session.flush()
    audit.record(
        "account.created",
        practice_id=invitation.practice_id,
        by=by,
        now=now,
        subject=("patient", invitation.patient_id),
        account=account.public_id,
    )
    return account


def _link(
    account: PortalAccount, patient: Patient, invitation: Invitation, *, by: Actor, now: datetime
) -> None:
    """Tie the chart to the account; an older account that held it gives it up (both locks were passed anew)."""
    db.session.execute(
        update(AccountPerson)
        .where(
            AccountPerson.patient_id == patient.id,
            AccountPerson.account_id != account.id,
            AccountPerson.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
    held = db.session.scalar(
        select(AccountPerson).where(
            AccountPerson.account_id == account.id,
            AccountPerson.patient_id == patient.id,
            AccountPerson.ended_at.is_(None),
        )
    )
    if held is None:
        held = AccountPerson(
            account_id=account.id,
            patient_id=patient.id,
            practice_id=patient.practice_id,
            provider_id=invitation.provider_id,
            relationship_=Relationship.SELF.value,
            linked_at=now,
        )
        db.session.add(held)
    held.confirmed_email_key = people_rules.email_key(invitation.email)
    people.learn_language(patient, account.language)
    grant = db.session.get_one(Grant, invitation.grant_id)
    access.record_activated(grant, now=now)
    db.session.flush()
    audit.record(
        "account.linked",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        account=account.public_id,
        grant=grant.public_id,
    )
    mail.enqueue(
        practice_id=patient.practice_id,
        purpose=NOTICE,
        subject_id=grant.id,
        address=invitation.email,
        language=account.language,
        now=now,
        kind=MailKind.SECURITY,
    )


def _refuse_dead(invitation: Invitation, *, now: datetime) -> None:
    state = invitations.state_of_link(invitation, now=now)
    if state is not LinkState.OPEN:
        raise Refused(state.value)
