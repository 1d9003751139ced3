"""Codes to sentences, for patients: plain words, what happened, what to do (interface.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flask_babel import gettext, ngettext
from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.accounts.rules import ResetLink, UsernameProblem
from portal.invitations.rules import LinkState
from portal.passwords import PasswordProblem
from portal.people.rules import Refusal


class WayOn(StrEnum):
    """What a dead link's page offers (8.6)."""

    FRESH_LINK = "fresh_link"
    LOG_IN = "log_in"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class DeadLink:
    """One page for each kind of dead link."""

    title: LazyString
    text: LazyString
    way_on: WayOn
    doubt: LazyString | None = None
    """Under the card: what to do if somebody else has used it."""


DEAD_LINKS: dict[LinkState, DeadLink] = {
    LinkState.EXPIRED: DeadLink(
        _("This link has expired"),
        _("To keep your record safe, a link works for a few days only. Yours has come to its end."),
        WayOn.FRESH_LINK,
    ),
    LinkState.REPLACED: DeadLink(
        _("There is a newer link"),
        _("This link was replaced by a newer one. Look for the latest email and use its link."),
        WayOn.FRESH_LINK,
    ),
    LinkState.USED: DeadLink(
        _("You have signed up already"),
        _("An account was set up from this invitation. Log in with your username and password."),
        WayOn.LOG_IN,
        _("If it was not you who signed up, please call at once."),
    ),
    LinkState.LOCKED: DeadLink(
        _("This link is locked"),
        _(
            "The identity check did not succeed after several tries, so we locked the link to keep"
            " the record safe. Please call: after a few questions you can get a new invitation."
        ),
        WayOn.CALL,
    ),
    LinkState.REVOKED: DeadLink(
        _("This invitation has ended"),
        _("The practice has ended this invitation. If you think that it should not, please call."),
        WayOn.CALL,
    ),
    LinkState.NOT_ME: DeadLink(
        _("This link is closed"),
        _(
            "Somebody told us that this invitation reached the wrong person, so we closed it. If it"
            " was meant for you, please call."
        ),
        WayOn.CALL,
    ),
}

DEAD_RESETS: dict[ResetLink, DeadLink] = {
    ResetLink.EXPIRED: DeadLink(
        _("This link has expired"),
        _(
            "To keep your record safe, a link for a new password works for one hour only. Your old"
            " password is as good as before. If you need a new one, please call and ask for another"
            " link."
        ),
        WayOn.CALL,
    ),
    ResetLink.REPLACED: DeadLink(
        _("There is a newer link"),
        _("This link was replaced by a newer one. Look for the latest email and use its link."),
        WayOn.CALL,
    ),
    ResetLink.USED: DeadLink(
        _("Your password is changed already"),
        _("This link was used to choose a new password. Log in with your username and with it."),
        WayOn.LOG_IN,
        _("If it was not you who chose the new password, please call at once."),
    ),
    ResetLink.LOCKED: DeadLink(
        _("This link is locked"),
        _(
            "The identity check did not succeed after several tries, so we locked the link to keep"
            " the record safe. Your old password is as good as before. Please call: after a few"
            " questions you can get a new link."
        ),
        WayOn.CALL,
    ),
    ResetLink.REVOKED: DeadLink(
        _("This link has ended"),
        _("Something about your account changed since it was sent. Please call for a new one."),
        WayOn.CALL,
    ),
}

PASSWORD_PROBLEMS: dict[PasswordProblem, LazyString] = {
    PasswordProblem.TOO_SHORT: _(
        "This password is too short. Use 15 characters or more: three or four words in a row are"
        " easy to remember."
    ),
    PasswordProblem.TOO_LONG: _("This password is too long. Use 256 characters or fewer."),
    PasswordProblem.COMMON: _(
        "Many people use this password, so it is among the first to be guessed. Choose another one."
    ),
    PasswordProblem.REPETITIVE: _(
        "This password repeats the same characters or runs in a row. Choose one that is harder to"
        " guess."
    ),
    PasswordProblem.PERSONAL: _(
        "This password is made of your name, your address or the practice's name. Choose other"
        " words."
    ),
}

USERNAME_PROBLEMS: dict[UsernameProblem, LazyString] = {
    UsernameProblem.SHAPE: _(
        "Use 3 to 64 letters (a to z), digits, dots, hyphens or underscores. No spaces and no @."
    ),
    UsernameProblem.TAKEN: _("Somebody has this username already. Choose another one."),
}

