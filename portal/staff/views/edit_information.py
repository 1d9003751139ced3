"""Edit Information (3.5): the chart's own fields, and the tab Patient Portal; a dialog, or pages without JavaScript."""

from __future__ import annotations

from datetime import datetime

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from portal import clock
from portal.access.rules import Status
from portal.accounts import desk, suggested_passwords, usernames
from portal.accounts import service as accounts
from portal.accounts.usernames import UsernameCheck
from portal.errors import NotAllowed, Refused, Stale
from portal.people import service as people
from portal.people import views_log
from portal.people.models import Patient
from portal.practices.models import Role
from portal.staff import blueprint, edit_answers, enabling, ending, sending
from portal.staff.edit_answers import PATIENT, PORTAL, Opener
from portal.staff.facts import gather
from portal.staff.forms.patient import PatientForm
from portal.staff.forms.portal import PortalForm
from portal.staff.isolation import patient_of
from portal.staff.presenters.chart import masked_ssn
from portal.staff.presenters.conflict import changed_meanwhile
from portal.staff.presenters.portal_tab import Around, portal_tab
from portal.staff.presenters.reset_act import reset_standings
from portal.staff.views.notice import after_notice
from portal.staff.views.records import patient_form
from portal.staff.wording import USERNAME_WORDS, Said
from portal.web.signed_on import staff_hand, staff_on


@blueprint.route("/patients/<public_id>/edit", methods=["GET", "POST"])
def edit_patient(public_id: str) -> ResponseReturnValue:
    """Edit Information; a changed email does what 3.7 says."""
    patient = patient_of(public_id)
    form = patient_form(patient)
    if not form.is_submitted():
        views_log.record_view(patient, page="edit", by=staff_hand(), now=clock.now())
        return _patient_tab(patient, form)
    if form.seen.data != patient.updated_at.isoformat():
        return _conflict(public_id, form)
    if not form.validate():
        return _patient_tab(patient, form, status=422)
    try:
        done = _save(patient, form)
    except Stale:
        return _conflict(public_id, form)
    except Refused as refused:
        return _refused(public_id, form, refused)
    return edit_answers.done(Said.EDITED if done.fields else Said.NOTHING_CHANGED, patient)


@blueprint.route("/patients/<public_id>/edit/portal", methods=["GET", "POST"])
def edit_portal(public_id: str) -> ResponseReturnValue:
    """The tab Patient Portal; **Edit Patient** saves a username, or a password set at the desk."""
    patient = patient_of(public_id)
    if request.method == "GET":
        views_log.record_view(patient, page="edit_portal", by=staff_hand(), now=clock.now())
        return _portal_tab(patient)
    if "manual" in request.form:
        return _hand_over(public_id=public_id)
    form = _portal_form(patient)
    if not form.validate():
        return _portal_tab(patient, form, status=422)
    if not form.account.data:
        return edit_answers.done(Said.NOTHING_CHANGED, patient)
    try:
        changed = usernames.change(
            patient=patient,
            username=form.wished_username,
            account=form.account.data,
            by=staff_hand(),
            now=clock.now(),
        )
    except Refused as refused:
        return _not_saved(public_id, form, refused)
    return edit_answers.done(Said.USERNAME_CHANGED if changed else Said.NOTHING_CHANGED, patient)


