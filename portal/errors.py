"""What services raise when something cannot be done; the views turn each into words and a status code."""

from __future__ import annotations


class NotFound(LookupError):
    """There is no such thing, or it is another practice's (both look alike, architecture rule 4)."""


class Refused(Exception):
    """The state of things does not allow it. ``code`` names why; a wording module has the sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Stale(Refused):
    """The thing changed since the page was drawn: nothing was done (409)."""

    def __init__(self) -> None:
        super().__init__("stale")


class NotAllowed(Exception):
    """This person may not do this (403)."""
