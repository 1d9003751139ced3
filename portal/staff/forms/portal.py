"""The Patient Portal tab of Edit Information: username, and a password set at the desk (3.5)."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, StringField, ValidationError

from portal import passwords
from portal.accounts.rules import clean_username, well_formed
from portal.staff.wording import PASSWORD_PROBLEMS, USERNAME_WORDS

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""


class NewPasswordField(StringField):
    """Never put back into a page, unless it was suggested just now."""

    suggested = ""

    def _value(self) -> str:
        return self.suggested


class PortalForm(FlaskForm):  # type: ignore[misc]
    """What **Edit Patient** saves on this tab. ``account`` is the one that the page showed, or empty."""

    account = HiddenField()
    username = StringField(_l("Username"))
    manual = BooleanField(_l("Manually set patient's portal password"))
    password = NewPasswordField(_l("Password"))
    identity_checked = BooleanField(_l("I have checked this person's identity"))

    def __init__(self, *, known: tuple[str, ...], **more: Any) -> None:
        """With ``known``: words of this person and place that a password may not be made of."""
        super().__init__(**more)
        self.known = known

    @property
    def wished_username(self) -> str:
        """As it would be kept."""
        return clean_username(self.username.data or "")

    def validate_username(self, field: Any) -> None:
        """Needed exactly where there is an account, or one is made."""
        wished = self.wished_username
        if self.manual.data or self.account.data:
            if not well_formed(wished):
                raise ValidationError(str(USERNAME_WORDS["shape"]))
        elif wished:
            raise ValidationError(
                _("There is no account yet: the patient chooses a username at sign-up.")
            )

    def validate_password(self, field: Any) -> None:
        """Long, and not easily guessed (NIST 63B-4)."""
        if not self.manual.data:
            return
        if not field.data:
            raise ValidationError(_("Enter a password of 15 characters or more, or suggest one."))
        problem = passwords.problem(field.data, context=(self.wished_username, *self.known))
        if problem is not None:
            raise ValidationError(str(PASSWORD_PROBLEMS[problem]))

    def validate_identity_checked(self, field: Any) -> None:
        """Staff attest it, and it is recorded."""
        if self.manual.data and not field.data:
            raise ValidationError(
                _("Check the person's identity first, then tick this: it is recorded.")
            )
