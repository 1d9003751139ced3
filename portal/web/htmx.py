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


def part(
    html: str, place: str, *, status: int = 200, swap: str = "outerHTML", closing: bool = False
) -> Response:
    """A fragment for one place of the page, wherever the request said it would go.

    Args:
        place: a CSS selector; with the swap ``none`` one that stays on the page, for the fragment's parts find theirs.
        closing: whether the dialog that is open closes.
    """
    headers = {"HX-Retarget": place, "HX-Reswap": swap}
    if closing:
        headers["HX-Trigger"] = "close-dialog"
    return Response(html, status, headers, mimetype="text/html")
