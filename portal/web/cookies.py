"""Cookies. Staff and portal each have their own, so that one browser may be logged on at both doors."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, current_app, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.wrappers import Response

from config import Settings
from portal.logons.side import Side
from portal.tokens import DOOR_LIFE, OpenedDoor

LANGUAGE = "vestibule-language"
DOOR = "door-"
MOST_DOORS = 12
_PAGE_SIZE = "vestibule-page-size"


class TwoDoors(SecureCookieSessionInterface):
    """Flask's signed cookie, under one name below ``/staff`` and under another elsewhere."""

    def get_cookie_name(self, app: Flask) -> str:
        """The cookie of the side that is being asked."""
        return cookie_name(side_of_request().value)


def configure(app: Flask, settings: Settings) -> None:
    """Host-only, unreadable for scripts, Lax; ``Secure`` and ``__Host-`` wherever there is TLS."""
    secure = settings.public_base_url.startswith("https://")
    app.session_interface = TwoDoors()
    app.config.update(
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        SESSION_REFRESH_EACH_REQUEST=False,
    )


def side_of_request() -> Side:
    """Which door this request came to."""
    path = request.path
    return Side.STAFF if path == "/staff" or path.startswith("/staff/") else Side.PORTAL


def cookie_name(name: str) -> str:
    """With the prefix that makes browsers refuse a cookie set for another path or without TLS."""
    secure = current_app.config["SESSION_COOKIE_SECURE"]
    return f"__Host-vestibule-{name}" if secure else f"vestibule-{name}"


def door(handle: str) -> OpenedDoor | None:
    """The door of this handle, if this browser opened it in the last half hour."""
    sealed = request.cookies.get(cookie_name(DOOR + handle))
    return OpenedDoor.read(handle, sealed) if sealed else None


def doors() -> list[OpenedDoor]:
    """All of this browser's doors, the one opened last at the end."""
    prefix = cookie_name(DOOR)
    handles = [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix)]
    found = [opened for opened in map(door, handles) if opened is not None]
    return sorted(found, key=lambda opened: opened.opened_at)


def remember_door(response: Response, handle: str, purpose: str, subject: str) -> None:
    """Keep it for half an hour, in a cookie of its own: links opened at the same moment do not overwrite each other.

    Beyond a dozen the oldest is forgotten.
    """
    others = [opened for opened in doors() if opened.handle != handle]
    for oldest in others[: max(0, len(others) + 1 - MOST_DOORS)]:
        response.delete_cookie(cookie_name(DOOR + oldest.handle), path="/")
    response.set_cookie(
        cookie_name(DOOR + handle),
        OpenedDoor.seal(handle, purpose, subject),
        max_age=DOOR_LIFE,
        path="/",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def remember_language(response: Response, language: str) -> None:
    """Which language this browser reads."""
    _remember_taste(response, LANGUAGE, language)


def page_size() -> str | None:
    """How many rows of a list this browser was last asked to show."""
    return request.cookies.get(_PAGE_SIZE)


def remember_page_size(response: Response, size: int) -> None:
    """How many rows of a list this browser shows."""
    _remember_taste(response, _PAGE_SIZE, str(size))


def _remember_taste(response: Response, name: str, value: str) -> None:
    response.set_cookie(
        name,
        value,
        max_age=timedelta(days=365),
        path="/",
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
