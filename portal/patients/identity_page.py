"""The identity check as a page (8.4): the same form behind an invitation's link and behind a reset link."""

from __future__ import annotations

from datetime import datetime

from flask import request

from portal import clock
from portal.patients.forms import BirthAndPhoneForm, SsnForm
from portal.practices.models import Practice

BY_BIRTH = "birth"

ClaimForm = SsnForm | BirthAndPhoneForm


def claim_form(practice: Practice, *, now: datetime) -> ClaimForm:
    """By social security number, or by birth date and phone where the address or the form says so."""
    if request.values.get("by") != BY_BIRTH:
        return SsnForm()
    return BirthAndPhoneForm(
        country=practice.country, today=clock.local_date(now, practice.time_zone)
    )


def shown(form: ClaimForm) -> dict[str, str | ClaimForm | None]:
    """What the page's template needs of the form."""
    by_birth = isinstance(form, BirthAndPhoneForm)
    return {
        "form": form,
        "by": BY_BIRTH if by_birth else None,
        "other_way": None if by_birth else BY_BIRTH,
    }