@blueprint.post("/patients/<public_id>/edit/portal/enable")
@after_notice
def edit_portal_enable(public_id: str) -> ResponseReturnValue:
    """Gives access, and sends nothing."""
    patient = patient_of(public_id)
    try:
        enabled = enabling.enable(patient, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return _stands(public_id, refused)
    return edit_answers.done(enabled.what, patient)


@blueprint.post("/patients/<public_id>/edit/portal/disable")
def edit_portal_disable(public_id: str) -> ResponseReturnValue:
    """Ends the access that was shown; the tab has named what is lost by it."""
    patient = patient_of(public_id)
    try:
        what = ending.end(patient, request.form, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return _stands(public_id, refused)
    return edit_answers.done(what, patient)


@blueprint.post("/patients/<public_id>/edit/portal/send")
@after_notice
def edit_portal_send(public_id: str) -> ResponseReturnValue:
    """**Send invitation/reset email** to the address that was shown."""
    patient = patient_of(public_id)
    try:
        sent = sending.send(patient, request.form, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return _stands(public_id, refused)
    return edit_answers.done(sent.what, patient, invitation=sent.invitation)


@blueprint.post("/patients/<public_id>/edit/portal/username")
def check_username(public_id: str) -> ResponseReturnValue:
    """Whether the username that is being typed can be had; "Not available" is all that is told of others'."""
    patient = patient_of(public_id)
    typed = request.form.get("username", "")
    if not typed.strip():
        return render_template("staff/fragments/username_check.html", words="", good=False)
    found = usernames.check(
        typed, patient=patient, asked_by=str(current_user.logon.id), now=clock.now()
    )
    return render_template(
        "staff/fragments/username_check.html",
        words=USERNAME_WORDS[found.value],
        good=found is UsernameCheck.AVAILABLE,
    )


@blueprint.post("/patients/<public_id>/edit/portal/suggest")
def suggest_password(public_id: str) -> ResponseReturnValue:
    """**Suggest one**: the tab with a password in its field; nothing of it is kept here."""
    patient = patient_of(public_id)
    form = _portal_form(patient)
    form.manual.data = True
    form.password.suggested = suggested_passwords.suggest(known=form.known)
    return _portal_tab(patient, form)


@after_notice
def _hand_over(*, public_id: str) -> ResponseReturnValue:
    """A password set at the desk; shown once, on a card."""
    if staff_on().role != Role.ADMINISTRATOR:
        raise NotAllowed
    patient = patient_of(public_id)
    form = _portal_form(patient)
    if not form.validate():
        return _portal_tab(patient, form, status=422)
    credentials = desk.Credentials(
        username=form.wished_username,
        password=form.password.data or "",
        account=form.account.data or "",
        identity_checked=form.identity_checked.data,
    )
    try:
        handed = desk.hand_over(
            patient=patient, credentials=credentials, by=staff_hand(), now=clock.now()
        )
    except Refused as refused:
        return _not_saved(public_id, form, refused)
    return edit_answers.card(patient, handed, credentials.password)


def _save(patient: Patient, form: PatientForm) -> people.Edited:
    return people.edit(
        patient=patient,
        values=form.values(),
        by=staff_hand(),
        now=clock.now(),
        verified_how=form.verification,
        seen=datetime.fromisoformat(form.seen.data or ""),
    )


def _refused(public_id: str, form: PatientForm, refused: Refused) -> ResponseReturnValue:
    if refused.code == "record_number_taken":
        form.refuse("record_number", _("Another patient has this record number."))
    else:
        form.refuse("verified_how", _("Say how you made sure that the patient wants this change."))
    return _patient_tab(patient_of(public_id), form, status=422)


def _conflict(public_id: str, form: PatientForm) -> ResponseReturnValue:
    """Somebody else saved meanwhile: nothing is written, what was typed stays, the rest is as on file."""
    patient = patient_of(public_id)
    current = patient_form(patient, typed=False)
    changed = changed_meanwhile(form, current)
    form.take_over(current)
    return _patient_tab(patient, form, changed=changed, status=409)


def _patient_tab(
    patient: Patient,
    form: PatientForm,
    *,
    changed: list[tuple[str, str]] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    return edit_answers.show(
        "edit_patient",
        patient,
        here=PATIENT,
        form=form,
        status=status,
        ssn_on_file=masked_ssn(patient),
        asks_verification=bool(form.verified_how.errors or form.verified_how.data),
        changed=changed,
    )


def _portal_form(patient: Patient) -> PortalForm:
    account = accounts.holder_of(patient.id)
    known = (patient.given_name, patient.family_name, patient.email or "", patient.practice.name)
    shown = (account.public_id, account.username) if account is not None else ("", "")
    return PortalForm(known=known, data={"account": shown[0], "username": shown[1]})


def _portal_tab(
    patient: Patient, form: PortalForm | None = None, *, alert: str = "", status: int = 200
) -> ResponseReturnValue:
    facts, opener = gather(patient, now=clock.now()), Opener.of_request()
    active = facts.status is Status.ACTIVE
    around = Around(
        account=accounts.holder_of(patient.id),
        reset=reset_standings([patient], now=facts.now)[patient.id] if active else None,
        desk=desk.refusal_for(patient),
        administrator=staff_on().role == Role.ADMINISTRATOR,
        fields=opener.fields,
    )
    tab = portal_tab(facts, around, lambda endpoint: opener.url(endpoint, patient.public_id))
    form = form or _portal_form(patient)
    return edit_answers.show(
        "edit_portal", patient, here=PORTAL, form=form, status=status, tab=tab, alert=alert
    )


def _stands(public_id: str, refused: Refused) -> ResponseReturnValue:
    """Nothing was done, and why (409): the tab shows how things stand now."""
    alert = edit_answers.why_refused(refused.code, public_id)
    patient = patient_of(public_id)
    form = PortalForm(known=(), formdata=None, data=_portal_form(patient).data)
    return _portal_tab(patient, form, alert=alert, status=409)


def _not_saved(public_id: str, form: PortalForm, refused: Refused) -> ResponseReturnValue:
    """The name is beside the field; whatever else changed meanwhile is told above the tab."""
    if refused.code in {"username_taken", "username_shape"}:
        words = USERNAME_WORDS[refused.code.removeprefix("username_")]
        form.username.errors = [str(words)]
        return _portal_tab(patient_of(public_id), form, status=422)
    return _stands(public_id, refused)
