"""The identity check (8.4): the second lock, behind the link."""

from __future__ import annotations

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.accounts import sign_up as signing_up
from portal.errors import Refused
from portal.identity.rules import Verdict
from portal.limits.rules import IDENTITY_PER_INVITATION
from portal.patients import blueprint, doors, identity_page, wording
from portal.patients.doors import Door
from portal.patients.identity_page import ClaimForm
from portal.patients.views.sign_up import username_taken_meanwhile
from portal.web import signed_on
from portal.web.security import client_address


@blueprint.route("/invitation/<handle>/identity", methods=["GET", "POST"])
@doors.at_open_door
def identity(door: Door) -> ResponseReturnValue:
    """SSN, or date of birth and phone; once passed, the account exists and is logged on."""
    now = clock.now()
    pending = signing_up.find_pending(door.handle, now=now)
    if pending is None:
        return _back_to_sign_up(door)
    form = identity_page.claim_form(door.invitation.patient.practice, now=now)
    if not form.validate_on_submit():
        return _page(door, form), 422 if form.is_submitted() else 200
    try:
        result = signing_up.finish(
            handle=door.handle, claim=form.claim(), client=client_address(), by=door.hand, now=now
        )
    except Refused as refused:
        if refused.code == "pending_gone":
            return _back_to_sign_up(door)
        if refused.code == "username_taken":
            return username_taken_meanwhile(door, pending)
        if refused.code not in wording.LINKING:
            raise
        form.form_errors.append(wording.LINKING[refused.code])
        return _page(door, form), 409
    if result.logon_token is not None:
        signed_on.remember(result.logon_token)
        return redirect(url_for("patients.home"), code=303)
    return _not_passed(door, form, result.verdict)


def _not_passed(door: Door, form: ClaimForm, verdict: Verdict) -> ResponseReturnValue:
    practice = door.invitation.patient.practice.name
    match verdict:
        case Verdict.LOCKED:
            return door.go("patients.door")
        case Verdict.THROTTLED:
            form.form_errors.append(wording.identity_throttled(practice))
            return _page(door, form), 429
        case _:
            left = IDENTITY_PER_INVITATION - door.invitation.identity_failures
            form.form_errors.append(wording.identity_failed(practice, left))
            return _page(door, form), 422


def _back_to_sign_up(door: Door) -> ResponseReturnValue:
    flash(str(wording.SIGN_UP_AGAIN), "info")
    return door.go("patients.sign_up")


def _page(door: Door, form: ClaimForm) -> str:
    return doors.open_page(
        "identity", door, here="patients.identity", not_me=True, **identity_page.shown(form)
    )
