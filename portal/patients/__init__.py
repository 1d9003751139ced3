"""The patients' door: from an invitation's link past the identity check to an account (8)."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("patients", __name__)

# the views hang themselves onto the blueprint, so they come after it
from portal.patients import forms  # noqa: E402
from portal.patients.views import (  # noqa: E402
    appointments,
    front,
    home,
    identity,
    links,
    log_on,
    new_password,
    not_me,
    reset,
    sign_up,
    unsubscribe,
)

blueprint.before_request(forms.refuse_doubled_fields)

__all__ = [
    "appointments",
    "blueprint",
    "front",
    "home",
    "identity",
    "links",
    "log_on",
    "new_password",
    "not_me",
    "reset",
    "sign_up",
    "unsubscribe",
]
