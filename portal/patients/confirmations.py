"""The addresses that an account's holder is asked to confirm by code, on the home page (8.3, 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.accounts import addresses, email_codes
from portal.accounts.models import PortalAccount
from portal.accounts.service import Held
from portal.patients.forms import ConfirmEmailForm
from portal.people.naming import hello_name


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One address that waits for its code."""

    email: str
    person: str
    """Public id of the person on whose chart it stands; empty for the account's own address."""
    name: str
    """Who that is, to be shown; empty for the account's own address."""
    code_open: bool
    """Whether a code is good at this moment."""
    form: ConfirmEmailForm


def confirmations(
    account: PortalAccount, people: list[Held], sent: ConfirmEmailForm, *, now: datetime
) -> list[Confirmation]:
    """All of them; ``sent`` is the form of this request, with what was wrong in it."""
    waiting = [held.patient for held in people if addresses.needs_proof(held)]
    found = [
        Confirmation(
            email=patient.email or "",
            person=patient.public_id,
            name=hello_name(patient),
            code_open=_is_open(account, patient.id, now=now),
            form=_form(sent, patient.public_id),
        )
        for patient in waiting
    ]
    on_file = {patient.email_key for patient in waiting}
    if account.email and not account.email_confirmed_at and account.email_key not in on_file:
        own = _is_open(account, None, now=now)
        found.append(Confirmation(account.email, "", "", own, _form(sent, "")))
    return found


def _is_open(account: PortalAccount, patient_id: int | None, *, now: datetime) -> bool:
    return email_codes.open_confirmation(account, now=now, patient_id=patient_id) is not None


def _form(sent: ConfirmEmailForm, person: str) -> ConfirmEmailForm:
    """The one that was sent, or an empty one with ids of its own."""
    if (sent.person.data or "") == person:
        return sent
    form = ConfirmEmailForm(formdata=None)
    form.code.id = f"code-{person}" if person else "code-own"
    form.person.data = person
    return form
