"""What the app needs to know of htmx 4: fifteen lines of our own."""

from __future__ import annotations

from flask import Response, redirect, request
from werkzeug.wrappers import Response as BaseResponse


def wants_fragment() -> bool:
    """Whether htmx asks for a part of a page (and not for a whole one in its name)."""
    return (
        request.headers.get("HX-Request") == "true"
        and request.headers.get("HX-Request-Type", "partial") == "partial"
    )


def go(url: str) -> BaseResponse:
    """See another page: 303 for a form, HX-Redirect for htmx (which follows a 303 into the fragment)."""
    if wants_fragment():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, code=303)
