"""How Edit Information answers (3.5): a dialog with two tabs to htmx, a page of the chart to everybody else.

It is opened from the chart or from the Onboarding Tool; a form that came from the list carries the place there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form

from portal import clock
from portal.accounts.desk import HandedOver
from portal.invitations.models import Invitation
from portal.people.models import Patient
from portal.staff import answers, list_answers, outcomes, said
from portal.staff.isolation import patient_of
from portal.staff.place import BACK, Place
from portal.staff.presenters.chart import chart_head
from portal.staff.presenters.desk_card import desk_card
from portal.staff.wording import Said, refusal
from portal.web import htmx

PATIENT, PORTAL = "staff.edit_patient", "staff.edit_portal"


@dataclass(frozen=True, slots=True)
class Opener:
    """Where Edit Information was opened: the list's place, or None for the chart."""

    back: str | None

    @classmethod
    def of_request(cls) -> Opener:
        """As the address or the form says."""
        place = request.values.get(BACK)
        return cls(None if place is None else str(Place.of_back(place)))

    @property
    def fields(self) -> dict[str, str]:
        """Hidden fields that every form of the dialog carries."""
        return {} if self.back is None else {BACK: self.back}

    def url(self, endpoint: str, public_id: str) -> str:
        """The address of a tab or an act, which remembers where it was opened."""
        values: dict[str, Any] = {"public_id": public_id, **self.fields}
        return url_for(endpoint, **values)

    def close_url(self, public_id: str) -> str:
        """Where Close leads without JavaScript."""
        if self.back is None:
            return url_for("staff.chart", public_id=public_id)
        return Place.of_back(self.back).url(row=public_id)


def show(
    template: str, patient: Patient, *, here: str, form: Form, status: int = 200, **context: Any
) -> Response:
    """One tab; in a dialog its fields get ids of their own, for the page behind it has some already."""
    opener = Opener.of_request()
    if htmx.wants_fragment():
        give_own_ids(form)
    public_id = patient.public_id
    response = answers.dialog(
        template,
        form=form,
        patient=patient,
        opener=opener,
        tabs=[
            (endpoint, opener.url(endpoint, public_id), endpoint == here)
            for endpoint in (PATIENT, PORTAL)
        ],
        action=opener.url(here, public_id),
        close_url=opener.close_url(public_id),
        chart=chart_head(patient, here="staff.chart", now=clock.now()),
        **context,
    )
    response.status_code = status
    return response


def done(
    what: Said, patient: Patient, *, invitation: Invitation | None = None
) -> ResponseReturnValue:
    """It is done: the dialog closes, and the row or the chart behind it shows how things stand now."""
    if Opener.of_request().back is not None:
        return list_answers.done(what, patient, invitation=invitation)
    day = outcomes.last_day(invitation, patient) if invitation is not None else None
    said.remember(what, patient, expires=day)
    return htmx.go(url_for("staff.chart", public_id=patient.public_id))


def card(patient: Patient, handed: HandedOver, password: str) -> ResponseReturnValue:
    """The credentials, once: in the dialog with the row anew behind it, or as a page. They are kept nowhere."""
    opener = Opener.of_request()
    row = list_answers.row_of(patient) if opener.back is not None else None
    return answers.dialog(
        "desk_card",
        card=desk_card(patient, handed, password),
        close_url=opener.close_url(patient.public_id),
        chart=chart_head(patient, here="staff.chart", now=clock.now()),
        row=row,
        pills=list_answers.pills_here() if row else None,
    )


def why_refused(code: str, public_id: str) -> str:
    """The sentence that the tab shows above how things stand now."""
    return refusal(code, patient_of(public_id))


def give_own_ids(form: Form) -> None:
    """No id of the dialog is one of the page behind it."""
    for field in form:
        field.id = f"edit-{field.id}"
        for entry in getattr(field, "entries", ()):
            give_own_ids(entry.form)
