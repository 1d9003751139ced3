"""The arrow beside a patient of the schedule (4.2): it sends the invitation, or asks for what is missing."""

from __future__ import annotations

from datetime import date

from flask import Response, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import Refused
from portal.schedule import days
from portal.staff import blueprint, missing, outcomes, said, schedule_answers, sending
from portal.staff.isolation import appointment_of
from portal.staff.presenters.messaging import TO
from portal.staff.presenters.portal_cell import (
    ROW,
    WHERE,
    WINDOW,
    portal_cell,
    standings,
)
from portal.staff.schedule_answers import came_from
from portal.staff.views.notice import FIELD, after_notice
from portal.staff.wording import Said, refusal, sentence
from portal.web import htmx
from portal.web.signed_on import staff_hand


@blueprint.post("/appointments/<appointment_id>/invite")
@after_notice
def appointment_invite(appointment_id: str) -> ResponseReturnValue:
    """Sends the invitation, or a fresh one, to the address that was shown; enables in the same commit."""
    patient = appointment_of(appointment_id).patient
    try:
        sent = sending.enable_and_send(patient, request.form, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return _refused(refused.code, appointment_id)
    invitation = sent.invitation
    until = outcomes.last_day(invitation, patient) if invitation is not None else None
    return _done(sent.what, appointment_id, until=until, closing=FIELD in request.form)


@blueprint.route("/appointments/<appointment_id>/identifiers", methods=["GET", "POST"])
def appointment_identifiers(appointment_id: str) -> ResponseReturnValue:
    """Missing Identifiers (2.3), asked for from the schedule or the window."""
    appointment = appointment_of(appointment_id)
    back = came_from(appointment)
    opener = missing.Opener(
        close_url=back,
        done=lambda what: _done(what, appointment_id, closing=True),
        refused=lambda code: _refused(code, appointment_id, closing=True),
        fields={WHERE: _where(), TO: back},
        above=_where() == WINDOW,
    )
    return missing.ask(appointment.patient, opener)


def _where() -> str:
    return WINDOW if request.values.get(WHERE) == WINDOW else ROW


def _done(
    what: Said, appointment_id: str, *, until: date | None = None, closing: bool = False
) -> ResponseReturnValue:
    appointment = appointment_of(appointment_id)
    if htmx.wants_fragment():
        words = sentence(what, appointment.patient, expires=until)
        return _cells(appointment_id, words=words, closing=closing)
    said.remember(what, appointment.patient, expires=until)
    return redirect(came_from(appointment), code=303)


def _refused(code: str, appointment_id: str, *, closing: bool = False) -> ResponseReturnValue:
    """Nothing was done, and why (409), with how things stand now."""
    words = refusal(code, appointment_of(appointment_id).patient)
    if htmx.wants_fragment():
        closing = closing or FIELD in request.form
        return _cells(appointment_id, alert=words, status=409, closing=closing)
    return schedule_answers.refused(words, appointment_id)


def _cells(
    appointment_id: str,
    *,
    words: str = "",
    alert: str = "",
    status: int = 200,
    closing: bool = False,
) -> Response:
    """The badge and the arrow wherever the page shows this patient, each in its place."""
    appointment, now = appointment_of(appointment_id), clock.now()
    stands = standings([appointment], now=now)[appointment.patient_id]
    back = came_from(appointment)
    html = render_template(
        "staff/fragments/portal_cells.html",
        cells=[
            portal_cell(each, stands, where=ROW, to=back, now=now)
            for each in days.same_day(appointment)
        ],
        window=(
            portal_cell(appointment, stands, where=WINDOW, to=back, now=now)
            if _where() == WINDOW
            else None
        ),
        said_now=words,
        said_alert=alert,
    )
    return htmx.part(html, "#dialogs", status=status, swap="none", closing=closing)
