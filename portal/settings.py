"""The settings of the current application."""

from __future__ import annotations

from flask import current_app

from config import Settings


def settings() -> Settings:
    """What :func:`config.load_settings` read when this process started."""
    found: Settings = current_app.extensions["vestibule.settings"]
    return found
