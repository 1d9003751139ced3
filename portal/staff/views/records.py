"""Add a patient, and Edit Information."""

from __future__ import annotations

from datetime import datetime

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.errors import Refused, Stale
from portal.people import service as people
from portal.people import views_log
from portal.people.models import Patient
from portal.practices import service as practices
from portal.staff import blueprint, said
from portal.staff.forms.patient import PatientForm
from portal.staff.isolation import patient_of
from portal.staff.presenters.chart import chart_head, masked_ssn
from portal.staff.presenters.conflict import changed_meanwhile
from portal.staff.wording import Said
from portal.web.signed_on import staff_hand, staff_on


@blueprint.route("/patients/new", methods=["GET", "POST"])
def add_patient() -> ResponseReturnValue:
    """A new chart."""
    form = _form(None)
    if not form.validate_on_submit():
        return _new_page(form), 422 if form.is_submitted() else 200
    try:
        patient = people.add(
            practice=staff_on().practice, values=form.values(), by=staff_hand(), now=clock.now()
        )
    except Refused:
        form.refuse("record_number", _("Another patient has this record number."))
        return _new_page(form), 422
    said.remember(Said.ADDED, patient)
    return redirect(url_for("staff.chart", public_id=patient.public_id), code=303)


@blueprint.route("/patients/<public_id>/edit", methods=["GET", "POST"])
def edit_patient(public_id: str) -> ResponseReturnValue:
    """Edit Information; a changed email does what 3.7 says."""
    patient = patient_of(public_id)
    form = _form(patient)
    if not form.is_submitted():
        views_log.record_view(patient, page="edit", by=staff_hand(), now=clock.now())
        return _edit_page(patient, form)
    if form.seen.data != patient.updated_at.isoformat():
        return _conflict(public_id, form)
    if not form.validate():
        return _edit_page(patient, form), 422
    try:
        done = _save(patient, form)
    except Stale:
        return _conflict(public_id, form)
    except Refused as refused:
        return _refused(public_id, form, refused), 422
    said.remember(Said.EDITED if done.fields else Said.NOTHING_CHANGED, patient)
    return redirect(url_for("staff.chart", public_id=public_id), code=303)


def _save(patient: Patient, form: PatientForm) -> people.Edited:
    return people.edit(
        patient=patient,
        values=form.values(),
        by=staff_hand(),
        now=clock.now(),
        verified_how=form.verification,
        seen=datetime.fromisoformat(form.seen.data or ""),
    )


def _refused(public_id: str, form: PatientForm, refused: Refused) -> str:
    patient = patient_of(public_id)
    if refused.code == "record_number_taken":
        form.refuse("record_number", _("Another patient has this record number."))
    else:
        form.refuse("verified_how", _("Say how you made sure that the patient wants this change."))
    return _edit_page(patient, form)


def _conflict(public_id: str, form: PatientForm) -> ResponseReturnValue:
    """Somebody else saved meanwhile: nothing is written, what was typed stays, the rest is as on file."""
    patient = patient_of(public_id)
    current = _form(patient, typed=False)
    changed = changed_meanwhile(form, current)
    form.take_over(current)
    return _edit_page(patient, form, changed=changed), 409


def _form(patient: Patient | None, *, typed: bool = True) -> PatientForm:
    practice = staff_on().practice
    more = {} if typed else {"formdata": None}
    return PatientForm(
        patient,
        providers=practices.providers(practice_id=practice.id),
        today=clock.local_date(clock.now(), practice.time_zone),
        country=practice.country,
        **more,
    )


def _new_page(form: PatientForm) -> str:
    return render_template("staff/pages/add_patient.html", form=form, ssn_on_file="")


def _edit_page(
    patient: Patient, form: PatientForm, *, changed: list[tuple[str, str]] | None = None
) -> str:
    return render_template(
        "staff/pages/edit_patient.html",
        form=form,
        patient=patient,
        chart=chart_head(patient, here="staff.chart", now=clock.now()),
        ssn_on_file=masked_ssn(patient),
        asks_verification=bool(form.verified_how.errors or form.verified_how.data),
        changed=changed,
    )
