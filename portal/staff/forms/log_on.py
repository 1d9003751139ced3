"""The staff's log-on form."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired, Length

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""


class LogOnForm(FlaskForm):  # type: ignore[misc]
    """Email and password; ``next`` is where to go afterwards."""

    email = StringField(
        _l("Email"), [InputRequired(_l("Enter your email address.")), Length(max=254)]
    )
    password = PasswordField(
        _l("Password"), [InputRequired(_l("Enter your password.")), Length(max=1024)]
    )
    next = HiddenField()
