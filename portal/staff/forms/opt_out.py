"""Opting a chart out of portal mail, and undoing it with a reason (2.6)."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import AnyOf, Length

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""


class OptOutForm(FlaskForm):  # type: ignore[misc]
    """``opted_out`` is the state wanted, never "the other one" (style.md, habit 3)."""

    opted_out = HiddenField(validators=[AnyOf(["yes", "no"])])
    reason = StringField(
        _l("Reason"), [Length(max=200, message=_l("This is too long. Shorten it."))]
    )

    @property
    def wanted(self) -> bool:
        """Whether the chart is to be opted out."""
        return self.opted_out.data == "yes"
