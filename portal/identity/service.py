"""Run an identity check with its limits (security.md), in the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from portal.access import service as access
from portal.access.models import EndReason, Grant
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.extensions import db
from portal.identity.rules import Claim, SsnClaim, Verdict, birth_and_phone_agree, ssn_agrees
from portal.invitations import service as invitations
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.limits import service as limits
from portal.limits.rules import (
    IDENTITY_PER_CLIENT,
    IDENTITY_PER_INVITATION,
    IDENTITY_PER_PATIENT,
    IDENTITY_PER_SSN,
    Limit,
)
from portal.people import service as people
from portal.people.models import Patient


def check(
    *, invitation: Invitation, patient: Patient, claim: Claim, client: str, by: Actor, now: datetime
) -> Verdict:
    """The check that an invitation's link asks for; see :func:`compare`. The fifth failure locks the invitation.

    The caller holds the patient's lock and has made sure that the link is open.
    """
    verdict = compare(patient=patient, claim=claim, client=client, now=now)
    if verdict is Verdict.PASSED:
        audit.record(
            "identity.passed",
            practice_id=patient.practice_id,
            by=by,
            now=now,
            subject=("patient", patient.id),
            invitation=invitation.public_id,
            method=method_of(claim),
        )
    return _fail(invitation, patient, by=by, now=now) if verdict is Verdict.FAILED else verdict


def compare(*, patient: Patient, claim: Claim, client: str, now: datetime) -> Verdict:
    """Compare a claim with the record, within the limits per patient, number and client.

    Only failures count; a failure is durable with the caller's commit. How many failures a link stands is the
    business of the room that the link belongs to.
    """
    counters: list[tuple[Limit, str]] = [
        (IDENTITY_PER_PATIENT, str(patient.id)),
        (IDENTITY_PER_CLIENT, client),
    ]
    if isinstance(claim, SsnClaim):
        counters.append((IDENTITY_PER_SSN, people.ssn_match(claim.ssn)))
    limits.lock(counters)
    if any(limits.reached(limit, key, now=now) for limit, key in counters):
        return Verdict.THROTTLED
    if _agrees(claim, patient):
        return Verdict.PASSED
    for limit, key in counters:
        limits.add(limit, key, now=now)
    return Verdict.FAILED


def method_of(claim: Claim) -> str:
    """Which of the two ways was taken, for the audit trail."""
    return "ssn" if isinstance(claim, SsnClaim) else "birth_and_phone"


def _agrees(claim: Claim, patient: Patient) -> bool:
    if isinstance(claim, SsnClaim):
        return ssn_agrees(people.ssn_match(claim.ssn), patient.ssn_match)
    return birth_and_phone_agree(
        claim, birth_date=patient.birth_date, phones=[phone.e164 for phone in patient.phones]
    )


def _fail(invitation: Invitation, patient: Patient, *, by: Actor, now: datetime) -> Verdict:
    invitation.identity_failures += 1
    failures = invitation.identity_failures
    audit.record(
        "identity.failed",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        invitation=invitation.public_id,
        failures=failures,
    )
    timeline.add(
        invitation.id,
        TimelineKind.IDENTITY_FAILED,
        now=now,
        failures=failures,
        of=IDENTITY_PER_INVITATION,
    )
    if failures < IDENTITY_PER_INVITATION:
        return Verdict.FAILED
    _lock(invitation, patient, by=by, now=now)
    return Verdict.LOCKED


def _lock(invitation: Invitation, patient: Patient, *, by: Actor, now: datetime) -> None:
    invitations.move(invitation, InvitationState.LOCKED, by=by, now=now)
    audit.record(
        "identity.locked",
        practice_id=patient.practice_id,
        by=by,
        now=now,
        subject=("patient", patient.id),
        invitation=invitation.public_id,
    )
    attention.raise_item(patient=patient, kind=AttentionKind.IDENTITY_LOCKED, by=by, now=now)
    grant = db.session.get_one(Grant, invitation.grant_id)
    access.end(grant=grant, reason=EndReason.IDENTITY_LOCKED, by=by, now=now)
