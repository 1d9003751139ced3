"""What patients ask for about appointments: the list, and staff's answers."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import Refused
from portal.schedule import of_patient
from portal.schedule.states import RequestOutcome
from portal.staff import blueprint
from portal.staff.presenters.requests import request_list
from portal.staff.wording import REQUESTS
from portal.web import htmx
from portal.web.signed_on import staff_hand, staff_on


@blueprint.get("/schedule/requests")
def schedule_requests() -> ResponseReturnValue:
    """What waits for an answer, the oldest first."""
    if htmx.wants_fragment():
        return render_template("staff/_requests.html", **_context())
    return render_template("staff/pages/requests.html", **_context())


@blueprint.post("/schedule/requests/<public_id>/done")
def schedule_request_done(public_id: str) -> ResponseReturnValue:
    """What was asked is done: the patient reads so."""
    return _settle(public_id, RequestOutcome.DONE)


@blueprint.post("/schedule/requests/<public_id>/declined")
def schedule_request_declined(public_id: str) -> ResponseReturnValue:
    """It cannot be done: the patient is asked to call."""
    return _settle(public_id, RequestOutcome.DECLINED)


def _settle(public_id: str, outcome: RequestOutcome) -> ResponseReturnValue:
    try:
        of_patient.settle(
            practice_id=staff_on().practice_id,
            public_id=public_id,
            outcome=outcome,
            by=staff_hand(),
            now=clock.now(),
        )
    except Refused:
        words = str(REQUESTS["settled"])
        if htmx.wants_fragment():
            return render_template("staff/_requests.html", said_alert=words, **_context()), 409
        flash(words, "warning")
        return render_template("staff/pages/requests.html", **_context()), 409
    words = str(REQUESTS[outcome.value])
    if htmx.wants_fragment():
        return render_template("staff/_requests.html", said_now=words, **_context())
    flash(words, "success")
    return redirect(url_for("staff.schedule_requests"), code=303)


def _context() -> dict[str, Any]:
    practice = staff_on().practice
    return {"requests": request_list(practice.id, zone=practice.time_zone)}
