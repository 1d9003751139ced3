"""Notices without content that something about an account has changed: "If this was not you, call …"."""

from __future__ import annotations

from datetime import datetime

from portal.accounts.models import PortalAccount
from portal.extensions import db
from portal.mail import registry
from portal.mail import service as mail
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.mail.rules import MailKind
from portal.people import rules as people_rules
from portal.people.mail import write
from portal.people.models import Patient
from portal.people.naming import hello_name

PASSWORD_CHANGED = "password_changed"  # noqa: S105 (the name of a mail)
PASSWORD_SET = "password_set"  # noqa: S105 (the name of a mail)
USERNAME_CHANGED = "username_changed"


def tell(
    purpose: str, patient: Patient, account: PortalAccount, *, address: str | None, now: datetime
) -> None:
    """To the address on file and to the one that the account has confirmed, if any; in the caller's transaction."""
    confirmed = account.email if account.email_confirmed_at else None
    addresses = {people_rules.email_key(text): text for text in (confirmed, address) if text}
    for text in addresses.values():
        mail.enqueue(
            practice_id=patient.practice_id,
            purpose=purpose,
            subject_id=patient.id,
            address=text,
            language=account.language,
            now=now,
            kind=MailKind.SECURITY,
        )


@registry.composer(PASSWORD_CHANGED)
@registry.composer(PASSWORD_SET)
@registry.composer(USERNAME_CHANGED)
def compose(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The notice that the purpose names; its template has the same name."""
    patient = db.session.get(Patient, message.subject_id)
    if patient is None:
        return None
    return write(message.purpose, patient.practice, hello_name=hello_name(patient))
