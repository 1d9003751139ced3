"""List-Unsubscribe (RFC 8058, 2.6): looking changes nothing, a POST opts the chart out."""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.audit.actor import Actor, ActorKind
from portal.extensions import csrf
from portal.invitations import unsubscribing
from portal.invitations.models import Invitation
from portal.patients import blueprint, presenters
from portal.web.security import client_address


@blueprint.route("/u/<token>", methods=["GET", "POST"])
@csrf.exempt  # type: ignore[untyped-decorator]
def unsubscribe(token: str) -> ResponseReturnValue:
    """The page, its button, and the mail program's own button (``List-Unsubscribe=One-Click``).

    Mail programs post without a page of ours: the token in the address takes the place of the CSRF token.
    """
    invitation = unsubscribing.find(token)
    if invitation is None:
        return render_template("patients/pages/unknown_link.html"), 404
    if request.method == "POST":
        unsubscribing.opt_out(invitation, by=_hand(invitation), now=clock.now())
    return _page(invitation, token)


def _page(invitation: Invitation, token: str) -> str:
    return render_template(
        "patients/pages/unsubscribe.html",
        token=token,
        done=invitation.patient.opted_out_at is not None,
        greeting=presenters.greeting(invitation),
        practice=presenters.practice_card(invitation.patient.practice),
    )


def _hand(invitation: Invitation) -> Actor:
    return Actor(ActorKind.LINK, invitation.id, "Holder of the unsubscribe link", client_address())
