"""The acts of the Portal access page. Each wants a state, so that doing it twice changes nothing more."""

from __future__ import annotations

from flask import request, url_for
from flask.typing import ResponseReturnValue

from portal import clock
from portal.access.models import EndReason
from portal.errors import Refused
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.people.models import Patient
from portal.people.naming import chart_name, short_name
from portal.staff import answers, blueprint, outcomes
from portal.staff.isolation import patient_of
from portal.staff.presenters.chart import chart_head
from portal.staff.views.notice import after_notice
from portal.staff.wording import Said
from portal.web.signed_on import staff_hand


@blueprint.post("/patients/<public_id>/access/enable")
@after_notice
def enable(public_id: str) -> ResponseReturnValue:
    """**Enable Patient Access**: enables and sends the invitation (3.2)."""
    patient = patient_of(public_id)
    try:
        invitation = invitations.enable_and_invite(
            patient=patient,
            require_new_invitation="require_new_invitation" in request.form,
            by=staff_hand(),
            now=clock.now(),
        )
    except Refused as refused:
        return answers.refused(refused.code, public_id)
    return _invited(patient, invitation)


@blueprint.post("/patients/<public_id>/access/send")
@after_notice
def send_invitation(public_id: str) -> ResponseReturnValue:
    """**Send invitation** to a patient who is enabled and was not invited yet."""
    patient = patient_of(public_id)
    try:
        invitation = invitations.send(patient=patient, by=staff_hand(), now=clock.now())
    except Refused as refused:
        return answers.refused(refused.code, public_id)
    return _invited(patient, invitation)


@blueprint.post("/patients/<public_id>/access/resend")
@after_notice
def resend_invitation(public_id: str) -> ResponseReturnValue:
    """**Resend** in one step, unless a newer invitation than the one shown is on its way (3.4)."""
    patient, now = patient_of(public_id), clock.now()
    try:
        invitation = invitations.resend(
            patient=patient, replaces=request.form.get("replaces", ""), by=staff_hand(), now=now
        )
    except Refused as refused:
        return answers.refused(refused.code, public_id)
    what = Said.RESENT if invitation.issued_at == now else Said.NOT_RESENT
    return answers.done(what, patient, invitation=invitation)


@blueprint.route("/patients/<public_id>/access/revoke", methods=["GET", "POST"])
def revoke_invite(public_id: str) -> ResponseReturnValue:
    """**Revoke invite**: asks first, for the link in the patient's mailbox dies for good."""
    return _end(public_id, EndReason.REVOKED, Said.REVOKED)


@blueprint.route("/patients/<public_id>/access/disable", methods=["GET", "POST"])
def disable_access(public_id: str) -> ResponseReturnValue:
    """**Disable access**: asks first, and says who loses what."""
    return _end(public_id, EndReason.DISABLED, Said.DISABLED)


def _invited(patient: Patient, invitation: Invitation | None) -> ResponseReturnValue:
    what = outcomes.of_invite(patient, invitation)
    shown = invitation if what is Said.INVITED else None
    return answers.done(what, patient, invitation=shown)


def _end(public_id: str, expect: EndReason, what: Said) -> ResponseReturnValue:
    patient = patient_of(public_id)
    if request.method == "GET":
        return _ask(patient, expect)
    try:
        ended = invitations.end_access(
            patient=patient,
            grant_public_id=request.form.get("grant", ""),
            expect=expect,
            by=staff_hand(),
            now=clock.now(),
        )
    except Refused as refused:
        return answers.refused(refused.code, public_id)
    return answers.done(what if ended else Said.ENDED_BEFORE, patient)


def _ask(patient: Patient, expect: EndReason) -> ResponseReturnValue:
    return answers.dialog(
        "end_access",
        disables=expect is EndReason.DISABLED,
        action=request.path,
        fields={"grant": request.args.get("grant", "")},
        back=url_for("staff.portal_access", public_id=patient.public_id),
        who=short_name(patient),
        name=chart_name(patient),
        email=patient.email,
        chart=chart_head(patient, here=answers.ENDPOINT, now=clock.now()),
    )
