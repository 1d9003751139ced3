"""The note of a visit."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext
from flask_wtf import FlaskForm
from wtforms import HiddenField, TextAreaField
from wtforms.validators import Length

from portal.schedule.notes import LONGEST

_l: Any = lazy_gettext
"""WTForms shows lazy strings, though its stubs know only ``str``."""


class VisitNoteForm(FlaskForm):  # type: ignore[misc]
    """The text, and the version that its writer saw."""

    text = TextAreaField(
        _l("Visit note"), [Length(max=LONGEST, message=_l("This is too long. Shorten it."))]
    )
    version = HiddenField(default="0")

    @property
    def written(self) -> str:
        """The text as it is kept."""
        return (self.text.data or "").replace("\r\n", "\n").strip()

    @property
    def seen_version(self) -> int:
        """0 where there was no note."""
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
