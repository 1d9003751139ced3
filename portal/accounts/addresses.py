"""The address on file of somebody with an account: resets go there only once they have shown to read it (3.7)."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.accounts import email_codes, timeline
from portal.accounts.models import AccountPerson, PortalAccount
from portal.accounts.service import Held, holder_of
from portal.accounts.timeline import AccountLine
from portal.audit.actor import Actor
from portal.people.models import Patient


def needs_proof(held: Held) -> bool:
    """Whether the address on file changed, and this person has not shown yet that they read mail there."""
    patient = held.patient
    return (
        patient.email is not None
        and patient.email_changed_at is not None
        and held.link.confirmed_email_key != patient.email_key
    )


def ask_for_proof(patient: Patient, _old: str | None, _by: Actor, now: datetime) -> None:
    """The e-mail on file changed: a code goes to the new address, and the older one is dead."""
    account = holder_of(patient.id)
    if account is None:
        return
    email_codes.end_open(account, patient_id=patient.id, now=now)
    grant = access.current_grant(patient.id)
    if patient.email is None or grant is None:
        return
    email_codes.issue(account, practice_id=patient.practice_id, now=now, patient=patient)
    timeline.add(grant.id, AccountLine.EMAIL_CODE_SENT, now=now)


def record_proof(
    account: PortalAccount, link: AccountPerson, patient: Patient, now: datetime
) -> None:
    """The code came back, in the caller's transaction.

    The account's own address follows where it was the one on file before: it is the same mailbox's successor.
    """
    if account.email_key in {link.confirmed_email_key, patient.email_key} or not account.email:
        account.email = patient.email or account.email
        account.email_key = patient.email_key or account.email_key
        account.email_confirmed_at = now
    link.confirmed_email_key = patient.email_key
    grant = access.current_grant(patient.id)
    if grant is not None:
        timeline.add(grant.id, AccountLine.EMAIL_CONFIRMED, now=now)
