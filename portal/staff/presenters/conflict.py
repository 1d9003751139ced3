"""What somebody else changed in a chart while somebody was typing."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from portal.staff.forms.patient import PatientForm
from portal.staff.presenters.chart import PHONE_KINDS


def changed_meanwhile(typed: PatientForm, current: PatientForm) -> list[tuple[str, str]]:
    """(label, what is on file now) of every field that no longer holds what the typist was shown."""
    was, now = typed.was.held, current.was.held
    found = [
        (str(current[name].label.text), _shown(current[name]))
        for name in now
        if name != "phones" and name in was and was[name] != now[name]
    ]
    if "phones" in was and was["phones"] != now["phones"]:
        numbers = [f"{number} ({PHONE_KINDS[kind]})" for kind, number in now["phones"]]
        found.append((_("Phone number"), ", ".join(numbers) or _("None")))
    return found


def _shown(field: Any) -> str:
    choices = dict(getattr(field, "choices", None) or {})
    if field.data is True or field.data is False:
        return _("Yes") if field.data else _("No")
    return str(choices.get(field.data, field.data) or _("None"))
