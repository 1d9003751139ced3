"""**This is not me** (8.13): looking changes nothing, one POST ends it, and nothing is revealed."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.invitations import wrong_person
from portal.patients import blueprint, doors
from portal.patients.doors import Door


@blueprint.route("/invitation/<handle>/not-me", methods=["GET", "POST"])
@doors.at_door
def not_me(door: Door) -> ResponseReturnValue:
    """GET explains what the button does; POST kills the link, and is harmless on a dead one."""
    if request.method != "POST":
        return doors.page("not_me", door)
    wrong_person.not_me(door.invitation, by=door.hand, now=clock.now())
    return door.go("patients.not_me_thanks")


@blueprint.get("/invitation/<handle>/not-me/thanks")
@doors.at_door
def not_me_thanks(door: Door) -> ResponseReturnValue:
    """The same thanks whatever the link was worth."""
    return doors.page("not_me_thanks", door)
