"""Issue, resend, revoke and use up invitations. The only writer of ``invitation``."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, select, update

from portal import clock, tokens
from portal.access import service as access
from portal.access.charts import chart_of
from portal.access.models import EndReason, Grant
from portal.access.rules import Obstacle, Status, obstacles
from portal.audit.actor import Actor
from portal.errors import NotFound, Refused, Stale
from portal.extensions import db
from portal.invitations.issuing import Addressee, issue
from portal.invitations.models import Invitation
from portal.invitations.moves import PURPOSE as PURPOSE
from portal.invitations.moves import move as move
from portal.invitations.moves import open_invitations as open_invitations
from portal.invitations.moves import tell_ended
from portal.invitations.rules import OPEN, LinkState, link_state
from portal.invitations.state import InvitationState, Origin
from portal.people import rules as people_rules
from portal.people import service as people
from portal.people.locking import number_of
from portal.people.models import Patient
from portal.transaction import atomic, touch_patient

_SHOWN = select(Grant).where(
    Grant.public_id == bindparam("grant"), Grant.patient_id == bindparam("patient")
)


def obstacles_of(patient: Patient, *, now: datetime) -> list[Obstacle]:
    """Why this patient cannot be invited at this moment; empty when nothing stands in the way (2.1)."""
    return obstacles(
        end_date=patient.end_date,
        deceased=patient.deceased,
        deceased_on=patient.deceased_on,
        opted_out=patient.opted_out_at is not None,
        address_blocked=people.is_blocked(patient),
        identifiers_met=people_rules.requirements(people.identifiers(patient)).met,
        today=clock.local_date(now, patient.practice.time_zone),
    )


def enable_and_invite(
    *, patient: Patient, by: Actor, now: datetime, require_new_invitation: bool = False
) -> Invitation | None:
    """**Enable Patient Access** (3.2): opens a grant *and* sends the invitation, in one commit.

    Done twice it does nothing more. None where the patient's old account is good again (1.5): no mail goes out.

    Raises:
        Refused: the first of :class:`portal.access.rules.Obstacle` that stands in the way.
    """
    with atomic():
        patient = access.lock_patient(patient.id)
        _refuse_obstacles(patient, now=now)
        grant = access.enable(
            patient=patient, by=by, now=now, require_new_invitation=require_new_invitation
        )
        if access.status_of(patient, grant, now=now) is not Status.READY:
            return latest(grant.id)
        return _issue(patient, grant, by=by, now=now)


def send(
    *, patient: Patient, by: Actor, now: datetime, expect_address: str | None = None
) -> Invitation | None:
    """**Send invitation** for a gray patient; one that was invited by mail or is active keeps what it has.

    Args:
        expect_address: the address that the page showed, where it showed one (5.4).

    Raises:
        Stale: another address is on file by now.
        Refused: an obstacle, or ``not_enabled`` when there is no grant.
    """
    with atomic():
        patient = access.lock_patient(patient.id)
        _expect(patient, expect_address)
        _refuse_obstacles(patient, now=now)
        grant = _standing_grant(patient)
        newest = latest(grant.id)
        status = access.status_of(patient, grant, now=now)
        # who got credentials at the desk is invited, but has no invitation yet
        if status is not Status.READY and not (status is Status.INVITED and newest is None):
            return newest
        grant = _grant_for_address(patient, grant, by=by, now=now)
        return _issue(patient, grant, by=by, now=now)


def resend(
    *,
    patient: Patient,
    replaces: str,
    by: Actor,
    now: datetime,
    expect_address: str | None = None,
) -> Invitation:
    """**Resend** in one step (3.4): a new invitation under the same grant, or a new one if the e-mail changed.

    Args:
        replaces: public id of the newest invitation as the page showed it. If another is the newest by now
            (a double click, a colleague), that one is returned and nothing is sent.
        expect_address: the address that the page showed, where it showed one (5.4).

    Raises:
        Stale: another address is on file by now.
        Refused: an obstacle, ``not_enabled``, or ``active`` when the patient has an account already.
    """
    with atomic():
        patient = access.lock_patient(patient.id)
        _expect(patient, expect_address)
        _refuse_obstacles(patient, now=now)
        grant = _standing_grant(patient)
        if access.status_of(patient, grant, now=now) is Status.ACTIVE:
            raise Refused("active")
        newest = latest(grant.id)
        if newest is not None and newest.public_id != replaces:
            return newest
        grant = _grant_for_address(patient, grant, by=by, now=now)
        return _issue(patient, grant, by=by, now=now)


def invite_unasked(
    *, patient: Patient, origin: Origin, by: Actor, now: datetime
) -> Invitation | None:
    """One invitation of a run (7.3), or one that goes out because of an appointment (4.3): enables where need be; who
    was invited before gets a fresh link.

    None where the patient's old account is good again (1.5): no mail goes out. The mail of a run's waits in the
    outbox until the run rings for all of its batch.

    Raises:
        Refused: the first of :class:`portal.access.rules.Obstacle` that stands in the way.
    """
    with atomic():
        patient = access.lock_patient(patient.id)
        _refuse_obstacles(patient, now=now)
        grant = access.enable(patient=patient, by=by, now=now)
        if access.status_of(patient, grant, now=now) is Status.ACTIVE:
            return None
        grant = _grant_for_address(patient, grant, by=by, now=now)
        return _issue(patient, grant, by=by, now=now, origin=origin)


def end_access(
    *,
    patient: Patient,
    grant_public_id: str,
    expect: EndReason,
    by: Actor,
    now: datetime,
    expect_status: Status | None = None,
) -> bool:
    """**Revoke invite** (while pending) or **Disable access** (while active): ends the grant that was shown.

    False when that very grant had ended before.

    Args:
        expect_status: the status that was shown, where more depends on it than the button.

    Raises:
        NotFound: the patient has no such grant.
        Stale: the grant is not in the state any more that the button was for.
    """
    patient_id = number_of(patient)
    with atomic():
        patient = access.lock_patient(patient_id)
        grant = db.session.scalar(_SHOWN, {"grant": grant_public_id, "patient": patient_id})
        if grant is None:
            raise NotFound("grant")
        if grant.ended_at is not None:
            return False
        status = access.status_of(patient, grant, now=now)
        if (status is Status.ACTIVE) != (expect is EndReason.DISABLED):
            raise Stale
        if expect_status not in {None, status}:
            raise Stale
        return access.end(grant=grant, reason=expect, by=by, now=now)


def latest(grant_id: int) -> Invitation | None:
    """The newest invitation under a grant."""
    return db.session.scalar(
        select(Invitation)
        .where(Invitation.grant_id == grant_id)
        .order_by(Invitation.id.desc())
        .limit(1)
    )


def find_by_token(token: str) -> Invitation | None:
    """The invitation of a link, by the hash of its secret."""
    return db.session.scalar(
        select(Invitation).where(Invitation.token_hash == tokens.digest(token))
    )


def find_by_public_id(public_id: str) -> Invitation | None:
    """The invitation behind a door's handle."""
    return db.session.scalar(select(Invitation).where(Invitation.public_id == public_id))


