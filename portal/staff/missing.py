"""The Missing Identifiers dialog (2.3), wherever it was opened from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from portal import clock
from portal.people import rules
from portal.people import service as people
from portal.people.models import Patient
from portal.people.naming import chart_name
from portal.staff import answers
from portal.staff.forms.identifiers import IdentifiersForm
from portal.staff.presenters.chart import chart_head
from portal.staff.wording import Said
from portal.web import htmx
from portal.web.signed_on import staff_hand


@dataclass(frozen=True, slots=True)
class Opener:
    """The page that the dialog was opened from: where its Close leads to, and how it answers."""

    close_url: str
    done: Callable[[Said], ResponseReturnValue]
    refused: Callable[[str], ResponseReturnValue]
    fields: dict[str, str] = field(default_factory=dict)
    """Hidden fields that its form carries."""
    above: bool = False
    """Whether it was opened from a dialog, which stays open beneath it."""


def ask(patient: Patient, opener: Opener) -> ResponseReturnValue:
    """Asks for just what is missing, saves what is given; the form goes to the address that is being asked."""
    form = _form(patient)
    if not form.is_submitted():
        return _dialog(patient, form, opener)
    if form.overtaken:
        return opener.refused("stale")
    if not form.validate():
        return _wrong(patient, form, opener)
    people.edit(patient=patient, values=form.values(), by=staff_hand(), now=clock.now())
    return opener.done(Said.IDENTIFIERS_SAVED)


def _form(patient: Patient) -> IdentifiersForm:
    practice = patient.practice
    missing = rules.requirements(people.identifiers(patient)).missing
    today = clock.local_date(clock.now(), practice.time_zone)
    return IdentifiersForm(missing, today=today, country=practice.country)


def _dialog(patient: Patient, form: IdentifiersForm, opener: Opener) -> Response:
    return answers.dialog(
        "identifiers",
        above=opener.above,
        form=form,
        patient=patient,
        name=chart_name(patient),
        chart=chart_head(patient, here=answers.ENDPOINT, now=clock.now()),
        **_shown(opener),
    )


def _wrong(patient: Patient, form: IdentifiersForm, opener: Opener) -> ResponseReturnValue:
    """Say it beside the fields; the dialog stays open, so only its form is replaced."""
    if not htmx.wants_fragment():
        response = _dialog(patient, form, opener)
        response.status_code = 422
        return response
    html = render_template("staff/fragments/identifiers_form.html", form=form, **_shown(opener))
    return htmx.part(html, "#identifiers-form", status=422)


def _shown(opener: Opener) -> dict[str, object]:
    return {"action": request.path, "fields": opener.fields, "close_url": opener.close_url}
