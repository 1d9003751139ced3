"""The Portal access page of a chart, its asking for news, and the Missing Identifiers dialog."""

from __future__ import annotations

from flask import make_response, render_template, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.people import rules, views_log
from portal.people import service as people
from portal.people.models import Patient
from portal.people.naming import chart_name
from portal.staff import answers, blueprint
from portal.staff.facts import gather
from portal.staff.forms.identifiers import IdentifiersForm
from portal.staff.isolation import patient_of
from portal.staff.presenters.access_page import access_page, tag_of
from portal.staff.presenters.chart import chart_head
from portal.staff.wording import Said
from portal.web import htmx
from portal.web.signed_on import staff_hand


@blueprint.get("/patients/<public_id>/portal-access")
def portal_access(public_id: str) -> ResponseReturnValue:
    """Status, requirements, Access History and timeline (3.2, 3.3, 3.8)."""
    patient = patient_of(public_id)
    views_log.record_view(patient, page="portal_access", by=staff_hand(), now=clock.now())
    return answers.page(public_id)


@blueprint.get("/patients/<public_id>/portal-access/state")
def portal_access_state(public_id: str) -> ResponseReturnValue:
    """Asked by an open page: the part anew if something changed, else only when to ask again."""
    step = max(0, request.args.get("step", 0, type=int))
    shown = access_page(gather(patient_of(public_id), now=clock.now()), step=step)
    if tag_of(shown) == request.args.get("seen"):
        return render_template("staff/fragments/portal_access_watch.html", access=shown)
    news = shown.timeline[0].words if shown.timeline else shown.status.word
    return answers.part(public_id, words=f"{shown.who}: {news}")


@blueprint.route("/patients/<public_id>/identifiers", methods=["GET", "POST"])
def identifiers(public_id: str) -> ResponseReturnValue:
    """Missing Identifiers: asks for just what is missing, saves what is given (2.3)."""
    patient = patient_of(public_id)
    form = _form(patient)
    if not form.is_submitted():
        return _dialog(patient, form)
    if form.overtaken:
        return answers.refused("stale", public_id)
    if not form.validate():
        return _wrong(patient, form)
    people.edit(patient=patient, values=form.values(), by=staff_hand(), now=clock.now())
    return answers.done(Said.IDENTIFIERS_SAVED, patient)


def _form(patient: Patient) -> IdentifiersForm:
    practice = patient.practice
    missing = rules.requirements(people.identifiers(patient)).missing
    today = clock.local_date(clock.now(), practice.time_zone)
    return IdentifiersForm(missing, today=today, country=practice.country)


def _dialog(patient: Patient, form: IdentifiersForm) -> ResponseReturnValue:
    return answers.dialog(
        "identifiers",
        form=form,
        patient=patient,
        name=chart_name(patient),
        chart=chart_head(patient, here=answers.ENDPOINT, now=clock.now()),
    )


def _wrong(patient: Patient, form: IdentifiersForm) -> ResponseReturnValue:
    """Say it beside the fields; the dialog stays open, so only its form is replaced."""
    if not htmx.wants_fragment():
        response = make_response(_dialog(patient, form))
    else:
        html = render_template("staff/fragments/identifiers_form.html", form=form, patient=patient)
        response = make_response(html)
        response.headers["HX-Retarget"] = "#identifiers-form"
        response.headers["HX-Reswap"] = "outerHTML"
    response.status_code = 422
    return response
