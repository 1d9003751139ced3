"""From an open link to the identity check: a new account, or one that the person has (8.3)."""

from __future__ import annotations

from flask.typing import ResponseReturnValue

from portal import clock
from portal.accounts import service as accounts
from portal.accounts import sign_up as signing_up
from portal.accounts.models import PendingSignUp
from portal.accounts.rules import UsernameProblem
from portal.errors import Refused
from portal.limits import service as limits
from portal.limits.rules import SIGN_UP_PER_CLIENT
from portal.patients import blueprint, doors, presenters, wording
from portal.patients.doors import Door
from portal.patients.forms import LogOnForm, SignUpForm
from portal.tokens import INVITATION_LINK
from portal.web import cookies
from portal.web.language import current_language
from portal.web.security import client_address


@blueprint.route("/invitation/<handle>/sign-up", methods=["GET", "POST"])
@doors.at_open_door
def sign_up(door: Door) -> ResponseReturnValue:
    """The sign-up page; what is typed waits for the identity check."""
    form = _form(door)
    if not form.is_submitted():
        return doors.open_page("sign_up", door, form=form)
    now = clock.now()
    if not limits.spend(SIGN_UP_PER_CLIENT, client_address(), now=now):
        form.form_errors.append(wording.TOO_MANY_SIGN_UPS)
        return doors.open_page("sign_up", door, form=form), 429
    if not form.validate():
        return doors.open_page("sign_up", door, form=form), 422
    new = form.new_account(language=current_language())
    signing_up.begin(invitation=door.invitation, handle=door.handle, new=new, by=door.hand, now=now)
    return _on_to_identity(door)


@blueprint.route("/invitation/<handle>/log-in", methods=["GET", "POST"])
@doors.at_open_door
def link_account(door: Door) -> ResponseReturnValue:
    """An account that the person has: no log-on yet, the identity check comes first."""
    form = LogOnForm()
    if not form.validate_on_submit():
        return doors.open_page("link_account", door, form=form), 422 if form.is_submitted() else 200
    now = clock.now()
    try:
        account = accounts.authenticate(
            identifier=form.identifier.data,
            password=form.password.data,
            client=client_address(),
            now=now,
        )
        signing_up.begin_linking(
            invitation=door.invitation, handle=door.handle, account=account, by=door.hand, now=now
        )
    except Refused as refused:
        if refused.code not in wording.LINKING:
            raise
        form.form_errors.append(wording.LINKING[refused.code])
        return doors.open_page("link_account", door, form=form), 422
    return _on_to_identity(door)


def username_taken_meanwhile(door: Door, pending: PendingSignUp) -> ResponseReturnValue:
    """Somebody else was quicker: the page comes back with what was typed, but for the password."""
    typed = {
        "first_name": pending.first_name or "",
        "email": pending.email or "",
        "username": pending.username or "",
    }
    form = _form(door, **typed)
    form.username.errors = [form.username_sentence(UsernameProblem.TAKEN)]
    return doors.open_page("sign_up", door, form=form), 422


def _form(door: Door, **typed: str) -> SignUpForm:
    practice = door.invitation.patient.practice.name
    return SignUpForm(known=(practice, presenters.greeting(door.invitation)), **typed)


def _on_to_identity(door: Door) -> ResponseReturnValue:
    """The door stays open as long as what was typed is kept."""
    response = door.go("patients.identity")
    cookies.remember_door(response, door.handle, INVITATION_LINK, door.invitation.public_id)
    return response
