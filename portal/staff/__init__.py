"""The staff's door: what people who work at a practice see and do."""

from flask import Blueprint

blueprint = Blueprint("staff", __name__, url_prefix="/staff")

from portal.staff import isolation, said  # noqa: E402
from portal.staff.views import (  # noqa: E402
    actions,
    bulk,
    bulk_invite,
    chart,
    edit_information,
    home,
    lists,
    log_on,
    notice,
    onboarding,
    patients,
    portal_access,
    records,
    requests,
    selection,
    settings,
)

isolation.watch(blueprint)
blueprint.context_processor(lambda: {"said": said.recall})

__all__ = [
    "actions",
    "blueprint",
    "bulk",
    "bulk_invite",
    "chart",
    "edit_information",
    "home",
    "lists",
    "log_on",
    "notice",
    "onboarding",
    "patients",
    "portal_access",
    "records",
    "requests",
    "selection",
    "settings",
]
