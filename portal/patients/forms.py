"""What patients may type: forms check the shape of values; whether they are right, the services."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Any

from babel.dates import get_month_names
from flask import abort, request
from flask_babel import get_locale, lazy_gettext
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import (
    Field,
    HiddenField,
    PasswordField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)

from portal import passwords
from portal.accounts import sign_up
from portal.accounts.rules import UsernameProblem, suggestions
from portal.identity.rules import BirthAndPhoneClaim, SsnClaim
from portal.patients import wording
from portal.people import rules as people_rules
from portal.people.rules import ValueRefused
from portal.schedule import of_patient

_l: Any = lazy_gettext  # WTForms takes what turns into text later, its types say otherwise

OFFERED = 3
"""So many usernames are suggested."""


def refuse_doubled_fields() -> None:
    """No form here has two fields of one name: a second value is somebody's trick (ASVS 15.3.7)."""
    if any(len(values) > 1 for _name, values in request.form.lists()):
        abort(400)


def _plain(text: str | None) -> str:
    """Without NUL, which PostgreSQL cannot be asked about, and without white space around."""
    return (text or "").replace("\0", "").strip()


class TextField(StringField):
    """A line of text; empty rather than None where nothing came."""

    data: str

    def __init__(self, label: str, **bound: Any) -> None:
        super().__init__(label, filters=[_plain], **bound)


class SecretField(PasswordField):
    """A password, taken exactly as typed and never sent back."""

    data: str


class SignUpForm(FlaskForm):  # type: ignore[misc]
    """A new account (8.3)."""

    first_name = TextField(_l("First name"))
    email = TextField(_l("Email address"))
    username = TextField(_l("Username"))
    password = SecretField(_l("Create password"))

    def __init__(self, *, known: tuple[str, ...], **values: str) -> None:
        """With ``known``: words of this place that a password may not be made of."""
        super().__init__(data=values)
        self.known = known

    def new_account(self, *, language: str) -> sign_up.NewAccount:
        """What was typed, after :meth:`validate`."""
        return sign_up.NewAccount(
            first_name=self.first_name.data,
            email=self.email.data,
            username=self.username.data,
            password=self.password.data,
            language=language,
        )

    def validate_first_name(self, field: Field) -> None:
        """What the portal calls the person."""
        field.data = _checked(people_rules.clean_text, field, _("Enter your first name."))

    def validate_email(self, field: Field) -> None:
        """Where the portal writes to, once it is confirmed."""
        field.data = _checked(people_rules.parse_email, field, _("Enter your email address."))

    def validate_username(self, field: Field) -> None:
        """Unique in the installation (8.9)."""
        problem = sign_up.username_problem(field.data)
        if problem is not None:
            raise ValidationError(self.username_sentence(problem))

    def validate_password(self, field: Field) -> None:
        """Long, and not easily guessed (NIST 63B-4)."""
        if not field.data:
            raise ValidationError(_("Create a password of 15 characters or more."))
        words = (self.first_name.data, self.email.data, self.username.data, *self.known)
        problem = passwords.problem(field.data, context=words)
        if problem is not None:
            raise ValidationError(str(wording.PASSWORD_PROBLEMS[problem]))

    def username_sentence(self, problem: UsernameProblem) -> str:
        """Why the username is refused, and which ones are free."""
        sentence = str(wording.USERNAME_PROBLEMS[problem])
        wished = suggestions(self.first_name.data, self.email.data)
        free = [name for name in wished if sign_up.username_problem(name) is None][:OFFERED]
        if not free:
            return sentence
        return f"{sentence} {_('These are free: %(names)s', names=', '.join(free))}"


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password for an account that is there."""

    password = SecretField(_l("New password"))

    def __init__(self, *, known: tuple[str, ...]) -> None:
        """With ``known``: words of this person and place that a password may not be made of."""
        super().__init__()
        self.known = known

    def validate_password(self, field: Field) -> None:
        """Long, and not easily guessed (NIST 63B-4)."""
        if not field.data:
            raise ValidationError(_("Create a password of 15 characters or more."))
        problem = passwords.problem(field.data, context=self.known)
        if problem is not None:
            raise ValidationError(str(wording.PASSWORD_PROBLEMS[problem]))


class LogOnForm(FlaskForm):  # type: ignore[misc]
    """An account's name and password."""

    identifier = TextField(_l("Email or username"))
    password = SecretField(_l("Password"))

    def validate_identifier(self, field: Field) -> None:
        """Anything but nothing."""
        if not field.data:
            raise ValidationError(_("Enter your email address or your username."))

    def validate_password(self, field: Field) -> None:
        """Anything but nothing; taken exactly as typed."""
        if not field.data:
            raise ValidationError(_("Enter your password."))


