"""The confidentiality notice, once per person and version, before the first enable or invite (5.7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.practices import service as practices
from portal.staff import answers, blueprint
from portal.staff.isolation import patient_of
from portal.staff.place import BACK, Place
from portal.staff.presenters.messaging import TO
from portal.staff.presenters.portal_cell import WHERE, WINDOW
from portal.web.places import safe_path
from portal.web.signed_on import staff_hand, staff_on

P = ParamSpec("P")
FIELD = "notice_read"
NOT_CARRIED = {"csrf_token", "password"}
"""A password is typed again, rather than put into a page."""


@blueprint.route("/notice", methods=["GET", "POST"])
def notice() -> ResponseReturnValue:
    """The notice to read at any time; acknowledging it twice is harmless."""
    if request.method == "POST":
        practices.acknowledge_notice(staff=staff_on(), by=staff_hand(), now=clock.now())
        return redirect(url_for("staff.home"), code=303)
    return _notice(action=url_for("staff.notice"), fields={}, back=url_for("staff.home"))


def after_notice(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
    """Decorator of an act that invites: who has not acknowledged the notice reads it first.

    The notice carries the act's own fields; acknowledging it carries the act out.
    """

    @wraps(view)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if request.form.get(FIELD) == str(practices.NOTICE_VERSION):
            practices.acknowledge_notice(staff=staff_on(), by=staff_hand(), now=clock.now())
        if practices.has_acknowledged_notice(staff_on()):
            return view(*args, **kwargs)
        back = _came_from((request.view_args or {}).get("public_id"))
        fields = {key: text for key, text in request.form.items() if key not in NOT_CARRIED}
        fields[FIELD] = str(practices.NOTICE_VERSION)
        return _notice(action=request.path, fields=fields, back=back)

    return wrapped


def _came_from(public_id: str | None) -> str:
    """Where the act was asked for: of one patient, or (None) of many."""
    place = Place.of_back(request.form.get(BACK, ""))
    here = safe_path(request.form.get(TO), below="/staff/")
    if here is not None:
        return here
    if public_id is None:
        return place.url()
    patient = patient_of(public_id)
    if TO in request.form:
        return url_for("staff.messaging", public_id=public_id)
    if BACK in request.form:
        return place.url(row=patient.public_id)
    return url_for("staff.portal_access", public_id=patient.public_id)


def _notice(*, action: str, fields: dict[str, str], back: str) -> ResponseReturnValue:
    acknowledged = practices.has_acknowledged_notice(staff_on())
    return answers.dialog(
        "notice",
        above=request.form.get(WHERE) == WINDOW,
        action=action,
        fields=fields,
        back=back,
        acknowledged=acknowledged,
    )
