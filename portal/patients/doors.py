"""Doors: the links this browser has opened lately, each under a random handle (8.2).

A handle is a pointer and no log-on (security.md "Shape"): it says which invitation a form belongs
to, and nothing is decided by it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from portal import clock, tokens
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.invitations.rules import LinkState
from portal.patients import presenters
from portal.web import cookies
from portal.web.security import client_address


@dataclass(frozen=True, slots=True)
class Door:
    """An opened link in this browser."""

    handle: str
    invitation: Invitation

    @property
    def state(self) -> LinkState:
        """What the link is worth at this moment."""
        return invitations.state_of_link(self.invitation, now=clock.now())

    @property
    def hand(self) -> Actor:
        """Whoever holds the link, as the hand that acts in this request."""
        return Actor(
            ActorKind.LINK, self.invitation.id, "Holder of the invitation link", client_address()
        )

    def go(self, endpoint: str) -> BaseResponse:
        """On to another page of this door."""
        return redirect(url_for(endpoint, handle=self.handle), code=303)


def page(name: str, door: Door, **words: Any) -> str:
    """A page of a door: nothing on it is the patient's."""
    practice = presenters.practice_card(door.invitation.patient.practice)
    return render_template(
        f"patients/pages/{name}.html", handle=door.handle, practice=practice, **words
    )


def open_page(name: str, door: Door, **words: Any) -> str:
    """A page of an open door: the patient by first name and initial, links that stay here."""
    return page(
        name,
        door,
        greeting=presenters.greeting(door.invitation),
        log_in_url=url_for("patients.link_account", handle=door.handle),
        sign_up_url=url_for("patients.sign_up", handle=door.handle),
        **words,
    )


DoorView = Callable[[Door], ResponseReturnValue]
HandleView = Callable[[str], ResponseReturnValue]


def enter(purpose: str, subject: str) -> str:
    """The handle of this browser's door for the subject (a public id); a new one if it has none."""
    known = [
        opened.handle
        for opened in cookies.doors()
        if (opened.purpose, opened.subject) == (purpose, subject)
    ]
    return known[-1] if known else tokens.public_id()


def subject_behind(handle: str, purpose: str) -> str | None:
    """What the door of this handle leads to, if this browser opened it in the last half hour for this purpose."""
    opened = cookies.door(handle)
    return opened.subject if opened is not None and opened.purpose == purpose else None


def at_door(view: DoorView) -> HandleView:
    """A view of a door that this browser opened in the last half hour; else a kind page says so."""

    @wraps(view)
    def inner(handle: str) -> ResponseReturnValue:
        subject = subject_behind(handle, tokens.INVITATION_LINK)
        invitation = invitations.find_by_public_id(subject) if subject else None
        if invitation is None:
            return render_template("patients/pages/lost_door.html"), 404
        return view(Door(handle, invitation))

    return inner


def at_open_door(view: DoorView) -> HandleView:
    """A view for an open link with nobody logged on; else the door's page says what is wrong."""

    @wraps(view)
    def inner(door: Door) -> ResponseReturnValue:
        if current_user.is_authenticated or door.state is not LinkState.OPEN:
            return door.go("patients.door")
        try:
            return view(door)
        except Refused as refused:
            if refused.code not in set(LinkState):
                raise
            return door.go("patients.door")

    return at_door(inner)
