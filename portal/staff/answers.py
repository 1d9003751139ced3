"""How the Portal access page answers: its part to htmx, the whole page or a redirect to everybody else."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.invitations.models import Invitation
from portal.people.models import Patient
from portal.staff import outcomes, said
from portal.staff.facts import gather
from portal.staff.isolation import patient_of
from portal.staff.presenters.access_page import access_page
from portal.staff.presenters.chart import chart_head
from portal.staff.wording import Said, refusal, sentence
from portal.web import htmx

ENDPOINT = "staff.portal_access"


def done(
    what: Said, patient: Patient, *, invitation: Invitation | None = None
) -> ResponseReturnValue:
    """It is done: the part as it is now and a sentence, or a redirect to the page that says it."""
    day = outcomes.last_day(invitation, patient) if invitation is not None else None
    if htmx.wants_fragment():
        words = sentence(what, patient, expires=day)
        return part(patient.public_id, words=words, closing=True)
    said.remember(what, patient, expires=day)
    return redirect(url_for(ENDPOINT, public_id=patient.public_id), code=303)


def refused(code: str, public_id: str) -> ResponseReturnValue:
    """Nothing was done, and why (409); the page or its part shows how things stand now."""
    words = refusal(code, patient_of(public_id))
    if htmx.wants_fragment():
        return part(public_id, alert=words, status=409, closing=True)
    return page(public_id, alert=words), 409


def part(
    public_id: str, *, words: str = "", alert: str = "", status: int = 200, closing: bool = False
) -> Response:
    """The part of the page below the chart's head, and the status at its right."""
    shown = access_page(gather(patient_of(public_id), now=clock.now()))
    html = render_template(
        "staff/fragments/portal_access_answer.html", access=shown, said_now=words, said_alert=alert
    )
    return htmx.part(html, "#portal-access", status=status, closing=closing)


def page(public_id: str, *, alert: str = "") -> str:
    """The whole page."""
    patient, now = patient_of(public_id), clock.now()
    return render_template(
        "staff/pages/portal_access.html",
        chart=chart_head(patient, here=ENDPOINT, now=now),
        access=access_page(gather(patient, now=now)),
        said_alert=alert,
    )


def dialog(template: str, *, above: bool = False, **context: object) -> Response:
    """A dialog: alone to htmx, which puts it where dialogs stand, else as a page of its own.

    Args:
        above: over the dialog that is open, which keeps what was typed in it.
    """
    alone = htmx.wants_fragment()
    folder = "fragments" if alone else "pages"
    response = make_response(
        render_template(f"staff/{folder}/{template}.html", as_page=not alone, **context)
    )
    if alone:
        response.headers["HX-Retarget"] = "#dialogs"
        response.headers["HX-Reswap"] = "beforeend" if above else "innerHTML"
    return response
