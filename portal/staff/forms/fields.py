"""A text field whose text is read by one of the rules and knows whether it was changed, and what a form remembers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from wtforms import HiddenField, StringField, ValidationError

from portal.people import rules
from portal.people.rules import ValueRefused
from portal.people.wording import refusal_sentence


class ParsedField(StringField):
    """``value`` is what the text stands for; empty text stands for None.

    Text that is still what the form was filled with is not read again: what is on file stays as it is.
    """

    value: Any = None

    def __init__(
        self, label: Any = None, parse: Callable[[str], Any] = rules.clean_text, **more: Any
    ) -> None:
        super().__init__(label, **more)
        self.parse = parse

    @property
    def text(self) -> str:
        """What was typed, without the space around it."""
        return (self.data or "").strip()

    @property
    def changed(self) -> bool:
        """Whether it differs from what the form was filled with."""
        return self.text != (self.object_data or "")

    def pre_validate(self, form: Any) -> None:
        """Read the text by its rule; a refusal becomes its sentence."""
        self.value = None
        if not self.text or not self.changed:
            return
        try:
            self.value = self.parse(self.text)
        except ValueRefused as refused:
            raise ValidationError(str(refusal_sentence(refused.refusal))) from refused


class SecretField(ParsedField):
    """Never put back into a page, not even when something else was wrong (2.5)."""

    def _value(self) -> str:
        return ""

    @property
    def typed_again(self) -> bool:
        """Whether something was typed that the page now shows empty."""
        return bool(self.text)


class RememberedField(HiddenField):
    """What a form held when it was opened, as JSON: so it is known what somebody else changed meanwhile."""

    @property
    def held(self) -> dict[str, Any]:
        """Field -> what it held; empty where the page does not say so."""
        try:
            was = json.loads(self.data or "")
        except ValueError:
            return {}
        return was if isinstance(was, dict) else {}
