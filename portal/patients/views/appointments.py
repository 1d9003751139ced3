"""What a patient does about appointments (8.10): each act on one of the account's own people, or it is not there."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.accounts import service as accounts
from portal.errors import NotFound, Refused
from portal.patients import blueprint, wording
from portal.patients.appointment_cards import when
from portal.patients.forms import WishForm
from portal.patients.presenters import practice_card
from portal.patients.views.home import page_with
from portal.people.models import Patient
from portal.schedule import of_patient
from portal.schedule.models import Appointment
from portal.web import signed_on


@blueprint.post("/home/appointments/<public_id>/confirm")
def confirm_appointment(public_id: str) -> ResponseReturnValue:
    """The patient will come."""
    try:
        of_patient.confirm(_appointment(public_id), by=signed_on.account_hand(), now=clock.now())
    except Refused as refused:
        return _refused(refused)
    return _done("confirmed")


@blueprint.route("/home/appointments/<public_id>/change", methods=["GET", "POST"])
def change_appointment(public_id: str) -> ResponseReturnValue:
    """Another time is wished for; staff decide."""
    appointment, form = _appointment(public_id), WishForm()
    if not form.validate_on_submit():
        return _ask(form, appointment.patient, appointment=appointment)
    try:
        of_patient.ask_to_change(
            appointment, wish=form.wish.data or "", by=signed_on.account_hand(), now=clock.now()
        )
    except Refused as refused:
        return _refused(refused)
    return _done("asked")


@blueprint.route("/home/people/<public_id>/appointment", methods=["GET", "POST"])
def ask_for_appointment(public_id: str) -> ResponseReturnValue:
    """An appointment is wished for; staff make it."""
    patient = next((p for p in _patients() if p.public_id == public_id), None)
    if patient is None:
        raise NotFound("person")
    form = WishForm()
    if not form.validate_on_submit():
        return _ask(form, patient)
    try:
        of_patient.ask_for_one(
            patient, wish=form.wish.data or "", by=signed_on.account_hand(), now=clock.now()
        )
    except Refused as refused:
        return _refused(refused)
    return _done("asked")


@blueprint.post("/home/requests/<public_id>/take-back")
def take_back_request(public_id: str) -> ResponseReturnValue:
    """What was asked is not wished for any more."""
    ids = [patient.id for patient in _patients()]
    try:
        of_patient.take_back(ids, public_id, by=signed_on.account_hand(), now=clock.now())
    except Refused as refused:
        return _refused(refused)
    return _done("taken_back")


def _patients() -> list[Patient]:
    """Those of the account whose practice shows appointments on the portal."""
    people = accounts.people_of(signed_on.account_on(), now=clock.now())
    return [held.patient for held in people if held.patient.practice.portal_appointments]


def _appointment(public_id: str) -> Appointment:
    return of_patient.get([patient.id for patient in _patients()], public_id)


def _ask(
    form: WishForm, patient: Patient, *, appointment: Appointment | None = None
) -> ResponseReturnValue:
    page = render_template(
        "patients/pages/appointment_wish.html",
        form=form,
        action=request.path,
        when=when(appointment) if appointment else None,
        practice=practice_card(patient.practice),
        american=patient.practice.country == "US",
    )
    return page, 422 if form.errors else 200


def _done(what: str) -> ResponseReturnValue:
    flash(str(wording.APPOINTMENTS[what]), "success")
    return redirect(url_for("patients.home"), code=303)


def _refused(refused: Refused) -> ResponseReturnValue:
    """Nothing was done: the home page as it is now, and why."""
    flash(str(wording.APPOINTMENT_REFUSALS[refused.code]), "warning")
    return page_with(status=409)
