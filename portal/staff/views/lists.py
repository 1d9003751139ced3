"""Account → Portal settings → Lists: offices, rooms, profiles, statuses, consent forms (4.1)."""

from __future__ import annotations

from typing import cast

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import NotFound, Refused
from portal.schedule import keeping
from portal.schedule.keeping import Entry, Kind
from portal.schedule.models import Office
from portal.staff import blueprint
from portal.staff.forms.lists import EntryForm
from portal.staff.presenters import lists as shown
from portal.staff.presenters.list_words import EDIT, NEW, SAID
from portal.staff.presenters.settings import tabs
from portal.web.signed_on import staff_hand, staff_on

PAGE = "staff.settings_lists"


@blueprint.get("/settings/lists")
def settings_lists() -> ResponseReturnValue:
    """All of them."""
    return _page()


@blueprint.route("/settings/lists/<kind>/new", methods=["GET", "POST"])
def settings_list_entry_new(kind: str) -> ResponseReturnValue:
    """One more."""
    what, practice = _kind(kind), staff_on().practice
    office = _office(what)
    form = EntryForm.of(what, None, zone=practice.time_zone)
    if not form.validate_on_submit():
        return _form(form, what, None)
    try:
        made = keeping.add(
            practice.id, what, form.values, office=office, by=staff_hand(), now=clock.now()
        )
    except Refused as refused:
        return _taken(form, what, None, refused)
    return _done("added", made)


@blueprint.route("/settings/lists/<kind>/<public_id>", methods=["GET", "POST"])
def settings_list_entry(kind: str, public_id: str) -> ResponseReturnValue:
    """Another name, or other particulars."""
    what, entry = _entry(kind, public_id)
    practice = staff_on().practice
    form = EntryForm.of(what, entry, zone=practice.time_zone)
    if not form.validate_on_submit():
        return _form(form, what, entry)
    try:
        changed = keeping.change(
            practice.id, what, public_id, form.values, by=staff_hand(), now=clock.now()
        )
    except Refused as refused:
        return _taken(form, what, entry, refused)
    return _done("saved" if changed else "unchanged", entry)


@blueprint.post("/settings/lists/<kind>/<public_id>/place")
def settings_list_entry_place(kind: str, public_id: str) -> ResponseReturnValue:
    """Higher or lower in its list."""
    what, entry = _entry(kind, public_id)
    position = request.form.get("position", -1, type=int)
    if position >= 0:
        keeping.place(
            staff_on().practice_id, what, public_id, position, by=staff_hand(), now=clock.now()
        )
    return redirect(url_for(PAGE, _anchor=f"entry-{entry.public_id}"), code=303)


@blueprint.post("/settings/lists/<kind>/<public_id>/close")
def settings_list_entry_close(kind: str, public_id: str) -> ResponseReturnValue:
    """It is offered no more."""
    what, entry = _entry(kind, public_id)
    try:
        keeping.close(staff_on().practice_id, what, public_id, by=staff_hand(), now=clock.now())
    except Refused as refused:
        flash(str(SAID[refused.code]) % {"name": entry.name}, "warning")
        return _page(), 409
    return _done("closed", entry)


@blueprint.post("/settings/lists/<kind>/<public_id>/open")
def settings_list_entry_open(kind: str, public_id: str) -> ResponseReturnValue:
    """It is offered again."""
    what, entry = _entry(kind, public_id)
    keeping.reopen(staff_on().practice_id, what, public_id, by=staff_hand(), now=clock.now())
    return _done("opened", entry)


def _kind(text: str) -> Kind:
    if text not in set(Kind):
        raise NotFound("list")
    return Kind(text)


def _entry(kind: str, public_id: str) -> tuple[Kind, Entry]:
    what = _kind(kind)
    return what, keeping.get(staff_on().practice_id, what, public_id)


def _office(kind: Kind) -> Office | None:
    """The office that a new room is for."""
    if kind is not Kind.ROOM:
        return None
    public_id = request.values.get("office", "")
    return cast(Office, keeping.get(staff_on().practice_id, Kind.OFFICE, public_id))


def _page() -> str:
    practice_id = staff_on().practice_id
    return render_template(
        "staff/pages/settings_lists.html", tabs=tabs(PAGE), sections=shown.sections(practice_id)
    )


def _form(form: EntryForm, kind: Kind, entry: Entry | None) -> ResponseReturnValue:
    page = render_template(
        "staff/pages/settings_list_entry.html",
        tabs=tabs(PAGE),
        form=form,
        title=str((EDIT if entry else NEW)[kind]),
        action=request.full_path.rstrip("?"),
        back=url_for(PAGE, _anchor=f"list-{kind.value}"),
    )
    return page, 422 if form.errors else 200


def _taken(
    form: EntryForm, kind: Kind, entry: Entry | None, refused: Refused
) -> ResponseReturnValue:
    form.name.errors = [str(SAID[refused.code])]
    return _form(form, kind, entry)


def _done(what: str, entry: Entry) -> ResponseReturnValue:
    flash(str(SAID[what]) % {"name": entry.name}, "success")
    return redirect(url_for(PAGE, _anchor=f"entry-{entry.public_id}"), code=303)
