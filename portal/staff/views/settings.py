"""Account → Portal settings (6.1): one page and one form for each tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal import clock
from portal.access.counting import reached
from portal.errors import Refused, Stale
from portal.pictures import service as pictures
from portal.practices import service as practices
from portal.practices import settings as tabs_of
from portal.roster import service as roster
from portal.roster.rules import Pill
from portal.staff import blueprint
from portal.staff.forms.appointment_settings import AppointmentsForm
from portal.staff.forms.settings import CommunicationForm, DoctorForm, StyleForm, TabForm
from portal.staff.presenters import settings as shown
from portal.staff.settings_wording import saved
from portal.web.signed_on import staff_hand, staff_on

AnyForm = TabForm[Any]


@blueprint.get("/settings")
def settings() -> ResponseReturnValue:
    """The first tab."""
    return _page("doctor", _doctor_form())


@blueprint.route("/settings/doctor", methods=["GET", "POST"])
def settings_doctor() -> ResponseReturnValue:
    """Counters, pictures, sharing (6.2)."""
    form = _doctor_form()

    def save() -> list[str]:
        return tabs_of.change_doctor(
            practice_id=staff_on().practice_id,
            new_pictures=form.new_pictures,
            sharing=form.wanted_sharing,
            seen=form.seen,
            by=staff_hand(),
            now=clock.now(),
        )

    return _tab("doctor", form, save, lambda: _doctor_form(formdata=None))


@blueprint.route("/settings/communication", methods=["GET", "POST"])
def settings_communication() -> ResponseReturnValue:
    """How long invitations live, and whom mail comes from (6.3)."""
    return _whole_tab("communication", CommunicationForm, tabs_of.change_communication)


@blueprint.route("/settings/appointments", methods=["GET", "POST"])
def settings_appointments() -> ResponseReturnValue:
    """What goes out by itself because of an appointment, and quiet hours (4.3, 6.3)."""
    return _whole_tab("appointments", AppointmentsForm, tabs_of.change_appointments)


@blueprint.route("/settings/style", methods=["GET", "POST"])
def settings_style() -> ResponseReturnValue:
    """The colour of mails (6.3)."""
    return _whole_tab("style", StyleForm, tabs_of.change_style)


@blueprint.get("/settings/pictures/<public_id>")
def picture(public_id: str) -> ResponseReturnValue:
    """One of the practice's pictures, to its staff."""
    found = pictures.get(practice_id=staff_on().practice_id, public_id=public_id)
    return Response(pictures.data_of(found), mimetype=found.media_type)


def _whole_tab(
    tab: str, form_of: Callable[..., AnyForm], change: Callable[..., list[str]]
) -> ResponseReturnValue:
    """A tab whose fields are saved together, as they were typed."""
    form = form_of(staff_on().practice)

    def save() -> list[str]:
        return change(
            practice_id=staff_on().practice_id,
            wanted=form.wanted,
            seen=form.seen,
            by=staff_hand(),
            now=clock.now(),
        )

    return _tab(tab, form, save, lambda: form_of(staff_on().practice, formdata=None))


def _tab(
    tab: str, form: AnyForm, save: Callable[[], list[str]], anew: Callable[[], AnyForm]
) -> ResponseReturnValue:
    """Show the tab or save it; ``anew`` makes its form from what is on file now."""
    if not form.is_submitted():
        return _page(tab, form)
    if not form.validate():
        return _page(tab, form), 422
    try:
        changed = save()
    except Stale:
        current = anew()
        found = shown.changed_meanwhile(form, current)
        form.take_over(current)
        return _page(tab, form, changed=found), 409
    except Refused:
        return _page(tab, form, refused=_("This cannot be saved. Check what you entered.")), 422
    flash(saved(changed), "success")
    return redirect(url_for(request.endpoint or ""), code=303)


def _doctor_form(**more: Any) -> DoctorForm:
    practice = staff_on().practice
    return DoctorForm(practice, practices.providers(practice_id=practice.id), **more)


def _page(
    tab: str,
    form: AnyForm,
    *,
    changed: list[tuple[str, str]] | None = None,
    refused: str = "",
) -> str:
    practice = staff_on().practice
    here = f"staff.settings_{tab}"
    context: dict[str, Any] = {}
    if tab == "doctor":
        total = roster.counts(practice_id=practice.id)[Pill.ALL]
        held = pictures.of_practice(practice.id)
        context["doctor"] = shown.doctor_view(total, reached(practice.id), held)
    elif tab == "appointments":
        context["waiting"] = shown.waiting_reminders(practice)
    elif tab == "communication":
        context["head"] = shown.mail_head(practice)
    else:
        context["sample"] = shown.sample(practice)
    return render_template(
        f"staff/pages/settings_{tab}.html",
        form=form,
        tabs=shown.tabs(here),
        action=url_for(here),
        changed=changed,
        said_alert=refused,
        **context,
    )
