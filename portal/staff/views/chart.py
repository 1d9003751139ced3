"""Patient information: the first page of a chart, and opting it out of portal mail."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.errors import Refused
from portal.people import service as people
from portal.people import views_log
from portal.people.models import Patient
from portal.staff import blueprint, said
from portal.staff.facts import gather
from portal.staff.forms.opt_out import OptOutForm
from portal.staff.isolation import patient_of
from portal.staff.presenters.chart import chart_head, information
from portal.staff.presenters.details import details
from portal.staff.presenters.status import status_view
from portal.staff.wording import Said, sentence
from portal.web import htmx
from portal.web.filters import day
from portal.web.signed_on import staff_hand


@blueprint.get("/patients/<public_id>")
def chart(public_id: str) -> ResponseReturnValue:
    """Who the patient is, as the practice's records know it."""
    patient = patient_of(public_id)
    views_log.record_view(patient, page="information", by=staff_hand(), now=clock.now())
    return _page(patient, OptOutForm())


@blueprint.post("/patients/<public_id>/opt-out")
def opt_out(public_id: str) -> ResponseReturnValue:
    """Opt out of portal mail, or undo it with a reason (2.6)."""
    patient = patient_of(public_id)
    form = OptOutForm()
    if not form.validate_on_submit():
        return _answer(patient, form, status=422)
    try:
        people.set_opted_out(
            patient=patient,
            opted_out=form.wanted,
            reason=(form.reason.data or "").strip() or None,
            by=staff_hand(),
            now=clock.now(),
        )
    except Refused:
        form.reason.errors = [_("Say why invitations may be sent again.")]
        return _answer(patient, form, status=422)
    what = Said.OPTED_OUT if form.wanted else Said.OPTED_IN
    if htmx.wants_fragment():
        return _answer(patient, OptOutForm(formdata=None), words=sentence(what, patient))
    said.remember(what, patient)
    return redirect(url_for("staff.chart", public_id=public_id), code=303)


def _answer(
    patient: Patient, form: OptOutForm, *, status: int = 200, words: str = ""
) -> ResponseReturnValue:
    if not htmx.wants_fragment():
        return _page(patient, form), status
    html = render_template(
        "staff/fragments/opt_out.html",
        patient=patient,
        form=form,
        said_now=words,
        swapped=True,
        **_standing(patient),
    )
    return html, status


def _page(patient: Patient, form: OptOutForm) -> str:
    return render_template(
        "staff/pages/chart.html",
        patient=patient,
        form=form,
        chart=chart_head(patient, here="staff.chart", now=clock.now()),
        information=information(patient),
        **_standing(patient),
    )


def _standing(patient: Patient) -> dict[str, object]:
    facts = gather(patient, now=clock.now())
    return {
        "status": status_view(facts.status),
        "details": details(facts),
        "opted_out_on": day(patient.opted_out_at, zone=patient.practice.time_zone),
    }
