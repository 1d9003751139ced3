"""Add a patient."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.errors import Refused
from portal.people import service as people
from portal.people.models import Patient
from portal.practices import service as practices
from portal.staff import blueprint, said
from portal.staff.forms.patient import PatientForm
from portal.staff.wording import Said
from portal.web.signed_on import staff_hand, staff_on


@blueprint.route("/patients/new", methods=["GET", "POST"])
def add_patient() -> ResponseReturnValue:
    """A new chart."""
    form = patient_form(None)
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


def patient_form(patient: Patient | None, *, typed: bool = True) -> PatientForm:
    """The form of a chart; ``typed=False`` as it is on file, whatever this request has sent."""
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