REFUSALS: dict[Refusal, LazyString] = {
    Refusal.SSN_SHAPE: _(
        "Enter all nine digits of your Social Security number, such as 123-45-6789."
    ),
    Refusal.SSN_IMPOSSIBLE: _("No Social Security number looks like this. Check the digits."),
    Refusal.SSN_DUMMY: _("This is a sample number and nobody's own. Check the digits."),
    Refusal.PHONE_UNREADABLE: _(
        "Enter your phone number in digits, with area code, such as (202) 555-0123."
    ),
    Refusal.PHONE_IMPOSSIBLE: _(
        "This phone number has too few or too many digits, or an area code that does not exist."
    ),
    Refusal.EMAIL_SHAPE: _("Enter an email address such as name@example.com."),
    Refusal.EMAIL_PLACEHOLDER: _("Enter an email address that you can read."),
    Refusal.EMAIL_SEVERAL: _("Enter one email address only."),
    Refusal.BIRTH_DATE_UNREADABLE: _(
        "There is no such day. Check the month, the day and the year of birth."
    ),
    Refusal.BIRTH_DATE_PARTIAL: _("Enter the month, the day and the year of birth."),
    Refusal.BIRTH_DATE_FUTURE: _("This date of birth is in the future. Check the year."),
    Refusal.BIRTH_DATE_TOO_OLD: _("This date of birth is too long ago. Check the year."),
    Refusal.TEXT_CONTROL: _("This contains a character that cannot be shown. Type it again."),
    Refusal.TEXT_TOO_LONG: _("This is too long. Shorten it."),
}

LOG_ON: dict[str, LazyString] = {
    "wrong": _(
        "That did not match. Check your username and your password. If you typed an email address,"
        " try your username."
    ),
    "wait": _(
        "There were too many tries. Please wait before you try again, even if you are sure of your"
        " password now. The wait is short at first and one hour at most."
    ),
}

LINKING: dict[str, LazyString] = LOG_ON | {
    "one_time": _(
        "This is the password from the office. Log in with it first and choose one of your own."
    ),
    "other_person": _(
        "This account belongs to somebody else at this practice, and can hold only one person's own"
        " record there. Go back and sign up with a username of your own."
    ),
}

APPOINTMENTS: dict[str, LazyString] = {
    "confirmed": _("Thank you. The office can see that you are coming."),
    "asked": _("We have told the office. They will answer here, or call you."),
    "taken_back": _("You have taken your request back. Nothing else has changed."),
}
APPOINTMENT_REFUSALS: dict[str, LazyString] = {
    "over": _("This appointment cannot be changed here any more. Please call."),
    "asked": _("You have asked to change this appointment already. The office will answer soon."),
    "too_many": _(
        "You have asked for several things already. Please wait for an answer, or call the office."
    ),
    "answered": _("The office has answered this already."),
}

EMAIL_CODES: dict[str, LazyString] = {
    "no_code": _("This code is not good any more. Ask for a new one below."),
    "wrong_code": _(
        "This is not the code that we sent. Check the eight digits in our latest email."
    ),
}

SIGN_UP_AGAIN = _(
    "Please fill in this page: what is typed here is kept for 30 minutes only, until the identity"
    " check is passed."
)
PASSWORD_AGAIN = _(
    "Please type your new password: it is kept for 30 minutes only, until the identity check is"
    " passed."
)
SAME_PASSWORD = _("This is the password from the office. Choose another one.")
PASSWORD_CHOSEN = _("Your new password is saved. Use it from now on.")
PASSWORD_CHANGED = _("Your password is changed. Log in with it.")
TOO_MANY_SIGN_UPS = _(
    "There were too many tries from your connection. Please wait an hour and try again."
)
CODE_SENT = _(
    "If your address can receive a code now, one is on its way. Use the one in the latest email."
)
EMAIL_CONFIRMED = _("Thank you. Your email address is confirmed.")
LOGGED_OUT = _("You are logged out.")


def identity_failed(practice: str, tries_left: int) -> str:
    """The one neutral answer (8.4). The tries left depend on nothing that was typed."""
    answer = gettext(
        "What you entered does not match the records of %(practice)s. Check it and try again.",
        practice=practice,
    )
    left = ngettext(
        "You have one try left with this invitation.",
        "You have %(num)d tries left with this invitation.",
        tries_left,
    )
    return f"{answer} {left}"


def reset_identity_failed(practice: str, tries_left: int) -> str:
    """The same neutral answer behind a reset link."""
    answer = gettext(
        "What you entered does not match the records of %(practice)s. Check it and try again.",
        practice=practice,
    )
    left = ngettext(
        "You have one try left with this link.",
        "You have %(num)d tries left with this link.",
        tries_left,
    )
    return f"{answer} {left}"


def identity_throttled(practice: str) -> str:
    """Too many tries: nothing was compared."""
    return gettext(
        "There were too many tries. Please wait an hour and try again, or call %(practice)s.",
        practice=practice,
    )
