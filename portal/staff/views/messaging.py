"""Patient messaging (3.6): on the chart, and wherever else its part stands (the charting window)."""

from __future__ import annotations

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.errors import NotFound, Refused
from portal.invitations.specimen import Specimen, specimen
from portal.outreach import notices
from portal.people import views_log
from portal.people.models import Patient
from portal.staff import blueprint, mail_preview, missing, outcomes, said, sending
from portal.staff.facts import gather
from portal.staff.isolation import patient_of
from portal.staff.presenters.chart import chart_head
from portal.staff.presenters.messaging import TO, messaging_view
from portal.staff.presenters.notices import notice_rows
from portal.staff.views.notice import after_notice
from portal.staff.wording import Said, refusal, sentence
from portal.web import htmx
from portal.web.places import safe_path
from portal.web.signed_on import staff_hand

HERE = "staff.messaging"


@blueprint.get("/patients/<public_id>/messaging")
def messaging(public_id: str) -> ResponseReturnValue:
    """What can be sent to the patient, and a button that sends it."""
    patient = patient_of(public_id)
    views_log.record_view(patient, page="messaging", by=staff_hand(), now=clock.now())
    return _page(patient)


@blueprint.post("/patients/<public_id>/messaging/preview")
def messaging_preview(public_id: str) -> ResponseReturnValue:
    """**Preview**: exactly what the patient will see. It changes nothing; a POST, so that no address is in a URL."""
    patient = patient_of(public_id)
    preview = _written(patient)
    return _part(patient, preview=preview) if htmx.wants_fragment() else _page(patient, preview)


@blueprint.get("/patients/<public_id>/messaging/mail")
def messaging_mail(public_id: str) -> ResponseReturnValue:
    """The HTML part of the preview, alone: it stands in a frame."""
    html = mail_preview.html_of(_written(patient_of(public_id)).mail)
    csp = {"Content-Security-Policy": mail_preview.HTML_CSP}
    return Response(html, mimetype="text/html", headers=csp)


@blueprint.post("/patients/<public_id>/messaging/send")
@after_notice
def messaging_send(public_id: str) -> ResponseReturnValue:
    """**Send patient portal invite**, or **Re-send**: enables too, in the same commit."""
    patient = patient_of(public_id)
    _template()
    try:
        sent = sending.enable_and_send(patient, request.form, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return _refused(refused.code, public_id)
    return _done(sent.what, patient, sent)


@blueprint.route("/patients/<public_id>/messaging/identifiers", methods=["GET", "POST"])
def messaging_identifiers(public_id: str) -> ResponseReturnValue:
    """Missing Identifiers (2.3), asked for from here."""
    patient = patient_of(public_id)
    opener = missing.Opener(
        close_url=_to(public_id),
        done=lambda what: _done(what, patient),
        refused=lambda code: _refused(code, public_id),
        fields={TO: _to(public_id)},
    )
    return missing.ask(patient, opener)


@blueprint.get("/how-a-patient-registers")
def how_to_register() -> ResponseReturnValue:
    """How a patient registers, step by step, for staff to explain."""
    return render_template("staff/pages/how_to_register.html")


def _template() -> str:
    chosen = request.values.get("template", mail_preview.INVITATION)
    if chosen not in mail_preview.TEMPLATES:
        raise NotFound("template")
    return chosen


def _written(patient: Patient) -> Specimen:
    _template()
    return specimen(patient, unasked=False, now=clock.now())


def _to(public_id: str) -> str:
    """The page that the part stands on."""
    return safe_path(request.values.get(TO), below="/staff/") or url_for(HERE, public_id=public_id)


def _done(what: Said, patient: Patient, sent: sending.Sent | None = None) -> ResponseReturnValue:
    invitation = sent.invitation if sent else None
    until = outcomes.last_day(invitation, patient) if invitation is not None else None
    if htmx.wants_fragment():
        patient = patient_of(patient.public_id)
        return _part(patient, words=sentence(what, patient, expires=until), closing=True)
    said.remember(what, patient, expires=until)
    return redirect(_to(patient.public_id), code=303)


def _refused(code: str, public_id: str) -> ResponseReturnValue:
    """Nothing was done, and why (409), with how things stand now."""
    patient = patient_of(public_id)
    words = refusal(code, patient)
    if htmx.wants_fragment():
        return _part(patient, alert=words, status=409, closing=True)
    return _page(patient, alert=words), 409


def _part(
    patient: Patient,
    *,
    preview: Specimen | None = None,
    words: str = "",
    alert: str = "",
    status: int = 200,
    closing: bool = False,
) -> Response:
    html = render_template(
        "staff/fragments/messaging_answer.html",
        messaging=_shown(patient, preview),
        said_now=words,
        said_alert=alert,
    )
    return htmx.part(html, "#messaging", status=status, closing=closing)


def _page(patient: Patient, preview: Specimen | None = None, *, alert: str = "") -> str:
    return render_template(
        "staff/pages/messaging.html",
        chart=chart_head(patient, here=HERE, now=clock.now()),
        messaging=_shown(patient, preview),
        notices=notice_rows(notices.of_patient(patient.id), patient.practice),
        said_alert=alert,
    )


def _shown(patient: Patient, preview: Specimen | None) -> object:
    facts = gather(patient, now=clock.now())
    return messaging_view(facts, to=_to(patient.public_id), preview=preview)
