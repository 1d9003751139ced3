"""An e-mail address is used only after a code that went there came back: 8 digits, 24 hours, five tries.

Either the account's own address, typed at sign-up (8.3), or a changed address on file of a person it holds (3.7).
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import select, update

from portal import tokens
from portal.access import service as access
from portal.accounts.models import AccountPerson, EmailConfirmation, PortalAccount
from portal.accounts.rules import CODE_TRIES
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.crypto import keyed_bytes
from portal.errors import Refused
from portal.extensions import db
from portal.hooks import Hook
from portal.limits.rules import MAIL_PER_ADDRESS
from portal.mail import service as mail
from portal.mail.rules import MailKind
from portal.people.models import Patient
from portal.transaction import atomic

LIFE = timedelta(hours=24)
PURPOSE = "email_confirmation"

proven: Hook[[PortalAccount, AccountPerson, Patient, datetime]] = Hook()
"""Called when the code of an address on file came back, in the commit that says so."""


def code_of(confirmation: EmailConfirmation) -> str:
    """The eight digits, re-derived from the row, so that a repeat of the mail carries the same ones."""
    raw = keyed_bytes(confirmation.nonce.encode(), purpose="email-code")
    return f"{int.from_bytes(raw[:8], 'big') % 10**8:08d}"


def open_confirmation(
    account: PortalAccount, *, now: datetime, patient_id: int | None = None
) -> EmailConfirmation | None:
    """The code that is waited for: of the account's own address, or of this patient's on file."""
    return db.session.scalar(
        select(EmailConfirmation)
        .where(
            EmailConfirmation.account_id == account.id,
            EmailConfirmation.patient_id.is_not_distinct_from(patient_id),
            EmailConfirmation.ended_at.is_(None),
            EmailConfirmation.expires_at > now,
            EmailConfirmation.failures < CODE_TRIES,
        )
        .order_by(EmailConfirmation.id.desc())
        .limit(1)
    )


def issue(
    account: PortalAccount, *, practice_id: int, now: datetime, patient: Patient | None = None
) -> None:
    """Send a code in the caller's transaction; an older code for the same is dead.

    Args:
        patient: whose address on file it goes to; None for the account's own address.
    """
    address = patient.email if patient is not None else account.email
    if not address:
        return
    patient_id = patient.id if patient is not None else None
    end_open(account, patient_id=patient_id, now=now)
    confirmation = EmailConfirmation(
        account_id=account.id,
        practice_id=practice_id,
        patient_id=patient_id,
        email=address,
        nonce=tokens.new_secret(),
        failures=0,
        expires_at=now + LIFE,
    )
    db.session.add(confirmation)
    db.session.flush()
    mail.enqueue(
        practice_id=practice_id,
        purpose=PURPOSE,
        subject_id=confirmation.id,
        address=address,
        language=account.language,
        now=now,
        kind=MailKind.SELF_SERVICE,
    )


def end_open(account: PortalAccount, *, patient_id: int | None, now: datetime) -> None:
    """No older code is good any more."""
    db.session.execute(
        update(EmailConfirmation)
        .where(
            EmailConfirmation.account_id == account.id,
            EmailConfirmation.patient_id.is_not_distinct_from(patient_id),
            EmailConfirmation.ended_at.is_(None),
        )
        .values(ended_at=now)
    )


def resend(
    *, account: PortalAccount, practice_id: int, now: datetime, patient: Patient | None = None
) -> None:
    """Another code; beyond three an hour nothing is sent, the last one stays good and the answer is the same."""
    account_id, patient_id = account.id, patient.id if patient is not None else None
    with atomic():
        patient = access.lock_patient(patient_id) if patient_id is not None else None
        account = db.session.get_one(PortalAccount, account_id, with_for_update=True)
        address = patient.email if patient is not None else account.email
        if not address or (patient is None and account.email_confirmed_at is not None):
            return
        sent = mail.sent_lately(practice_id=practice_id, address=address, now=now)
        if sent < MAIL_PER_ADDRESS.most:
            issue(account, practice_id=practice_id, now=now, patient=patient)


def confirm(
    *,
    account: PortalAccount,
    code: str,
    by: Actor,
    now: datetime,
    patient: Patient | None = None,
) -> None:
    """The code came back: the address may be used from here on.

    Raises:
        Refused: ``no_code`` when none is open, ``wrong_code`` (counted).
    """
    account_id, patient_id = account.id, patient.id if patient is not None else None
    with atomic():
        patient = access.lock_patient(patient_id) if patient_id is not None else None
        account = db.session.get_one(PortalAccount, account_id, with_for_update=True)
        confirmation = open_confirmation(account, now=now, patient_id=patient_id)
        if confirmation is None or (patient is not None and patient.email != confirmation.email):
            raise Refused("no_code")
        right = hmac.compare_digest(code_of(confirmation).encode(), code.strip().encode())
        if right:
            confirmation.ended_at = now
            _proven(account, patient, now=now)
            audit.record(
                "account.email_confirmed",
                practice_id=confirmation.practice_id,
                by=by,
                now=now,
                subject=("account", account_id),
                account=account.public_id,
            )
        else:
            confirmation.failures += 1
    if not right:
        raise Refused("wrong_code")


def _proven(account: PortalAccount, patient: Patient | None, *, now: datetime) -> None:
    if patient is None:
        account.email_confirmed_at = now
        return
    link = db.session.scalar(
        select(AccountPerson).where(
            AccountPerson.account_id == account.id,
            AccountPerson.patient_id == patient.id,
            AccountPerson.ended_at.is_(None),
        )
    )
    if link is None:
        raise Refused("no_code")
    proven(account, link, patient, now)
