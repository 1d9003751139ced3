"""``/dev/mailbox``: the mail that the development server sends (development only, this machine only)."""

from __future__ import annotations

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue

from config import LOOPBACK
from portal.dev import mailbox
from portal.dev.mailbox import CaughtMail
from portal.settings import settings

blueprint = Blueprint("dev", __name__, url_prefix="/dev")

MAIL_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""A mail's styles are inline by nature. It gets an address of its own, where nothing else is allowed."""


@blueprint.before_request
def _here_only() -> None:
    if settings().app_env != "development" or request.remote_addr not in LOOPBACK:
        abort(404)


@blueprint.get("/mailbox", endpoint="mailbox")
def caught_mail() -> ResponseReturnValue:
    """What was caught, newest first."""
    return render_template("dev/mailbox.html", mails=mailbox.newest_first(settings().mailbox))


@blueprint.get("/mailbox/<key>")
def mail(key: str) -> ResponseReturnValue:
    """One mail: headers, text, and the HTML in a frame."""
    return render_template("dev/mail.html", mail=_get(key))


@blueprint.get("/mailbox/<key>/html")
def mail_html(key: str) -> ResponseReturnValue:
    """The HTML part alone; its links open in the whole window."""
    html = _get(key).html_with_pictures.replace("<head>", '<head><base target="_top">', 1)
    return Response(html, mimetype="text/html", headers={"Content-Security-Policy": MAIL_CSP})


def _get(key: str) -> CaughtMail:
    found = mailbox.find(settings().mailbox, key)
    if found is None:
        abort(404)
    return found
