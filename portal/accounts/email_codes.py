"""An e-mail address is used only after a code that went there came back (8.3): 8 digits, 24 hours, five tries."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta

from sqlalchemy import select, update

from portal import tokens
from portal.accounts.models import EmailConfirmation, PortalAccount
from portal.accounts.rules import CODE_TRIES
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.crypto import keyed_bytes
from portal.errors import Refused
from portal.extensions import db
from portal.limits.rules import MAIL_PER_ADDRESS
from portal.mail import service as mail
from portal.mail.rules import MailKind
from portal.transaction import atomic

LIFE = timedelta(hours=24)
PURPOSE = "email_confirmation"


def code_of(confirmation: EmailConfirmation) -> str:
    """The eight digits, re-derived from the row, so that a repeat of the mail carries the same ones."""
    raw = keyed_bytes(confirmation.nonce.encode(), purpose="email-code")
    return f"{int.from_bytes(raw[:8], 'big') % 10**8:08d}"


def open_confirmation(account: PortalAccount, *, now: datetime) -> EmailConfirmation | None:
    """The code that the account is waiting for."""
    return db.session.scalar(
        select(EmailConfirmation)
        .where(
            EmailConfirmation.account_id == account.id,
            EmailConfirmation.ended_at.is_(None),
            EmailConfirmation.expires_at > now,
            EmailConfirmation.failures < CODE_TRIES,
        )
        .order_by(EmailConfirmation.id.desc())
        .limit(1)
    )


def issue(account: PortalAccount, *, practice_id: int, now: datetime) -> None:
    """Send a code to the account's unconfirmed address, in the caller's transaction; an older code is dead."""
    db.session.execute(
        update(EmailConfirmation)
        .where(EmailConfirmation.account_id == account.id, EmailConfirmation.ended_at.is_(None))
        .values(ended_at=now)
    )
    confirmation = EmailConfirmation(
        account_id=account.id,
        practice_id=practice_id,
        email=account.email,
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
        address=account.email,
        language=account.language,
        now=now,
        kind=MailKind.SELF_SERVICE,
    )


def resend(*, account: PortalAccount, practice_id: int, now: datetime) -> None:
    """Another code; beyond three an hour nothing is sent, the last one stays good and the answer is the same."""
    account_id = account.id
    with atomic():
        account = db.session.get_one(PortalAccount, account_id, with_for_update=True)
        sent = mail.sent_lately(practice_id=practice_id, address=account.email, now=now)
        if account.email_confirmed_at is None and sent < MAIL_PER_ADDRESS.most:
            issue(account, practice_id=practice_id, now=now)


def confirm(*, account: PortalAccount, code: str, by: Actor, now: datetime) -> None:
    """The code came back: the address may be used from here on.

    Raises:
        Refused: ``no_code`` when none is open, ``wrong_code`` (counted).
    """
    account_id = account.id
    with atomic():
        account = db.session.get_one(PortalAccount, account_id, with_for_update=True)
        confirmation = open_confirmation(account, now=now)
        if confirmation is None:
            raise Refused("no_code")
        right = hmac.compare_digest(code_of(confirmation).encode(), code.strip().encode())
        if right:
            confirmation.ended_at = now
            account.email_confirmed_at = now
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
