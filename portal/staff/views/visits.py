"""A chart's appointments, and the charting window: the visit note of one, with Patient messaging beside it (3.6)."""

from __future__ import annotations

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import NotFound, Stale
from portal.people import views_log
from portal.people.models import Patient
from portal.schedule import days, notes
from portal.schedule.models import Appointment
from portal.staff import blueprint, said
from portal.staff.facts import gather
from portal.staff.forms.visit_note import VisitNoteForm
from portal.staff.isolation import appointment_of, patient_of
from portal.staff.presenters.chart import chart_head
from portal.staff.presenters.messaging import messaging_view
from portal.staff.presenters.visits import note_view, visit_list
from portal.staff.wording import Said, sentence
from portal.web import htmx
from portal.web.signed_on import staff_hand

HERE = "staff.visits"


@blueprint.get("/patients/<public_id>/appointments")
def visits(public_id: str) -> ResponseReturnValue:
    """Past and coming, the latest first."""
    patient, now = patient_of(public_id), clock.now()
    views_log.record_view(patient, page="appointments", by=staff_hand(), now=now)
    found = days.of_patient(patient, before=_edge("before", patient), after=_edge("after", patient))
    return render_template(
        "staff/pages/visits.html",
        chart=chart_head(patient, here=HERE, now=now),
        visits=visit_list(patient, found, now=now),
    )


@blueprint.route("/appointments/<appointment_id>/note", methods=["GET", "POST"])
def visit_note(appointment_id: str) -> ResponseReturnValue:
    """The charting window; a note that somebody else wrote meanwhile is shown beside what was typed."""
    appointment, now = appointment_of(appointment_id), clock.now()
    form = VisitNoteForm()
    if not form.is_submitted():
        views_log.record_view(appointment.patient, page="visit_note", by=staff_hand(), now=now)
        return _page(appointment, form)
    if not form.validate():
        return _answer(appointment, form, status=422)
    try:
        note = notes.save(
            appointment=appointment,
            text=form.written,
            version=form.seen_version,
            by=staff_hand(),
            now=now,
        )
    except Stale:
        return _answer(appointment_of(appointment_id), form, stale=True, status=409)
    appointment = appointment_of(appointment_id)
    if htmx.wants_fragment():
        kept = {"text": note.text, "version": str(note.version)}
        form = VisitNoteForm(formdata=None, data=kept)
        words = sentence(Said.NOTE_SAVED, appointment.patient)
        return _answer(appointment, form, words=words)
    said.remember(Said.NOTE_SAVED, appointment.patient)
    return redirect(url_for("staff.visit_note", appointment_id=appointment_id), code=303)


def _edge(name: str, patient: Patient) -> Appointment | None:
    public_id = request.args.get(name)
    if not public_id:
        return None
    appointment = appointment_of(public_id)
    if appointment.patient_id != patient.id:
        raise NotFound("appointment")
    return appointment


def _answer(
    appointment: Appointment,
    form: VisitNoteForm,
    *,
    stale: bool = False,
    status: int = 200,
    words: str = "",
) -> ResponseReturnValue:
    if not htmx.wants_fragment():
        return _page(appointment, form, stale=stale), status
    html = render_template(
        "staff/fragments/visit_note.html",
        said_now=words,
        **_note(appointment, form, stale=stale),
    )
    return html, status


def _page(appointment: Appointment, form: VisitNoteForm, *, stale: bool = False) -> str:
    patient, now = appointment.patient, clock.now()
    here = url_for("staff.visit_note", appointment_id=appointment.public_id)
    return render_template(
        "staff/pages/visit_note.html",
        chart=chart_head(patient, here=HERE, now=now),
        messaging=messaging_view(gather(patient, now=now), to=here),
        **_note(appointment, form, stale=stale),
    )


def _note(appointment: Appointment, form: VisitNoteForm, *, stale: bool) -> dict[str, Any]:
    note = notes.note_of(appointment)
    if not form.is_submitted():
        form.text.data = note.text if note else ""
    if note is not None and (stale or not form.is_submitted()):
        form.version.data = str(note.version)
    return {
        "form": form,
        "note": note_view(appointment, note),
        "on_file": note.text if note and stale else None,
        "action": url_for("staff.visit_note", appointment_id=appointment.public_id),
    }
