"""What a chart holds now where it differs from what somebody is typing."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from portal.staff.forms.patient import PatientForm
from portal.staff.presenters.chart import PHONE_KINDS

_QUIET = frozenset({"csrf_token", "seen", "ssn", "erase_ssn", "verified_how", "phones"})


def differences(typed: PatientForm, current: PatientForm) -> list[tuple[str, str]]:
    """(label, what is on file now) of every field that was typed otherwise; numbers of an SSN never."""
    found = [
        (str(field.label.text), _shown(field))
        for field in current
        if field.short_name not in _QUIET
        and (field.data or "") != (typed[field.short_name].data or "")
    ]
    if _numbers(typed) != _numbers(current):
        found.append((_("Phone number"), ", ".join(_numbers(current)) or _("None")))
    return found


def _numbers(form: PatientForm) -> list[str]:
    return [
        f"{row.form.number.text} ({PHONE_KINDS[row.form.kind.data]})"
        for row in form.phones
        if row.form.number.text
    ]


def _shown(field: Any) -> str:
    choices = dict(getattr(field, "choices", None) or ())
    if field.data is True or field.data is False:
        return _("Yes") if field.data else _("No")
    return str(choices.get(field.data, field.data) or _("None"))
