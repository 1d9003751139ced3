"""Usernames that staff look up and change (3.5). They are unique in the installation: a look-up tells little."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy.exc import IntegrityError

from portal.access import service as access
from portal.accounts import notices, timeline
from portal.accounts.models import PortalAccount
from portal.accounts.rules import clean_username, desk_refusal
from portal.accounts.service import holder_of
from portal.accounts.sign_up import username_problem
from portal.accounts.timeline import AccountLine
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.errors import Refused, Stale
from portal.extensions import db
from portal.limits import service as limits
from portal.limits.rules import USERNAME_CHECKS
from portal.people.models import Patient
from portal.transaction import atomic


class UsernameCheck(StrEnum):
    """What is said of a username while it is typed."""

    AVAILABLE = "available"
    CURRENT = "current"
    """It is the account's own."""
    SHAPE = "shape"
    TAKEN = "taken"
    TOO_MANY = "too_many"


def check(text: str, *, patient: Patient, asked_by: str, now: datetime) -> UsernameCheck:
    """Whether this username can be had for the patient's account.

    Args:
        asked_by: the log-on that asks; beyond its share of checks it is told nothing.
    """
    account = holder_of(patient.id)
    username = clean_username(text)
    if account is not None and account.username == username:
        return UsernameCheck.CURRENT
    if not limits.spend(USERNAME_CHECKS, asked_by, now=now):
        return UsernameCheck.TOO_MANY
    problem = username_problem(username)
    return UsernameCheck(problem.value) if problem else UsernameCheck.AVAILABLE


def change(*, patient: Patient, username: str, account: str, by: Actor, now: datetime) -> bool:
    """Give the patient's account another username; the patient is told by mail. False when it has that one already.

    Args:
        account: public id of the account that the page showed.

    Raises:
        Stale: the patient has another account by now, or none.
        Refused: ``username_shape``, ``username_taken``, or ``other_practice`` when it is not this practice's alone.
    """
    try:
        with atomic():
            patient = access.lock_patient(patient.id)
            held = holder_of(patient.id)
            if held is None or held.public_id != account:
                raise Stale
            return rename(held, patient, clean_username(username), by=by, now=now)
    except IntegrityError as error:
        raise Refused("username_taken") from error


def rename(
    account: PortalAccount, patient: Patient, username: str, *, by: Actor, now: datetime
) -> bool:
    """The same in the caller's transaction, without its checks of who asks."""
    if account.username == username:
        return False
    problem = username_problem(username)
    if problem is not None:
        raise Refused(f"username_{problem.value}")
    others = [link for link in account.people if link.ended_at is None]
    refusal = desk_refusal(
        second_factor=False,
        other_person=False,
        other_practice=any(link.practice_id != patient.practice_id for link in others),
    )
    if refusal is not None:
        raise Refused(refusal.value)
    account.username = username
    db.session.flush()
    audit.record(
        "account.username_changed",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        account=account.public_id,
    )
    grant = access.current_grant(patient.id)
    if grant is not None:
        timeline.add(grant.id, AccountLine.USERNAME_CHANGED, now=now, by=by.name)
    notices.tell(notices.USERNAME_CHANGED, patient, account, address=patient.email, now=now)
    return True
