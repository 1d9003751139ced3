"""Which pages take a file: there a request may be larger than elsewhere."""

from __future__ import annotations

from flask import Flask, request
from flask_login import current_user

LIMITS = {"staff.settings_doctor": 12 * 1024 * 1024}
"""Bytes of a whole request. More than a file may have, so that the page itself can say that one is too large."""


def init_app(app: Flask) -> None:
    """Called before anything that reads a form. Who is not logged on sends no file."""
    app.before_request(_widen)


def _widen() -> None:
    limit = LIMITS.get(request.endpoint or "")
    if limit is not None and request.method == "POST" and current_user.is_authenticated:
        request.max_content_length = limit
