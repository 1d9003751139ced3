"""What every template may use (the list stands in ``templates/README.md``)."""

from __future__ import annotations

from typing import Any

from flask import Flask, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.local import LocalProxy

from portal.logons.side import Side
from portal.practices.models import Practice, StaffMember
from portal.web import filters
from portal.web.access_table import may_open
from portal.web.cookies import side_of_request
from portal.web.language import current_language, language_links

_SCHEDULE = {
    "staff.schedule",
    "staff.new_appointment",
    "staff.find_patient",
    "staff.appointment",
    "staff.appointment_invite",
    "staff.appointment_identifiers",
    "staff.schedule_requests",
    "staff.request_done",
    "staff.request_declined",
}
"""The endpoints whose pages stand under "Schedule"."""


def init_app(app: Flask) -> None:
    """Register the context and the filters."""
    app.context_processor(_context)
    filters.init_app(app)


def _context() -> dict[str, Any]:
    known: dict[str, Any] = {
        "current_language": current_language(),
        "language_links": language_links,
        "practice": None,
        "signed_on": None,
    }
    if current_user and current_user.is_authenticated:
        known["signed_on"] = current_user
        known["practice"] = LocalProxy(_practice)  # a fragment does not ask which it is
    if side_of_request() is Side.STAFF:
        return known | _staff_context()
    return known | _patient_context()


def _staff_context() -> dict[str, Any]:
    if not current_user.is_authenticated:
        return {"home_url": url_for("staff.log_on")}
    return {
        "home_url": url_for("staff.home"),
        "log_out_url": url_for("staff.log_off"),
        "staff_nav": _staff_nav,
        "links": _links,
        "account_links": _account_links,
    }


def _staff_nav() -> list[tuple[str, str, bool]]:
    here = request.endpoint or ""
    elsewhere = {"staff.home", "staff.resolve_attention", "staff.notice"}
    schedule = here in _SCHEDULE
    elsewhere |= _SCHEDULE
    apart = ("staff.onboarding", "staff.bulk", "staff.invite_all", "staff.settings")
    patients = here not in elsewhere and not here.startswith(apart)
    return [
        (_("Today"), url_for("staff.home"), here == "staff.home"),
        (_("Schedule"), url_for("staff.schedule"), schedule),
        (_("Patients"), url_for("staff.patients"), patients),
    ]


def _links() -> list[tuple[str, str]]:
    return [
        (_("Patient Portal Onboarding Tool"), url_for("staff.onboarding")),
        (_("Bulk runs"), url_for("staff.bulk_runs")),
    ]


def _account_links() -> list[tuple[str, str]]:
    """What stands under "Account": only what this person may open."""
    links = [("staff.settings", _("Portal settings"))]
    return [(label, url_for(endpoint)) for endpoint, label in links if may_open(endpoint)]


def _patient_context() -> dict[str, Any]:
    if current_user and current_user.is_authenticated:
        return {"home_url": url_for("patients.home"), "log_out_url": url_for("patients.log_off")}
    return {
        "home_url": url_for("patients.front"),
        "log_in_url": url_for("patients.log_on"),
        "sign_up_url": url_for("patients.sign_up_info"),
    }


def _practice() -> Practice | None:
    person = current_user.person
    return person.practice if isinstance(person, StaffMember) else None
