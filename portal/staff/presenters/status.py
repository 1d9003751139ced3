"""Portal status as one word, one tone and one shape (1.1, 1.3), and its second line (1.2)."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.access.rules import Status


@dataclass(frozen=True, slots=True)
class StatusView:
    """What ``status_chip`` draws; the shape belongs to the tone."""

    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One line under a status."""

    text: str
    tone: str = ""


_WORDS: dict[Status, tuple[LazyString, str]] = {
    Status.NOT_ENABLED: (_l("Not enabled"), "off"),
    Status.READY: (_l("Ready to invite"), "ready"),
    Status.INVITED: (_l("Invited"), "invited"),
    Status.ACTIVE: (_l("Active"), "active"),
}


def status_view(status: Status) -> StatusView:
    """The word and tone of a status."""
    word, tone = _WORDS[status]
    return StatusView(str(word), tone)
