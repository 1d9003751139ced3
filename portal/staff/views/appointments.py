"""The appointment window (4.1): opened in place, saved, and what stands beside it."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.errors import Refused, Stale
from portal.people import stored_search, views_log
from portal.people.models import Patient
from portal.schedule import booking, lists
from portal.schedule.models import Appointment
from portal.schedule.rules import NoSuchTime
from portal.schedule.slip import Changed
from portal.schedule.states import AppointmentState
from portal.staff import appointment_answers as answers
from portal.staff import blueprint, schedule_answers
from portal.staff.forms.appointment import AppointmentForm
from portal.staff.isolation import appointment_of, patient_of
from portal.staff.presenters.appointment import no_such_time
from portal.staff.wording import Said, refusal
from portal.web.signed_on import staff_hand, staff_on

SAVE, CANCEL, COMPLETE, REOPEN = "save", "cancel", "complete", "reopen"
_STATES = {CANCEL: AppointmentState.CANCELLED, COMPLETE: AppointmentState.COMPLETED}


@blueprint.route("/appointments/new", methods=["GET", "POST"])
def new_appointment() -> ResponseReturnValue:
    """Whom it is for, then everything else; **Book appointment** makes it, or a series."""
    if not request.values.get("patient"):
        return answers.choose_patient()
    patient, now = patient_of(request.values["patient"]), clock.now()
    form = answers.new_form(patient)
    if not form.is_submitted():
        views_log.record_view(patient, page="appointment", by=staff_hand(), now=now)
        return answers.window(patient, form)
    if not form.validate():
        return answers.window(patient, form, status=422)
    try:
        if taken := answers.clashing(patient, form, form.slip()):
            return answers.window(patient, form, status=422, clashes=taken)
        made = _book(patient, form)
    except NoSuchTime as skipped:
        _refuse(form, skipped)
        return answers.window(patient, form, status=422)
    return schedule_answers.done(Said.BOOKED, made)


@blueprint.post("/appointments/new/patients")
def find_patient() -> ResponseReturnValue:
    """Who may be meant; nothing of what was typed stands in an address."""
    text = request.form.get("q", "").strip()[: stored_search.LONGEST]
    return answers.choose_patient(text)


@blueprint.route("/appointments/<appointment_id>", methods=["GET", "POST"])
def appointment(appointment_id: str) -> ResponseReturnValue:
    """The window of one that stands; its buttons save it, and cancel, complete or reopen it by the way."""
    held = appointment_of(appointment_id)
    form = answers.form_of(held)
    if not form.is_submitted():
        views_log.record_view(held.patient, page="appointment", by=staff_hand(), now=clock.now())
        return answers.window(held.patient, form, appointment=held)
    if not form.validate():
        return answers.window(held.patient, form, appointment=held, status=422)
    try:
        if taken := _in_the_way(held, form):
            return answers.window(held.patient, form, appointment=held, status=422, clashes=taken)
        done = _save(held, form)
    except Stale:
        return answers.conflict(appointment_of(appointment_id), form)
    except (NoSuchTime, Refused) as refused:
        _refuse(form, refused)
        held = appointment_of(appointment_id)
        return answers.window(held.patient, form, appointment=held, status=422)
    undo = schedule_answers.undo_cancel(held) if done.state is _STATES[CANCEL] else None
    return schedule_answers.done(_said(done), held, undo=undo)


@blueprint.post("/appointments/<appointment_id>/reopen")
def reopen_appointment(appointment_id: str) -> ResponseReturnValue:
    """It takes place after all: the **Undo** of a cancellation."""
    held = appointment_of(appointment_id)
    text = request.form.get("version", "")
    version = int(text) if text.isascii() and text.isdigit() else 0
    try:
        booking.reopen(appointment=held, version=version, by=staff_hand(), now=clock.now())
    except Stale:
        held = appointment_of(appointment_id)
        return schedule_answers.refused(
            refusal("appointment_changed", held.patient), appointment_id
        )
    return schedule_answers.done(Said.REOPENED, held)


def _book(patient: Patient, form: AppointmentForm) -> Appointment:
    made = booking.book(
        patient=patient,
        slip=form.slip(),
        repeat=form.repeat,
        public_id=form.new_id,
        by=staff_hand(),
        now=clock.now(),
    )
    return made[0]


def _act() -> str:
    """What the button that was pressed does, besides saving."""
    return request.form.get("act", SAVE)


def _in_the_way(held: Appointment, form: AppointmentForm) -> list[str]:
    if _act() != SAVE:
        return []
    return answers.clashing(held.patient, form, form.slip(), appointment=held)


def _save(held: Appointment, form: AppointmentForm) -> Changed:
    act, status_id = _act(), None
    if act in _STATES:
        status_id = lists.status_for(staff_on().practice_id, _STATES[act]).id
    return booking.change(
        appointment=held,
        version=form.seen_version,
        slip=form.slip(status_id=status_id, keep_status=act == REOPEN),
        reopening=act == REOPEN,
        by=staff_hand(),
        now=clock.now(),
    )


def _refuse(form: AppointmentForm, refused: Exception) -> None:
    if isinstance(refused, NoSuchTime):
        form.refuse("at", no_such_time(refused))
    elif isinstance(refused, Refused) and refused.code == "closed":
        form.refuse("day", _("This appointment is closed. Reopen it before you move it."))
    else:
        form.refuse("status", _("This status does not follow on the one it has. Reopen it first."))


def _said(done: Changed) -> Said:
    match done.state:
        case AppointmentState.CANCELLED:
            return Said.CANCELLED
        case AppointmentState.COMPLETED:
            return Said.COMPLETED
        case _ if done.moved:
            return Said.MOVED
    return Said.APPOINTMENT_SAVED if done else Said.APPOINTMENT_AS_IT_WAS