class SsnForm(FlaskForm):  # type: ignore[misc]
    """The identity check by the whole social security number."""

    ssn = TextField(_l("Social security number"))

    def claim(self) -> SsnClaim:
        """What was typed, after :meth:`validate`."""
        return SsnClaim(people_rules.parse_ssn(self.ssn.data))

    def validate_ssn(self, field: Field) -> None:
        """Nine digits in any form; the field keeps them as they were typed."""
        _checked(people_rules.parse_ssn, field, _("Enter your Social Security number."))


class BirthAndPhoneForm(FlaskForm):  # type: ignore[misc]
    """The identity check by date of birth and phone number."""

    month = SelectField(_l("Month"), validate_choice=False)
    day = TextField(_l("Day"))
    year = TextField(_l("Year"))
    phone = TextField(_l("Phone number"))

    def __init__(self, *, country: str, today: date) -> None:
        """With the practice's country (ISO 3166) and calendar day."""
        super().__init__()
        self.country = country
        self.today = today
        names = get_month_names("wide", context="stand-alone", locale=get_locale())
        self.month.choices = [("", ""), *((str(number), names[number]) for number in range(1, 13))]

    def claim(self) -> BirthAndPhoneClaim:
        """What was typed, after :meth:`validate`."""
        phone = people_rules.parse_phone(self.phone.data, self.country)
        return BirthAndPhoneClaim(self._birth_date(), phone.e164)

    def validate_month(self, field: Field) -> None:
        """One of twelve."""
        if field.data not in {str(number) for number in range(1, 13)}:
            raise ValidationError(_("Choose the month of birth."))

    def validate_day(self, field: Field) -> None:
        """A number that days have; whether the month has it is asked with the year."""
        if not _number(field.data, digits=2) or not 1 <= int(field.data) <= 31:
            raise ValidationError(_("Enter the day of birth as a number, such as 11."))

    def validate_year(self, field: Field) -> None:
        """Four digits, and then the whole date."""
        if not _number(field.data, digits=4) or len(field.data) < 4:
            raise ValidationError(_("Enter the year of birth with four digits, such as 1980."))
        if self.month.errors or self.day.errors:
            return
        try:
            self._birth_date()
        except ValueRefused as refused:
            raise ValidationError(str(wording.REFUSALS[refused.refusal])) from refused

    def validate_phone(self, field: Field) -> None:
        """Any format."""
        _checked(
            lambda text: people_rules.parse_phone(text, self.country),
            field,
            _("Enter your phone number."),
        )

    def _birth_date(self) -> date:
        month, day, year = int(self.month.data), int(self.day.data), int(self.year.data)
        return people_rules.parse_birth_date(f"{year:04d}-{month:02d}-{day:02d}", self.today)


class ConfirmEmailForm(FlaskForm):  # type: ignore[misc]
    """The code that went to an address, come back."""

    code = TextField(_l("Code from the email"))
    person = HiddenField()
    """Public id of the person on whose chart the address stands; empty for the account's own address."""

    def digits(self) -> str:
        """What was typed, after :meth:`validate`."""
        return _without_gaps(self.code.data)

    def validate_code(self, field: Field) -> None:
        """Eight digits."""
        if not _number(_without_gaps(field.data), digits=8) or len(_without_gaps(field.data)) < 8:
            raise ValidationError(_("Enter the eight digits from our email."))


def _readable(text: str | None) -> str:
    """Without control characters, which come by pasting and say nothing; line ends stay."""
    kept = (c for c in text or "" if c in "\r\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip()


class WishForm(FlaskForm):  # type: ignore[misc]
    """What a patient asks for, in own words."""

    wish = TextAreaField(_l("What would you like to tell the office?"), filters=[_readable])

    def validate_wish(self, field: Field) -> None:
        """Something, and no longer than staff will read."""
        field.data = _checked(
            lambda text: people_rules.clean_text(text, longest=of_patient.LONGEST_WISH, lines=True),
            field,
            _("Write what you would like, in a few words."),
        )
        if not field.data:  # nothing but what cannot be seen
            raise ValidationError(_("Write what you would like, in a few words."))


def _checked(parse: Any, field: Field, when_empty: str) -> Any:
    """The parsed value of a field.

    Raises:
        ValidationError: nothing was typed, or it cannot be what is asked for.
    """
    if not field.data:
        raise ValidationError(when_empty)
    try:
        return parse(field.data)
    except ValueRefused as refused:
        raise ValidationError(str(wording.REFUSALS[refused.refusal])) from refused


def _without_gaps(text: str) -> str:
    """Without the spaces and hyphens that people put between digits."""
    return "".join(c for c in text if c not in " -\u00a0")


def _number(text: str, *, digits: int) -> bool:
    """Whether the text is a number of so many digits at most."""
    return text.isdecimal() and len(text) <= digits
