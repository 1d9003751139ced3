"""The staff's door: what people who work at a practice see and do."""

from flask import Blueprint

blueprint = Blueprint("staff", __name__, url_prefix="/staff")

from portal.staff import isolation, said  # noqa: E402
from portal.staff.views import (  # noqa: E402
    actions,
    appointment_portal,
    appointments,
    bulk,
    bulk_invite,
    chart,
    edit_information,
    home,
    lists,
    log_on,
    messaging,
    notice,
    onboarding,
    patients,
    portal_access,
    records,
    requests,
    schedule,
    selection,
    settings,
    visits,
)

isolation.watch(blueprint)
blueprint.context_processor(lambda: {"said": said.recall})

__all__ = [
    "actions",
    "appointment_portal",
    "appointments",
    "blueprint",
    "bulk",
    "bulk_invite",
    "chart",
    "edit_information",
    "home",
    "lists",
    "log_on",
    "messaging",
    "notice",
    "onboarding",
    "patients",
    "portal_access",
    "records",
    "requests",
    "schedule",
    "selection",
    "settings",
    "visits",
]