def state_of_link(invitation: Invitation, *, now: datetime) -> LinkState:
    """What the link is worth at this moment, by the row, the grant, the chart and the clock."""
    grant = db.session.get_one(Grant, invitation.grant_id)
    return link_state(
        InvitationState(invitation.state),
        expires_at=invitation.expires_at,
        grant_stands=grant.ended_at is None,
        activated=grant.activated_at is not None,
        chart_ended=access.chart_ended(invitation.patient, now=now),
        now=now,
    )


def use_up(invitation: Invitation, *, by: Actor, now: datetime) -> bool:
    """Consume the invitation by one conditional UPDATE, in the caller's transaction; True for exactly one caller.

    Whatever else is open for the patient is voided by it (3.4).
    """
    done = db.session.execute(
        update(Invitation)
        .where(
            Invitation.id == invitation.id,
            Invitation.state.in_([state.value for state in OPEN]),
            Invitation.expires_at > now,
        )
        .values(state=InvitationState.USED.value, ended_at=now)
    )
    if getattr(done, "rowcount", 0) != 1:
        return False
    touch_patient(invitation.patient_id)
    db.session.refresh(invitation)
    tell_ended(invitation, by=by, now=now)
    for other in open_invitations(invitation.patient_id):
        move(other, InvitationState.VOIDED, by=by, now=now)
    return True


def issue_fresh(patient: Patient, grant: Grant, *, by: Actor, now: datetime) -> Invitation:
    """A fresh link that the holder of a dead one asked for, in the caller's transaction (8.6)."""
    return _issue(patient, grant, by=by, now=now, origin=Origin.FRESH_LINK)


def _expect(patient: Patient, address: str | None) -> None:
    if address is not None and patient.email != address:
        raise Stale


def _standing_grant(patient: Patient) -> Grant:
    grant = access.current_grant(patient.id)
    if grant is None:
        raise Refused("not_enabled")
    return grant


def _refuse_obstacles(patient: Patient, *, now: datetime) -> None:
    found = obstacles_of(patient, now=now)
    if found:
        raise Refused(found[0].value)


def _grant_for_address(patient: Patient, grant: Grant, *, by: Actor, now: datetime) -> Grant:
    """The same grant while the address is the one it was given for; else a new row of the history (3.4)."""
    if grant.email is not None and people_rules.email_key(grant.email) == patient.email_key:
        return grant
    if grant.invited_at is None:
        grant.email = patient.email
        return grant
    access.end(grant=grant, reason=EndReason.EMAIL_CHANGED, by=by, now=now)
    return access.enable(patient=patient, by=by, now=now, require_new_invitation=True)


def _issue(
    patient: Patient, grant: Grant, *, by: Actor, now: datetime, origin: Origin = Origin.STAFF
) -> Invitation:
    if patient.email is None:
        raise Refused(Obstacle.IDENTIFIERS_MISSING.value)
    access.record_invited(grant, now=now)
    db.session.flush()
    addressee = Addressee(chart_of(patient), grant.id, patient.email)
    numbers = issue([addressee], practice=patient.practice, by=by, now=now, origin=origin)
    return db.session.get_one(Invitation, numbers[patient.id])


def fresh_links_sent(grant_id: int) -> int:
    """How many fresh links were asked for under a grant."""
    return (
        db.session.scalar(
            select(func.count()).where(
                Invitation.grant_id == grant_id, Invitation.origin == Origin.FRESH_LINK.value
            )
        )
        or 0
    )
