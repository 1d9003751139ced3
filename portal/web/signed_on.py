"""Who is logged on, at either door: Flask-Login over the server-side log-ons."""

from __future__ import annotations

from flask import session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from portal import clock
from portal.accounts import service as accounts
from portal.accounts.models import PortalAccount
from portal.audit.actor import Actor
from portal.logons import service as logons
from portal.logons.models import Logon
from portal.logons.side import Side
from portal.practices import service as practices
from portal.practices.models import StaffMember
from portal.web.cookies import side_of_request
from portal.web.security import client_address

_PEOPLE: dict[Side, type[StaffMember] | type[PortalAccount]] = {
    Side.STAFF: StaffMember,
    Side.PORTAL: PortalAccount,
}


class SignedOn(UserMixin):  # type: ignore[misc]
    """A log-on with the person behind it; its id is the cookie's reference token."""

    def __init__(self, token: str, logon: Logon, person: StaffMember | PortalAccount) -> None:
        self._token = token
        self.logon = logon
        self.logon_id = logon.id
        self.person = person
        self.practice_id = person.practice_id if isinstance(person, StaffMember) else None

    def get_id(self) -> str:
        """The reference token."""
        return self._token

    @property
    def name(self) -> str:
        """What the page calls the person."""
        return self.person.name if isinstance(self.person, StaffMember) else self.person.first_name


def init_app(login: LoginManager) -> None:
    """Load log-ons from the database on every request."""
    login.session_protection = None
    login.user_loader(_load)


def staff_on() -> StaffMember:
    """The staff member that is logged on; the access table has made sure that there is one."""
    person: StaffMember = current_user.person
    return person


def practice_on() -> int:
    """The number of that staff member's practice; it asks no more of the database, whatever was committed since."""
    number: int = current_user.practice_id
    return number


def account_on() -> PortalAccount:
    """The portal account that is logged on; the access table has made sure that there is one."""
    person: PortalAccount = current_user.person
    return person


def logon_id() -> int:
    """The number of the log-on that this request came by."""
    number: int = current_user.logon_id
    return number


def staff_hand() -> Actor:
    """The staff member as the hand that acts in this request."""
    return practices.actor(staff_on(), client=client_address())


def account_hand() -> Actor:
    """The account as the hand that acts in this request."""
    return accounts.actor(account_on(), client=client_address())


def remember(token: str) -> bool:
    """Put a fresh log-on into the cookie; all else that the cookie held is gone (fixation).

    Its CSRF secret stays: a form that is open in another tab of this browser must reach its view, which then
    says who is logged on here, instead of failing without a reason.
    """
    secret = session.get("csrf_token")
    session.clear()
    if secret:
        session["csrf_token"] = secret
    user = _load(token)
    return bool(user is not None and login_user(user))


def forget() -> None:
    """Log this browser off, on the server first."""
    if current_user.is_authenticated:
        person, token, now = current_user.person, current_user.get_id(), clock.now()
        if isinstance(person, StaffMember):
            practices.log_off(staff=person, token=token, by=staff_hand(), now=now)
        else:
            accounts.log_off(account=person, token=token, client=client_address(), now=now)
    logout_user()
    session.clear()


def keep_alive() -> None:
    """The person did something: the idle time begins anew."""
    if current_user.is_authenticated:
        logons.touch(current_user.logon, now=clock.now())


def _load(token: str) -> SignedOn | None:
    side = side_of_request()
    found = logons.find(token, side=side, person=_PEOPLE[side], now=clock.now())
    if found is None:
        return None
    logon, person = found
    if isinstance(person, StaffMember) and person.ended_at is not None:
        return None
    return SignedOn(token, logon, person)
