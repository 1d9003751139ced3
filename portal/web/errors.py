"""Errors: one kind page each, no trace, no echo of what was asked."""

from __future__ import annotations

import traceback

import structlog
from flask import Flask, Response, g, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, SecurityError

from portal.errors import NotAllowed, NotFound
from portal.extensions import db
from portal.web import htmx

log = structlog.get_logger()

WORDS = {
    400: (_l("That did not work"), _l("Something in the request was not right. Please go back and try again.")),
    403: (_l("Not for your role"), _l("Your role does not include this. An administrator of your practice can help.")),
    404: (_l("There is nothing here"), _l("The page does not exist, or it is not yours to see.")),
    405: (_l("That did not work"), _l("This address cannot be used in that way. Please go back and try again.")),
    413: (_l("That was too large"), _l("What was sent is larger than we accept. Please send less.")),
    429: (_l("Too many tries"), _l("Please wait a little and try again.")),
    500: (
        _l("Something broke on our side"),
        _l("It has been noted. Nothing you saved is lost. Please try again in a moment."),
    ),
    503: (_l("Not available right now"), _l("The system is busy or being looked after. Please try again in a minute.")),
}  # fmt: skip


def init_app(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(NotFound, lambda _error: page(404))
    app.register_error_handler(NotAllowed, lambda _error: page(403))
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def page(code: int, text: str | None = None) -> tuple[str, int]:
    """The page, or the fragment, that says what went wrong."""
    shown = code if code in WORDS else (500 if code >= 500 else 400)
    title, kind_text = WORDS[shown]
    template = "errors/fragment.html" if htmx.wants_fragment() else "errors/page.html"
    return render_template(template, title=title, text=text or kind_text, code=code), code


def _csrf(_error: CSRFError) -> tuple[str, int]:
    return page(
        400, _("The page was open for too long. Please load it again and repeat what you did.")
    )


def _http(error: HTTPException) -> tuple[str, int] | HTTPException | Response:
    if isinstance(
        error, SecurityError
    ):  # an unknown host: there is no address to build a page's links from
        return Response("Bad request", status=400, mimetype="text/plain")
    if error.code is None or error.code < 400:
        return error
    return page(error.code)


def _database(error: OperationalError) -> tuple[str, int]:
    db.session.rollback()
    # the page's head would ask who is logged on, and the database does not answer
    g._login_user = AnonymousUserMixin()
    log.error("database unavailable", kind=type(error.orig).__name__, endpoint=request.endpoint)
    return page(503)


def _unexpected(error: Exception) -> tuple[str, int]:
    db.session.rollback()
    # the trace names files and lines; the message may hold what somebody typed, so it stays out
    log.error(
        "unexpected error",
        kind=type(error).__name__,
        endpoint=request.endpoint,
        where=_where(error),
    )
    return page(500)


def _where(error: Exception) -> list[str]:
    return [
        f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
    ][-6:]
