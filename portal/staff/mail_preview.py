"""A mail on a staff page, as a mail reader shows it (3.6)."""

from __future__ import annotations

from base64 import b64encode

from portal.mail.registry import Composed

INVITATION = "invitation"
"""The one template there is: the preset of the installation."""
TEMPLATES = frozenset({INVITATION})

HTML_CSP = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; sandbox"
)
"""A mail's styles are inline by nature. It gets an address of its own, where nothing else is allowed: no script, no
request, and no link leads anywhere."""


def html_of(mail: Composed) -> str:
    """The HTML part as a mail reader shows it: its pictures in it. Links would open elsewhere, where nothing may."""
    html = mail.html.replace("<head>", '<head><base target="_blank">', 1)
    for picture in mail.pictures:
        data = b64encode(picture.data).decode()
        html = html.replace(f"cid:{picture.cid}", f"data:{picture.media_type};base64,{data}")
    return html
