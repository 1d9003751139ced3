"""What a link from a mail opens (8.2, 8.6): nothing is used up by looking."""

from __future__ import annotations

from datetime import datetime

import structlog
from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError

from portal import clock
from portal.accounts import sign_up
from portal.invitations import fresh_link as fresh_links
from portal.invitations import service as invitations
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState, looks_like_a_scanner
from portal.patients import blueprint, doors, presenters, wording
from portal.patients.doors import Door
from portal.patients.views.log_on import clear_browser
from portal.tokens import INVITATION_LINK
from portal.web import cookies, signed_on
from portal.web.language import LANGUAGES

log = structlog.get_logger()


@blueprint.get("/i/<token>")
def open_link(token: str) -> ResponseReturnValue:
    """The link of an invitation: the token leaves the address at once."""
    return _open(token, "patients.door")


@blueprint.get("/i/<token>/not-me")
def open_not_me(token: str) -> ResponseReturnValue:
    """The link "This is not me" of the same mail."""
    return _open(token, "patients.not_me")


@blueprint.get("/invitation/<handle>")
@doors.at_door
def door(door: Door) -> ResponseReturnValue:
    """On to sign-up, or a kind page that says why not (8.6)."""
    state = door.state
    if state is not LinkState.OPEN:
        return doors.page("dead_link", door, dead=wording.DEAD_LINKS[state]), 410
    if current_user.is_authenticated:
        return doors.page(
            "logged_on_already",
            door,
            greeting=presenters.greeting(door.invitation),
            username=signed_on.account_on().username,
        )
    return door.go("patients.sign_up")


@blueprint.post("/invitation/<handle>/log-out")
@doors.at_door
def log_off_for_link(door: Door) -> ResponseReturnValue:
    """End the log-on of whoever was here before, so that the link can be followed."""
    signed_on.forget()
    waiting = sign_up.find_pending(door.handle, now=clock.now())
    return clear_browser(door.go("patients.identity" if waiting else "patients.door"))


@blueprint.post("/invitation/<handle>/fresh-link")
@doors.at_door
def fresh_link(door: Door) -> ResponseReturnValue:
    """**Send me a fresh link**: to the address on file only, and the same answer for everyone."""
    fresh_links.request(door.invitation, by=door.hand, now=clock.now())
    return door.go("patients.fresh_link_asked")


@blueprint.get("/invitation/<handle>/fresh-link/asked")
@doors.at_door
def fresh_link_asked(door: Door) -> ResponseReturnValue:
    """The answer to it."""
    return doors.page("fresh_link_asked", door)


def _open(token: str, endpoint: str) -> ResponseReturnValue:
    invitation = invitations.find_by_token(token)
    if invitation is None:
        return render_template("patients/pages/unknown_link.html"), 404
    _note_opening(invitation, now=clock.now())
    handle = doors.enter(INVITATION_LINK, invitation.public_id)
    response = redirect(url_for(endpoint, handle=handle), code=303)
    cookies.remember_door(response, handle, INVITATION_LINK, invitation.public_id)
    language = _language_of_chart(invitation)
    if language is not None:
        cookies.remember_language(response, language)
    return response


def _note_opening(invitation: Invitation, *, now: datetime) -> None:
    """Put it on the timeline; the page must not fail because that could not be written."""
    scanner = looks_like_a_scanner(request.user_agent.string, request.method)
    try:
        timeline.observe_opened(invitation, scanner=scanner, now=now)
    except SQLAlchemyError as error:
        log.warning("opening not noted", kind=type(error).__name__)


def _language_of_chart(invitation: Invitation) -> str | None:
    """The chart's language, if not the practice's usual one and this browser has not chosen."""
    language = invitation.patient.language
    if language == invitation.patient.practice.default_language or language not in LANGUAGES:
        return None
    chosen = cookies.LANGUAGE in request.cookies or request.args.get("lang") in LANGUAGES
    return None if chosen else language
