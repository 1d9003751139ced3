"""What the next page says after a redirect. The cookie carries a code and random ids, never a name."""

from __future__ import annotations

from datetime import date

from flask import session

from portal.errors import NotFound
from portal.people.models import Patient
from portal.staff.isolation import patient_of
from portal.staff.wording import Said, sentence

_KEY = "said"


def remember(what: Said, patient: Patient, *, expires: date | None = None) -> None:
    """Let the next page say it."""
    session[_KEY] = [what.value, patient.public_id, expires.isoformat() if expires else None]


def recall() -> str | None:
    """The sentence to say on this page, once."""
    kept = session.pop(_KEY, None)
    if kept is None:
        return None
    code, public_id, expires = kept
    day = date.fromisoformat(expires) if expires else None
    try:
        return sentence(Said(code), patient_of(public_id), expires=day)
    except (NotFound, ValueError):  # gone meanwhile, or written by another version of the program
        return None
