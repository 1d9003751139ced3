"""The Onboarding Tool (product 5): every patient of the practice, their access toggled in place."""

from __future__ import annotations

from dataclasses import replace

from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.access import service as access
from portal.access.rules import Status
from portal.errors import Refused
from portal.people import stored_search
from portal.people.models import Patient
from portal.people.naming import chart_name, short_name
from portal.practices import service as practices
from portal.staff import answers, blueprint, enabling, ending, list_answers, missing, sending
from portal.staff.isolation import patient_of
from portal.staff.place import BACK, Place
from portal.staff.presenters.chart import chart_head
from portal.staff.presenters.onboarding_row import WAS
from portal.staff.views.notice import after_notice
from portal.staff.wording import Said
from portal.web import cookies, htmx
from portal.web.signed_on import staff_hand, staff_on


@blueprint.get("/onboarding", endpoint="onboarding")
def onboarding_tool() -> ResponseReturnValue:
    """A page of the list."""
    place = Place.read(request.args)
    if list_answers.text_of(place) is None:
        return redirect(replace(place, search="", cursor=None).url(), code=303)
    response = make_response(list_answers.page(place))
    if "size" in request.args:
        cookies.remember_page_size(response, list_answers.page_size())
    return response


@blueprint.post("/onboarding/search")
def onboarding_search() -> ResponseReturnValue:
    """Find patients under the filters: while typing the list alone, else a redirect to the kept search."""
    text = request.form.get("q", "").strip()[: stored_search.LONGEST]
    live = htmx.wants_fragment()
    place = replace(list_answers.came_from(), cursor=None)
    kept = place.search if live else None
    place = replace(place, search=_keep(text, instead_of=kept) if text else "")
    if not live:
        return redirect(place.url(), code=303)
    providers = practices.providers(practice_id=staff_on().practice_id)
    listed = list_answers.list_at(place, providers)
    html = render_template(
        "staff/fragments/onboarding_list.html",
        list=listed,
        pills_tag=list_answers.pills_tag(),
        swapped=True,
    )
    return html, {"HX-Replace-Url": place.url()}


@blueprint.post("/onboarding/news")
def onboarding_news() -> ResponseReturnValue:
    """Asked by an open list by itself, so that it learns what others did; it changes nothing."""
    step = request.form.get("step", 0, type=int)
    return list_answers.news(step=step, pills_seen=request.form.get("pills", ""))


@blueprint.post("/onboarding/<public_id>/enable")
@after_notice
def onboarding_enable(public_id: str) -> ResponseReturnValue:
    """A click on red (5.2): enables, and sends nothing."""
    patient = patient_of(public_id)
    try:
        enabled = enabling.enable(
            patient,
            require_new_invitation="require_new_invitation" in request.form,
            by=staff_hand(),
            now=clock.now(),
        )
    except Refused as refused:
        return list_answers.refused(refused.code, public_id)
    before = enabled.what is Said.ENABLED_BEFORE
    undo = None if before else list_answers.undo_enable(public_id, enabled)
    return list_answers.done(enabled.what, patient, undo=undo)


@blueprint.route("/onboarding/<public_id>/disable", methods=["GET", "POST"])
def onboarding_disable(public_id: str) -> ResponseReturnValue:
    """A click on any other status: gray ends at once, orange and green ask first (5.2)."""
    patient = patient_of(public_id)
    if request.method == "GET":
        return _ask(patient)
    try:
        what = ending.end(patient, request.form, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return list_answers.refused(refused.code, public_id)
    undo = list_answers.undo_disable(public_id) if what is Said.NOT_ENABLED_ANY_MORE else None
    return list_answers.done(what, patient, undo=undo)


@blueprint.post("/onboarding/<public_id>/send")
@after_notice
def onboarding_send(public_id: str) -> ResponseReturnValue:
    """**Send Invite to ADDRESS**: an invitation, or for who has an account a reset email (5.2)."""
    patient = patient_of(public_id)
    try:
        sent = sending.send(patient, request.form, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return list_answers.refused(refused.code, public_id)
    return list_answers.done(sent.what, patient, invitation=sent.invitation)


@blueprint.route("/onboarding/<public_id>/identifiers", methods=["GET", "POST"])
def onboarding_identifiers(public_id: str) -> ResponseReturnValue:
    """Missing Identifiers, asked for from the list (5.3)."""
    patient, place = patient_of(public_id), list_answers.came_from()
    opener = missing.Opener(
        close_url=place.url(row=public_id),
        fields={BACK: str(place)},
        done=lambda what: list_answers.done(what, patient),
        refused=lambda code: list_answers.refused(code, public_id),
    )
    return missing.ask(patient, opener)


def _ask(patient: Patient) -> ResponseReturnValue:
    now = clock.now()
    grant = access.current_grant(patient.id)
    status = access.status_of(patient, grant, now=now)
    if grant is None or status is Status.NOT_ENABLED:
        return list_answers.refused("stale", patient.public_id)
    place = list_answers.came_from()
    return answers.dialog(
        "end_access",
        disables=status is not Status.INVITED,
        action=url_for("staff.onboarding_disable", public_id=patient.public_id),
        fields={BACK: str(place), "grant": grant.public_id, WAS: status.value},
        back=place.url(row=patient.public_id),
        who=short_name(patient),
        name=chart_name(patient),
        email=patient.email,
        chart=chart_head(patient, here=answers.ENDPOINT, now=now),
    )


def _keep(text: str, *, instead_of: str | None) -> str:
    return stored_search.keep(
        staff_member_id=staff_on().id, text=text, now=clock.now(), instead_of=instead_of
    )
