"""One click sends what the patient needs: an invitation, or for who has an account a reset mail (3.5, 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from werkzeug.datastructures import MultiDict

from portal.access import service as access
from portal.accounts import resets
from portal.audit.actor import Actor
from portal.errors import Stale
from portal.invitations import service as invitations
from portal.invitations.models import Invitation
from portal.people.models import Patient
from portal.staff import outcomes
from portal.staff.presenters.onboarding_row import NEWEST
from portal.staff.presenters.reset_act import RESET
from portal.staff.wording import Said
from portal.transaction import atomic


@dataclass(frozen=True, slots=True)
class Sent:
    """What was done, and the invitation that stands now where it was one."""

    what: Said
    invitation: Invitation | None = None


def send(patient: Patient, fields: MultiDict[str, str], *, by: Actor, now: datetime) -> Sent:
    """To the address that was shown, or to none (5.4); a form that was sent twice sends one mail.

    Raises:
        Refused: what the services refuse.
    """
    address = fields.get("address", "")
    if RESET in fields:
        reset = resets.send(
            patient=patient, replaces=fields[RESET], expect_address=address, by=by, now=now
        )
        return Sent(Said.RESET_SENT if reset.issued_at == now else Said.RESET_NOT_SENT)
    newest = fields.get(NEWEST)
    if newest is None:
        sent = invitations.send(patient=patient, expect_address=address, by=by, now=now)
        return Sent(outcomes.of_invite(patient, sent), sent)
    resent = invitations.resend(
        patient=patient, replaces=newest, expect_address=address, by=by, now=now
    )
    return Sent(Said.RESENT if resent.issued_at == now else Said.NOT_RESENT, resent)


def enable_and_send(
    patient: Patient, fields: MultiDict[str, str], *, by: Actor, now: datetime
) -> Sent:
    """As :func:`send`; who has no access yet, and was shown so, is enabled in the same commit.

    Raises:
        Refused: what the services refuse.
    """
    with atomic():
        patient = access.lock_patient(patient.id)
        if NEWEST in fields or access.current_grant(patient.id) is not None:
            return send(patient, fields, by=by, now=now)
        if patient.email != fields.get("address", ""):
            raise Stale
        invitation = invitations.enable_and_invite(patient=patient, by=by, now=now)
        return Sent(outcomes.of_invite(patient, invitation), invitation)
