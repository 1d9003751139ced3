"""The sentence for each refusal of a value: plain, kind, and saying what to do (2.4)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _
from flask_babel.speaklater import LazyString

from portal.people.rules import Refusal

REFUSALS: dict[Refusal, LazyString] = {
    Refusal.SSN_SHAPE: _(
        "Enter all nine digits of the social security number, such as 123-45-6789."
    ),
    Refusal.SSN_IMPOSSIBLE: _(
        "No social security number looks like this. Check the digits with the patient."
    ),
    Refusal.SSN_DUMMY: _(
        "This is a well-known sample number, nobody's own. Check the digits with the patient."
    ),
    Refusal.PHONE_UNREADABLE: _(
        "Enter one phone number in digits, with area code, such as (202) 555-0123."
    ),
    Refusal.PHONE_IMPOSSIBLE: _(
        "This phone number has too few or too many digits, or an area code that does not exist."
        " Check it, area code included."
    ),
    Refusal.EMAIL_SHAPE: _("Enter an email address such as name@example.com."),
    Refusal.EMAIL_PLACEHOLDER: _(
        "This says that there is no email address. Leave the field empty instead."
    ),
    Refusal.EMAIL_SEVERAL: _("Enter one email address only: the one the patient reads."),
    Refusal.BIRTH_DATE_UNREADABLE: _(
        "Enter the date of birth as month, day and four-digit year, such as 2/11/1980."
    ),
    Refusal.BIRTH_DATE_PARTIAL: _(
        "The date of birth needs its month and day too, such as 2/11/1980."
    ),
    Refusal.BIRTH_DATE_FUTURE: _("The date of birth is in the future. Check the year."),
    Refusal.BIRTH_DATE_TOO_OLD: _("The date of birth is more than 130 years ago. Check the year."),
    Refusal.DEATH_DATE_UNREADABLE: _(
        "Enter the date of death as month, day and four-digit year, such as 2/11/2020."
    ),
    Refusal.DEATH_DATE_FUTURE: _("The date of death is in the future. Check the year."),
    Refusal.END_DATE_UNREADABLE: _(
        "Enter the end date as month, day and four-digit year, such as 2/11/2027."
    ),
    Refusal.TEXT_CONTROL: _(
        "This contains a line break or a character that cannot be shown. Type it anew."
    ),
    Refusal.TEXT_TOO_LONG: _("This is too long. Shorten it."),
}


def refusal_sentence(refusal: Refusal) -> LazyString:
    """What to tell the person who entered the value."""
    return REFUSALS[refusal]
