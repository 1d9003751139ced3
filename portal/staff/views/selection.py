"""Select patients in the Onboarding Tool (5.6): rows, the page, or everybody who matches."""

from __future__ import annotations

from dataclasses import replace

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.practices import service as practices
from portal.roster import selection
from portal.staff import blueprint, list_answers, selecting
from portal.staff.place import Place
from portal.web import htmx
from portal.web.signed_on import logon_id, staff_on


@blueprint.post("/onboarding/selection")
def onboarding_select() -> ResponseReturnValue:
    """What is ticked on a page; with a button: everybody on it, everybody who matches, nobody, or on to an act."""
    place, wish = list_answers.came_from(), request.form.get("act", "")
    if list_answers.text_of(place) is None:
        return htmx.go(replace(place, search="", cursor=None).url())
    _change(place, wish)
    if wish in selecting.ACTS:
        # followed by htmx too, which gets a dialog there
        return redirect(url_for("staff.bulk_new", act=wish, back=str(place)), code=303)
    if not htmx.wants_fragment():
        return redirect(place.url(), code=303)
    providers = practices.providers(practice_id=staff_on().practice_id)
    if wish:
        listed = list_answers.list_at(place, providers)
        return render_template(
            "staff/fragments/onboarding_list.html", list=listed, pills_tag=list_answers.pills_tag()
        )
    matching = list_answers.count(place, providers)
    shown = selecting.bar(list(selecting.rows_shown()), matching=matching)
    return render_template("staff/fragments/selection_bar.html", selected=shown)


def _change(place: Place, wish: str) -> None:
    practice_id, logon, now = staff_on().practice_id, logon_id(), clock.now()
    if wish == "none":
        selection.clear(logon_id=logon)
    elif wish == "all":
        providers = practices.providers(practice_id=practice_id)
        wanted = list_answers.filter_of(place, providers)
        selection.select_all(practice_id=practice_id, logon_id=logon, filter=wanted, now=now)
    else:
        shown = list(selecting.rows_shown())
        ticks = shown if wish == "page" else request.form.getlist("tick")
        selection.mark(practice_id=practice_id, logon_id=logon, shown=shown, ticks=ticks, now=now)
