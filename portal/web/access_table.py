"""Who may reach what: every endpoint stands here, and is refused if it does not (style.md, habit 6).

The table is enforced before each request and compared with the application's routes by a guard test. It
answers only *who*; what the state of things allows is the services' question.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import quote

from flask import Flask, Response, abort, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from portal.accounts import desk
from portal.practices.models import Role
from portal.settings import settings
from portal.web import htmx
from portal.web.signed_on import account_on, keep_alive


class Who(StrEnum):
    """Kinds of visitors an endpoint is open to."""

    ANYBODY = "anybody"
    STAFF = "staff"
    PROVIDER = "provider"
    """And administrators."""
    ADMINISTRATOR = "administrator"
    PATIENT = "patient"
    DEVELOPER = "developer"


ACCESS: dict[str, Who] = {
    "static": Who.ANYBODY,
    "health.livez": Who.ANYBODY,
    "health.readyz": Who.ANYBODY,
    "dev.mailbox": Who.DEVELOPER,
    "dev.mail": Who.DEVELOPER,
    "dev.mail_html": Who.DEVELOPER,
    # staff
    "staff.log_on": Who.ANYBODY,
    "staff.log_off": Who.STAFF,
    "staff.home": Who.STAFF,
    "staff.resolve_attention": Who.STAFF,
    "staff.notice": Who.STAFF,
    "staff.patients": Who.STAFF,
    "staff.search_patients": Who.STAFF,
    "staff.add_patient": Who.STAFF,
    "staff.chart": Who.STAFF,
    "staff.edit_patient": Who.STAFF,
    "staff.edit_portal": Who.STAFF,
    "staff.edit_portal_enable": Who.STAFF,
    "staff.edit_portal_disable": Who.STAFF,
    "staff.edit_portal_send": Who.STAFF,
    "staff.check_username": Who.STAFF,
    "staff.suggest_password": Who.ADMINISTRATOR,
    "staff.opt_out": Who.STAFF,
    "staff.messaging": Who.STAFF,
    "staff.messaging_preview": Who.STAFF,
    "staff.messaging_mail": Who.STAFF,
    "staff.messaging_send": Who.STAFF,
    "staff.messaging_identifiers": Who.STAFF,
    "staff.how_to_register": Who.STAFF,
    "staff.schedule": Who.STAFF,
    "staff.new_appointment": Who.STAFF,
    "staff.find_patient": Who.STAFF,
    "staff.appointment": Who.STAFF,
    "staff.reopen_appointment": Who.STAFF,
    "staff.appointment_invite": Who.STAFF,
    "staff.appointment_identifiers": Who.STAFF,
    "staff.visit_note": Who.STAFF,
    "staff.visits": Who.STAFF,
    "staff.portal_access": Who.STAFF,
    "staff.portal_access_state": Who.STAFF,
    "staff.identifiers": Who.STAFF,
    "staff.enable": Who.STAFF,
    "staff.send_invitation": Who.STAFF,
    "staff.resend_invitation": Who.STAFF,
    "staff.revoke_invite": Who.STAFF,
    "staff.disable_access": Who.STAFF,
    "staff.onboarding": Who.STAFF,
    "staff.onboarding_search": Who.STAFF,
    "staff.onboarding_select": Who.STAFF,
    "staff.onboarding_news": Who.STAFF,
    "staff.onboarding_enable": Who.STAFF,
    "staff.onboarding_disable": Who.STAFF,
    "staff.onboarding_send": Who.STAFF,
    "staff.onboarding_identifiers": Who.STAFF,
    "staff.bulk_runs": Who.STAFF,
    "staff.bulk_new": Who.STAFF,
    "staff.bulk_start": Who.STAFF,
    "staff.invite_all": Who.PROVIDER,
    "staff.bulk_skipped": Who.STAFF,
    "staff.bulk_identifiers": Who.STAFF,
    "staff.bulk_test": Who.STAFF,
    "staff.bulk_run": Who.STAFF,
    "staff.bulk_run_state": Who.STAFF,
    "staff.bulk_people": Who.STAFF,
    "staff.bulk_csv": Who.STAFF,
    "staff.bulk_pause": Who.STAFF,
    "staff.bulk_resume": Who.STAFF,
    "staff.bulk_cancel": Who.STAFF,
    "staff.schedule_requests": Who.STAFF,
    "staff.schedule_request_done": Who.STAFF,
    "staff.schedule_request_declined": Who.STAFF,
    "staff.settings": Who.ADMINISTRATOR,
    "staff.settings_doctor": Who.ADMINISTRATOR,
    "staff.settings_appointments": Who.ADMINISTRATOR,
    "staff.settings_communication": Who.ADMINISTRATOR,
    "staff.settings_style": Who.ADMINISTRATOR,
    "staff.settings_lists": Who.ADMINISTRATOR,
    "staff.settings_list_entry_new": Who.ADMINISTRATOR,
    "staff.settings_list_entry": Who.ADMINISTRATOR,
    "staff.settings_list_entry_place": Who.ADMINISTRATOR,
    "staff.settings_list_entry_close": Who.ADMINISTRATOR,
    "staff.settings_list_entry_open": Who.ADMINISTRATOR,
    "staff.picture": Who.STAFF,
    # patients
    "patients.front": Who.ANYBODY,
    "patients.sign_up_info": Who.ANYBODY,
    "patients.open_link": Who.ANYBODY,
    "patients.open_not_me": Who.ANYBODY,
    "patients.door": Who.ANYBODY,
    "patients.sign_up": Who.ANYBODY,
    "patients.link_account": Who.ANYBODY,
    "patients.log_off_for_link": Who.ANYBODY,
    "patients.identity": Who.ANYBODY,
    "patients.not_me": Who.ANYBODY,
    "patients.not_me_thanks": Who.ANYBODY,
    "patients.fresh_link": Who.ANYBODY,
    "patients.fresh_link_asked": Who.ANYBODY,
    "patients.unsubscribe": Who.ANYBODY,
    "patients.open_reset": Who.ANYBODY,
    "patients.reset": Who.ANYBODY,
    "patients.reset_identity": Who.ANYBODY,
    "patients.log_off_for_reset": Who.ANYBODY,
    "patients.log_on": Who.ANYBODY,
    "patients.log_off": Who.PATIENT,
    "patients.new_password": Who.PATIENT,
    "patients.home": Who.PATIENT,
    "patients.confirm_email": Who.PATIENT,
    "patients.resend_code": Who.PATIENT,
    "patients.confirm_appointment": Who.PATIENT,
    "patients.change_appointment": Who.PATIENT,
    "patients.ask_for_appointment": Who.PATIENT,
    "patients.take_back_request": Who.PATIENT,
}

POLLS = frozenset({"staff.portal_access_state", "staff.onboarding_news", "staff.bulk_run_state"})
"""Asked by an open page by itself: they never extend a log-on (security.md)."""

BEFORE_A_PASSWORD = frozenset({"patients.new_password", "patients.log_off"})
"""All that a log-on with a password from the desk may reach until its holder has chosen one (3.5)."""

LOG_ON = {
    Who.STAFF: "staff.log_on",
    Who.PROVIDER: "staff.log_on",
    Who.ADMINISTRATOR: "staff.log_on",
    Who.PATIENT: "patients.log_on",
}

ROLES = {
    Who.PROVIDER: {Role.PROVIDER, Role.ADMINISTRATOR},
    Who.ADMINISTRATOR: {Role.ADMINISTRATOR},
}


def init_app(app: Flask) -> None:
    """Ask the table before every request."""
    app.before_request(_enforce)


def _enforce() -> BaseResponse | None:
    endpoint = request.endpoint
    if endpoint is None:
        return None
    who = ACCESS.get(endpoint)
    if who is None:
        abort(404)
    if who is Who.DEVELOPER and settings().app_env != "development":
        abort(404)
    if who in LOG_ON and not current_user.is_authenticated:
        return _to_log_on(LOG_ON[who])
    if not may_open(endpoint):
        abort(403)
    if who is Who.PATIENT and endpoint not in BEFORE_A_PASSWORD and desk.must_choose(account_on()):
        return htmx.go(url_for("patients.new_password"))
    if endpoint not in POLLS and endpoint != "static":
        keep_alive()
    return None


def may_open(endpoint: str) -> bool:
    """Whether the role of who is logged on includes it."""
    who = ACCESS[endpoint]
    return who not in ROLES or current_user.person.role in ROLES[who]


def _to_log_on(endpoint: str) -> BaseResponse:
    """A page: to the log-on page and back. A fragment: 401, and the browser goes there as a whole."""
    url = url_for(endpoint)
    if request.method == "GET" and not htmx.wants_fragment():
        return redirect(f"{url}?next={quote(request.full_path.rstrip('?'))}", code=303)
    if htmx.wants_fragment():
        return Response(status=401, headers={"HX-Redirect": url})
    return redirect(url, code=303)
