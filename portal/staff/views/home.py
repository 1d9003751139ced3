"""Today: what needs a person."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.attention import service as attention
from portal.staff import blueprint, said
from portal.staff.presenters.attention import attention_row
from portal.staff.wording import Said, sentence
from portal.web import htmx
from portal.web.signed_on import staff_hand, staff_on


@blueprint.get("/")
def home() -> ResponseReturnValue:
    """Locks, "not me" and failed mails, oldest first; and a way to the patients."""
    return render_template("staff/pages/home.html", **_list())


@blueprint.post("/attention/<public_id>/done")
def resolve_attention(public_id: str) -> ResponseReturnValue:
    """Somebody has seen to it: it leaves the list, for everybody."""
    item = attention.resolve(
        practice_id=staff_on().practice_id, public_id=public_id, by=staff_hand(), now=clock.now()
    )
    if htmx.wants_fragment():
        words = sentence(Said.ATTENDED, item.patient)
        return render_template("staff/fragments/attention.html", said_now=words, **_list())
    said.remember(Said.ATTENDED, item.patient)
    return redirect(url_for("staff.home"), code=303)


def _list() -> dict[str, Any]:
    practice = staff_on().practice
    items = attention.open_items(practice_id=practice.id)
    return {"attention": [attention_row(item, zone=practice.time_zone) for item in items]}
