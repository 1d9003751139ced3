"""Codes -> sentences of the staff's pages: what was done, why something was refused, how access ended."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.access.models import EndReason
from portal.passwords import PasswordProblem
from portal.people.models import Patient
from portal.people.naming import short_name
from portal.web.filters import short_day


class Said(StrEnum):
    """What a page says was done; every sentence names who and what (interface.md)."""

    INVITED = "invited"
    RESENT = "resent"
    NOT_RESENT = "not_resent"
    ACTIVE_AGAIN = "active_again"
    ACTIVE_ALREADY = "active_already"
    REVOKED = "revoked"
    DISABLED = "disabled"
    ENDED_BEFORE = "ended_before"
    IDENTIFIERS_SAVED = "identifiers_saved"
    ADDED = "added"
    EDITED = "edited"
    NOTHING_CHANGED = "nothing_changed"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"
    ATTENDED = "attended"
    ENABLED = "enabled"
    ENABLED_BEFORE = "enabled_before"
    NOT_ENABLED_ANY_MORE = "not_enabled_any_more"
    RESET_SENT = "reset_sent"
    RESET_NOT_SENT = "reset_not_sent"
    USERNAME_CHANGED = "username_changed"
    BOOKED = "booked"
    MOVED = "moved"
    APPOINTMENT_SAVED = "appointment_saved"
    APPOINTMENT_AS_IT_WAS = "appointment_as_it_was"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    REOPENED = "reopened"
    NOTE_SAVED = "note_saved"


_DONE: dict[Said, LazyString] = {
    Said.INVITED: _l("Invited %(who)s. Link expires %(day)s."),
    Said.RESENT: _l("Sent a new invitation to %(who)s. Link expires %(day)s."),
    Said.NOT_RESENT: _l(
        "Nothing was sent: %(who)s got a newer invitation already. Link expires %(day)s."
    ),
    Said.ACTIVE_AGAIN: _l(
        "Enabled %(who)s. The account from before works at once; no mail was sent."
    ),
    Said.ACTIVE_ALREADY: _l("%(who)s has portal access already. Nothing was sent."),
    Said.REVOKED: _l("Revoked the invitation of %(who)s. The link no longer works."),
    Said.DISABLED: _l("Disabled portal access of %(who)s."),
    Said.ENDED_BEFORE: _l("This access of %(who)s had ended already. Nothing was changed."),
    Said.IDENTIFIERS_SAVED: _l("Saved identifiers of %(who)s."),
    Said.ADDED: _l("Added %(who)s."),
    Said.EDITED: _l("Saved the chart of %(who)s."),
    Said.NOTHING_CHANGED: _l("Nothing was changed in the chart of %(who)s."),
    Said.OPTED_OUT: _l("%(who)s is opted out. No invitations are sent."),
    Said.OPTED_IN: _l("%(who)s may be invited again."),
    Said.ATTENDED: _l("Done: %(who)s is off the list."),
    Said.ENABLED: _l("Enabled %(who)s. No mail was sent."),
    Said.ENABLED_BEFORE: _l("%(who)s is enabled already. Nothing was changed."),
    Said.NOT_ENABLED_ANY_MORE: _l("%(who)s is not enabled any more. No mail had been sent."),
    Said.RESET_SENT: _l("Sent a reset email to %(who)s. Its link works for one hour."),
    Said.USERNAME_CHANGED: _l("Changed the portal username of %(who)s."),
    Said.BOOKED: _l("Booked %(who)s for %(day)s."),
    Said.MOVED: _l("Moved the appointment of %(who)s to %(day)s."),
    Said.APPOINTMENT_SAVED: _l("Saved the appointment of %(who)s."),
    Said.APPOINTMENT_AS_IT_WAS: _l("Nothing was changed in the appointment of %(who)s."),
    Said.CANCELLED: _l("Cancelled the appointment of %(who)s."),
    Said.COMPLETED: _l("Completed the appointment of %(who)s."),
    Said.REOPENED: _l("Reopened the appointment of %(who)s."),
    Said.NOTE_SAVED: _l("Saved the visit note of %(who)s."),
    Said.RESET_NOT_SENT: _l("Nothing was sent: %(who)s got a newer reset email already."),
}

_REFUSED: dict[str, LazyString] = {
    "end_dated": _l("Nothing was sent: the end date of %(who)s has come."),
    "deceased": _l("Nothing was sent: %(who)s is recorded as deceased."),
    "opted_out": _l("Nothing was sent: %(who)s is opted out of portal mail."),
    "address_blocked": _l(
        "Nothing was sent: whoever reads the address on file said that they are not %(who)s."
        " Ask the patient for another address."
    ),
    "identifiers_missing": _l("Nothing was sent: information about %(who)s is missing."),
    "not_enabled": _l("Nothing was sent: portal access of %(who)s is not enabled any more."),
    "active": _l("Nothing was sent: %(who)s has an account already."),
    "other_practice": _l(
        "Nothing was changed: the account of %(who)s is used at another practice too. Send a reset"
        " email instead; the username is changed by its holder."
    ),
    "other_person": _l(
        "Nothing was changed: the account of %(who)s holds another person too. Send a reset email"
        " instead."
    ),
    "second_factor": _l(
        "Nothing was changed: the account of %(who)s has a second factor. Send a reset email"
        " instead."
    ),
    "no_account": _l("Nothing was sent: %(who)s has no account to reset."),
    "reset_waits": _l(
        "Nothing was sent: the email on file of %(who)s changed, and resets to the new address"
        " wait for 24 hours."
    ),
    "email_unconfirmed": _l(
        "Nothing was sent: %(who)s has not confirmed the new email yet. A code went there; it is"
        " entered on the portal’s home page."
    ),
    "appointment_changed": _l(
        "The appointment of %(who)s was changed meanwhile. Nothing was done."
    ),
    "stale": _l(
        "The chart of %(who)s changed since this page was drawn. Nothing was done."
        " Here is how it stands now."
    ),
}

PASSWORD_PROBLEMS: dict[PasswordProblem, LazyString] = {
    PasswordProblem.TOO_SHORT: _l("This password is too short. Use 15 characters or more."),
    PasswordProblem.TOO_LONG: _l("This password is too long. Use 256 characters or fewer."),
    PasswordProblem.COMMON: _l("Many people use this password, so it is among the first guessed."),
    PasswordProblem.REPETITIVE: _l("This password repeats the same characters or runs in a row."),
    PasswordProblem.PERSONAL: _l(
        "This password is made of the person's name, an address or the practice's name."
    ),
}

USERNAME_WORDS: dict[str, LazyString] = {
    "available": _l("Available"),
    "current": _l("This is the username now"),
    "taken": _l("Not available"),
    "shape": _l(
        "Use 3 to 64 letters (a to z), digits, dots, hyphens or underscores. No spaces and no @."
    ),
    "too_many": _l("Many usernames were tried in a short time. Save to find out about this one."),
}

_ENDINGS: dict[EndReason, LazyString] = {
    EndReason.EMAIL_CHANGED: _l("The email on file changed"),
    EndReason.NOT_ME: _l("“This is not me”"),
    EndReason.IDENTITY_LOCKED: _l("Identity check locked"),
    EndReason.END_DATED: _l("End date"),
    EndReason.DECEASED: _l("Deceased"),
}


def sentence(what: Said, patient: Patient, *, expires: date | None = None) -> str:
    """What was done, to whom."""
    return _filled(_DONE[what], patient, day=short_day(expires))


def refusal(code: str, patient: Patient) -> str:
    """Why nothing was done; ``code`` is that of :class:`portal.errors.Refused`."""
    return _filled(_REFUSED[code], patient)


def _filled(words: LazyString, patient: Patient, **more: str) -> str:
    who = short_name(patient)
    text = str(words) % {"who": who, **more}
    # the full stop of "Jenny H." ends a sentence as well
    return text.replace(f"{who}.", who) if who.endswith(".") else text


def ending(reason: EndReason) -> str:
    """Why a grant ended, where "By … On …" does not say it all; else empty."""
    return str(_ENDINGS.get(reason, ""))


def minutes(seconds: float) -> str:
    """ "2 minutes": how long somebody waits, rounded up."""
    count = max(1, -int(-seconds // 60))
    return _("1 minute") if count == 1 else _("%(count)s minutes", count=count)


REQUESTS: dict[str, LazyString] = {
    "done": _l("The patient reads that it is taken care of."),
    "declined": _l("The patient reads that it could not be done, and is asked to call."),
    "settled": _l("Nothing was changed: this request was answered or taken back meanwhile."),
}
"""What became of a patient's request about an appointment."""
