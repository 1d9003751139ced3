"""One line of a timeline before it has its time: words, an icon and a tone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _

from portal.web.filters import moment


@dataclass(frozen=True, slots=True)
class Line:
    """What happened, and how it looks."""

    words: str
    detail: str = ""
    icon: str = "circle"
    tone: str = ""


def until_text(data: dict[str, Any], zone: str) -> str | None:
    """The time that an event waits for, in the practice's ``zone``."""
    return moment(datetime.fromisoformat(data["until"]), zone) if data.get("until") else None


def who(data: dict[str, Any]) -> str:
    """Whose doing it was, where the event says so."""
    return _("By: %(name)s", name=data["by"]) if data.get("by") else ""


def always(words: Callable[[], str], icon: str, tone: str = "") -> Callable[..., Line]:
    """A line that needs nothing of the event."""
    return lambda _data, _zone: Line(words(), icon=icon, tone=tone)
