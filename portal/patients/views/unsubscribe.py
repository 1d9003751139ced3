"""List-Unsubscribe (RFC 8058, 2.6): looking changes nothing, a POST opts the chart out."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.audit.actor import Actor, ActorKind
from portal.extensions import csrf
from portal.invitations import unsubscribing
from portal.outreach import unsubscribing as appointments
from portal.patients import blueprint, presenters
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.web.security import client_address


@blueprint.route("/u/<token>", methods=["GET", "POST"])
@csrf.exempt  # type: ignore[untyped-decorator]
def unsubscribe(token: str) -> ResponseReturnValue:
    """The page, its button, and the mail program's own button (``List-Unsubscribe=One-Click``).

    Mail programs post without a page of ours: the token in the address takes the place of the CSRF token.
    """
    invitation = unsubscribing.find(token)
    patient = invitation.patient if invitation else appointments.find(token)
    if patient is None:
        return render_template("patients/pages/unknown_link.html"), 404
    if request.method == "POST":
        if invitation is not None:
            unsubscribing.opt_out(invitation, by=_hand(invitation.id), now=clock.now())
        else:
            appointments.opt_out(patient, by=_hand(None), now=clock.now())
    return _page(patient, token)


def _page(patient: Patient, token: str) -> str:
    return render_template(
        "patients/pages/unsubscribe.html",
        token=token,
        done=patient.opted_out_at is not None,
        greeting=hello_name(patient),
        practice=presenters.practice_card(patient.practice),
    )


def _hand(number: int | None) -> Actor:
    return Actor(ActorKind.LINK, number, "Holder of the unsubscribe link", client_address())
