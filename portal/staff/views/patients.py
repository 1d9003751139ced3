"""The patient list and its search. What was typed never stands in an address (architecture, rule 5)."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.people import search, stored_search, views_log
from portal.staff import blueprint
from portal.staff.presenters.patients import PatientList, patient_list
from portal.web import htmx
from portal.web.signed_on import staff_hand, staff_on


@blueprint.get("/patients")
def patients() -> ResponseReturnValue:
    """A page of the list: of everybody, or of a search that is kept under ``?s=``."""
    search_id = request.args.get("s")
    text = _text_of(search_id) if search_id else ""
    if text is None:
        return redirect(url_for("staff.patients"), code=303)
    return render_template("staff/pages/patients.html", list=_page(text, search_id))


@blueprint.post("/patients/search")
def search_patients() -> ResponseReturnValue:
    """Find patients: while typing the list alone, else a redirect to the search kept on the server."""
    text = request.form.get("q", "").strip()[: stored_search.LONGEST]
    live = htmx.wants_fragment()
    search_id = _keep(text, instead_of=request.form.get("s") if live else None) if text else None
    url = url_for("staff.patients", s=search_id)
    if not live:
        return redirect(url, code=303)
    listed = _page(text, search_id)
    html = render_template("staff/fragments/patient_list.html", list=listed, swapped=True)
    return html, {"HX-Replace-Url": url}


def _page(text: str, search_id: str | None) -> PatientList:
    practice, now = staff_on().practice, clock.now()
    practice_id, country = practice.id, practice.country
    matches = None
    if text:
        matches = search.count(practice_id=practice_id, text=text, now=now, country=country)
        kind = search.kind_of(text, today=now.date(), country=country)
        views_log.record_search(
            practice_id=practice_id, kind=kind, results=matches, by=staff_hand(), now=now
        )
    found = search.page(
        practice_id=practice_id, text=text, cursor=_cursor(practice_id), now=now, country=country
    )
    return patient_list(found, text=text, matches=matches, search_id=search_id, now=now)


def _cursor(practice_id: int) -> search.Cursor | None:
    after, before = request.args.get("after"), request.args.get("before")
    place = after or before
    if not place:
        return None
    return search.cursor_at(practice_id=practice_id, public_id=place, backwards=not after)


def _keep(text: str, *, instead_of: str | None) -> str:
    return stored_search.keep(
        staff_member_id=staff_on().id, text=text, now=clock.now(), instead_of=instead_of
    )


def _text_of(search_id: str) -> str | None:
    return stored_search.text_of(search_id, staff_member_id=staff_on().id, now=clock.now())
