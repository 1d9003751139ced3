"""The portal's front page, and how to come by an invitation."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal.patients import blueprint


@blueprint.get("/")
def front() -> ResponseReturnValue:
    """Kind words and two ways on; who is logged on is at home."""
    if current_user.is_authenticated:
        return redirect(url_for("patients.home"), code=303)
    return render_template("patients/pages/front.html")


@blueprint.get("/sign-up")
def sign_up_info() -> ResponseReturnValue:
    """Signing up begins with an invitation: how to get one."""
    return render_template("patients/pages/sign_up_info.html")
