"""What happens to an invitation when others report: its mail's result, the end of its grant, a changed address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit import service as audit
from portal.audit.actor import Actor, system
from portal.extensions import db
from portal.invitations import service, timeline
from portal.invitations.models import Invitation
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail.models import OutboxMessage, OutboxState
from portal.people import bounces
from portal.people import service as people
from portal.people.models import Patient
from portal.rows import among, table_of

if TYPE_CHECKING:
    from portal.mail.registry import Outcome

MAIL = system("Mail")

_AFTER = {
    EndReason.NOT_ME: InvitationState.NOT_ME,
    EndReason.IDENTITY_LOCKED: InvitationState.LOCKED,
    EndReason.EMAIL_CHANGED: InvitationState.VOIDED,
}

_LOCK = (
    select(Patient.id)
    .where(Patient.id.in_(select(Invitation.patient_id).where(among(Invitation.id, "numbers"))))
    .order_by(Patient.id)
    .with_for_update(of=Patient)
)
_PREPARED = select(
    Invitation.id, Invitation.public_id, Invitation.practice_id, Invitation.patient_id
).where(among(Invitation.id, "numbers"), Invitation.state == InvitationState.PREPARED.value)
_LIVE = select(Invitation.id).where(
    among(Invitation.patient_id, "numbers"), Invitation.state == InvitationState.LIVE.value
)
_GO_LIVE = (
    update(table_of(Invitation))
    .where(among(table_of(Invitation).c.id, "numbers"))
    .values(state=InvitationState.LIVE.value)
)


def record_mail_result(*, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """The result of the invitation's mail, in the commit that records it.

    Accepted makes a prepared invitation live and the earlier one replaced (3.4); failed for good leaves the
    earlier one as it is and asks for a person.
    """
    invitation = db.session.get_one(Invitation, message.subject_id)
    patient = access.lock_patient(invitation.patient_id)
    db.session.refresh(invitation)
    prepared = invitation.state == InvitationState.PREPARED
    once = f"try {message.attempts}"
    match outcome.state:
        case OutboxState.ACCEPTED:
            timeline.add(
                invitation.id, TimelineKind.ACCEPTED, now=now, once=once, twice=outcome.maybe_twice
            )
            if prepared:
                _go_live(invitation, now=now)
        case OutboxState.FAILED:
            timeline.add(
                invitation.id,
                TimelineKind.MAIL_FAILED,
                now=now,
                once=once,
                reason=outcome.reason,
                **timeline.third(outcome),
            )
            if prepared:
                _fail(invitation, patient, outcome.reason, now=now)
            record_dead_address(patient, message, outcome, now=now)
        case OutboxState.UNKNOWN:
            timeline.add(invitation.id, TimelineKind.MAYBE_ACCEPTED, now=now, once=once)
        case OutboxState.CANCELLED:
            timeline.add(invitation.id, TimelineKind.MAIL_CANCELLED, now=now, once=once)
        case OutboxState.QUEUED:
            timeline.add(
                invitation.id,
                TimelineKind.DELAYED,
                now=now,
                once=once,
                reason=outcome.reason,
                until=outcome.next_attempt_at.isoformat() if outcome.next_attempt_at else None,
            )
        case _:
            pass


def record_accepted(messages: Sequence[OutboxMessage], *, now: datetime) -> None:
    """The mail server took these: what :func:`record_mail_result` does for each of them, for many.

    No roster row is touched: a prepared link opens as a live one does (decision 3), so a patient's standing follows
    from neither.
    """
    numbers = [message.subject_id for message in messages]
    # in the order in which every set of charts is locked (decision 24)
    db.session.connection().execute(_LOCK, {"numbers": numbers})
    timeline.add_accepted(
        {
            message.subject_id: (f"try {message.attempts + 1}", message.doubtful_tries > 0)
            for message in messages
        },
        now=now,
    )
    prepared = db.session.connection().execute(_PREPARED, {"numbers": numbers}).all()
    _replace_earlier([row.patient_id for row in prepared], now=now)
    db.session.connection().execute(_GO_LIVE, {"numbers": [row.id for row in prepared]})
    for row in prepared:
        audit.record(
            "invitation.live",
            practice_id=row.practice_id,
            by=MAIL,
            now=now,
            subject=("patient", row.patient_id),
            invitation=row.public_id,
        )


def record_dead_address(
    patient: Patient, message: OutboxMessage, outcome: Outcome, *, now: datetime
) -> None:
    """The mail server's "no" lay in the address: the chart shows it as bounced (1.2), in the caller's transaction."""
    if outcome.dead_address:
        bounces.record(
            patient,
            address_key=message.address_key,
            reason=str(outcome.reason),
            by=MAIL,
            now=now,
        )


def end_with_grant(grant: Grant, reason: EndReason, by: Actor, now: datetime) -> None:
    """The grant ended: what is open under it ends too."""
    state = _AFTER.get(reason, InvitationState.REVOKED)
    for invitation in service.open_invitations(grant.patient_id):
        if invitation.grant_id == grant.id:
            service.move(invitation, state, by=by, now=now)


def void_after_email_change(patient: Patient, _old: str | None, by: Actor, now: datetime) -> None:
    """The e-mail on file changed: links that went to the old address are dead (3.7)."""
    for invitation in service.open_invitations(patient.id):
        service.move(invitation, InvitationState.VOIDED, by=by, now=now)


def _replace_earlier(patient_ids: Sequence[int], *, now: datetime) -> None:
    earlier = db.session.connection().scalars(_LIVE, {"numbers": patient_ids}).all()
    for number in sorted(earlier):
        invitation = db.session.get_one(Invitation, number, populate_existing=True)
        service.move(invitation, InvitationState.REPLACED, by=MAIL, now=now)


def _go_live(invitation: Invitation, *, now: datetime) -> None:
    for earlier in service.open_invitations(invitation.patient_id):
        if earlier.id != invitation.id:
            service.move(earlier, InvitationState.REPLACED, by=MAIL, now=now)
    service.move(invitation, InvitationState.LIVE, by=MAIL, now=now)


def _fail(invitation: Invitation, patient: Patient, reason: str | None, *, now: datetime) -> None:
    service.move(invitation, InvitationState.FAILED, by=MAIL, now=now)
    audit.record(
        "invitation.failed",
        practice_id=invitation.practice_id,
        by=MAIL,
        now=now,
        subject=("patient", patient.id),
        invitation=invitation.public_id,
        reason=reason,
    )
    attention.raise_item(
        patient=patient, kind=AttentionKind.MAIL_FAILED, by=MAIL, now=now, reason=reason
    )


def register() -> None:
    """Hang this room's callbacks onto the rooms below."""
    access.grant_ended.register(end_with_grant)
    people.email_changed.register(void_after_email_change)
