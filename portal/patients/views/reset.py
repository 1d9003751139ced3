"""A reset link (3.5): a new password, behind the link *and* the identity check; nobody is logged on by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import structlog
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as BaseResponse

from portal import clock
from portal.accounts import reset_passwords, resets
from portal.accounts.recovery_models import PasswordReset
from portal.accounts.rules import ResetLink
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused
from portal.identity.rules import Verdict
from portal.invitations.rules import looks_like_a_scanner
from portal.limits import service as limits
from portal.limits.rules import IDENTITY_PER_RESET, SIGN_UP_PER_CLIENT
from portal.patients import blueprint, doors, identity_page, presenters, wording
from portal.patients.forms import NewPasswordForm
from portal.patients.identity_page import ClaimForm
from portal.patients.views.log_on import clear_browser
from portal.people.naming import hello_name
from portal.tokens import RESET_LINK
from portal.web import cookies, signed_on
from portal.web.security import client_address

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ResetDoor:
    """An opened reset link in this browser; a pointer, and no log-on (security.md "Shape")."""

    handle: str
    reset: PasswordReset

    @property
    def state(self) -> ResetLink:
        """What the link is worth at this moment."""
        return resets.state_of_link(self.reset, now=clock.now())

    @property
    def hand(self) -> Actor:
        """Whoever holds the link, as the hand that acts in this request."""
        return Actor(ActorKind.LINK, self.reset.id, "Holder of the reset link", client_address())

    def go(self, endpoint: str) -> BaseResponse:
        """On to another page of this door; what was typed is kept as long as the door."""
        response = redirect(url_for(endpoint, handle=self.handle), code=303)
        cookies.remember_door(response, self.handle, RESET_LINK, self.reset.public_id)
        return response

    def page(self, name: str, **words: Any) -> str:
        """A page of this door."""
        practice = presenters.practice_card(self.reset.patient.practice)
        return render_template(
            f"patients/pages/{name}.html",
            handle=self.handle,
            practice=practice,
            greeting=hello_name(self.reset.patient),
            **words,
        )


DoorView = Callable[[ResetDoor], ResponseReturnValue]


def at_reset(view: DoorView) -> Callable[[str], ResponseReturnValue]:
    """A view of a reset link that this browser opened; a dead one, and a log-on that is open, are told of first."""

    @wraps(view)
    def inner(handle: str) -> ResponseReturnValue:
        subject = doors.subject_behind(handle, RESET_LINK)
        reset = resets.find_by_public_id(subject) if subject else None
        if reset is None:
            return render_template("patients/pages/lost_door.html"), 404
        door = ResetDoor(handle, reset)
        if door.state is not ResetLink.OPEN:
            return _dead(door, door.state)
        if current_user.is_authenticated:
            username = signed_on.account_on().username
            return door.page("reset_logged_on", username=username)
        try:
            return view(door)
        except Refused as refused:
            if refused.code not in set(ResetLink):
                raise
            return _dead(door, ResetLink(refused.code))

    return inner


@blueprint.get("/r/<token>")
def open_reset(token: str) -> ResponseReturnValue:
    """The link of a reset mail: the token leaves the address at once, and nothing is used up."""
    reset = resets.find_by_token(token)
    if reset is None:
        return render_template("patients/pages/unknown_link.html"), 404
    scanner = looks_like_a_scanner(request.user_agent.string, request.method)
    public_id = reset.public_id
    try:
        resets.observe_opened(reset, scanner=scanner, now=clock.now())
    except SQLAlchemyError as error:  # the page must not fail because that could not be written
        log.warning("opening not noted", kind=type(error).__name__)
    handle = doors.enter(RESET_LINK, public_id)
    response = redirect(url_for("patients.reset", handle=handle), code=303)
    cookies.remember_door(response, handle, RESET_LINK, public_id)
    return response


@blueprint.route("/reset/<handle>", methods=["GET", "POST"])
@at_reset
def reset(door: ResetDoor) -> ResponseReturnValue:
    """The new password; it waits for the identity check."""
    form = _password_form(door)
    if not form.is_submitted():
        return door.page("reset", form=form)
    now = clock.now()
    if not limits.spend(SIGN_UP_PER_CLIENT, client_address(), now=now):
        form.form_errors.append(wording.TOO_MANY_SIGN_UPS)
        return door.page("reset", form=form), 429
    if not form.validate():
        return door.page("reset", form=form), 422
    reset_passwords.begin(
        reset=door.reset, handle=door.handle, password=form.password.data, by=door.hand, now=now
    )
    return door.go("patients.reset_identity")


@blueprint.route("/reset/<handle>/identity", methods=["GET", "POST"])
@at_reset
def reset_identity(door: ResetDoor) -> ResponseReturnValue:
    """The identity check; once passed, the password is changed and the person logs on with it."""
    now = clock.now()
    if reset_passwords.find_pending(door.handle, now=now) is None:
        return _back_to_password(door)
    form = identity_page.claim_form(door.reset.patient.practice, now=now)
    if not form.validate_on_submit():
        return _identity(door, form), 422 if form.is_submitted() else 200
    try:
        verdict = reset_passwords.finish(
            handle=door.handle, claim=form.claim(), client=client_address(), by=door.hand, now=now
        )
    except Refused as refused:
        if refused.code == "pending_gone":
            return _back_to_password(door)
        raise
    if verdict is not Verdict.PASSED:
        return _not_passed(door, form, verdict)
    flash(str(wording.PASSWORD_CHANGED), "success")
    return redirect(url_for("patients.log_on"), code=303)


@blueprint.post("/reset/<handle>/log-out")
def log_off_for_reset(handle: str) -> ResponseReturnValue:
    """End the log-on of whoever was here before, so that the link can be followed."""
    signed_on.forget()
    return clear_browser(redirect(url_for("patients.reset", handle=handle), code=303))


def _password_form(door: ResetDoor) -> NewPasswordForm:
    account, patient = door.reset.account, door.reset.patient
    return NewPasswordForm(
        known=(account.username, account.first_name, account.email, patient.practice.name)
    )


def _identity(door: ResetDoor, form: ClaimForm) -> str:
    return door.page("identity", here="patients.reset_identity", **identity_page.shown(form))


def _not_passed(door: ResetDoor, form: ClaimForm, verdict: Verdict) -> ResponseReturnValue:
    practice = door.reset.patient.practice.name
    if verdict is Verdict.LOCKED:
        return door.go("patients.reset")
    if verdict is Verdict.THROTTLED:
        form.form_errors.append(wording.identity_throttled(practice))
        return _identity(door, form), 429
    left = IDENTITY_PER_RESET - door.reset.identity_failures
    form.form_errors.append(wording.reset_identity_failed(practice, left))
    return _identity(door, form), 422


def _dead(door: ResetDoor, state: ResetLink) -> ResponseReturnValue:
    return door.page("dead_link", dead=wording.DEAD_RESETS[state]), 410


def _back_to_password(door: ResetDoor) -> ResponseReturnValue:
    flash(str(wording.PASSWORD_AGAIN), "info")
    return door.go("patients.reset")
