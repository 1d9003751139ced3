"""Write invitations and put their mails into the outbox: one, or a batch with a statement for each table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from portal import clock, tokens
from portal.access import service as access
from portal.access.charts import Chart
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit import service as audit
from portal.audit.actor import Actor
from portal.extensions import db
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.moves import PURPOSE, move
from portal.invitations.rules import last_day
from portal.invitations.state import InvitationState, Origin
from portal.invitations.timeline import Line, TimelineKind
from portal.mail import service as mail
from portal.mail.service import Mail
from portal.practices.models import Practice
from portal.rows import Values, among, insert_numbered
from portal.transaction import touch_patients

_SETTLES = (AttentionKind.IDENTITY_LOCKED, AttentionKind.MAIL_FAILED)
_PREPARED = select(Invitation).where(
    among(Invitation.patient_id, "patients"), Invitation.state == InvitationState.PREPARED.value
)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Who is invited, under which grant, and where the mail goes."""

    chart: Chart
    grant_id: int
    email: str
    note: str | None = None
    """The address to be noted with a grant that nobody was invited under so far; None: nothing is to be noted."""


def good_until(practice: Practice, *, now: datetime) -> date:
    """The last day of a link that is made now."""
    return last_day(clock.local_date(now, practice.time_zone), practice.invitation_days)


def issue(
    addressees: Sequence[Addressee],
    *,
    practice: Practice,
    by: Actor,
    now: datetime,
    origin: Origin,
) -> dict[int, int]:
    """Invite these patients of one practice, whose charts the caller has locked and looked at.

    Of :attr:`Origin.BULK` nobody is woken; the caller sees to it that the mails go out.

    Returns:
        Patient -> invitation, by their numbers.
    """
    patient_ids = [addressee.chart.id for addressee in addressees]
    _replace_prepared(patient_ids, by=by, now=now)
    expires_on = good_until(practice, now=now)
    common: Values = {
        "practice_id": practice.id,
        "state": InvitationState.PREPARED.value,
        "origin": origin.value,
        "inviter_name": by.name,
        "issued_at": now,
        "expires_at": clock.end_of_day(expires_on, practice.time_zone),
        "identity_failures": 0,
    }
    rows = [common | _own(addressee, practice) for addressee in addressees]
    numbers = insert_numbered(Invitation, rows)
    touch_patients(patient_ids)
    notes = {each.grant_id: each.note for each in addressees if each.note is not None}
    access.record_invited_many(notes, now=now)
    attention.settle_many(patient_ids=patient_ids, kinds=_SETTLES, by=by, now=now)
    for row in rows:
        audit.record(
            "invitation.prepared",
            practice_id=practice.id,
            by=by,
            now=now,
            subject=("patient", row["patient_id"]),
            invitation=row["public_id"],
            email=row["email"],
            reason=row["origin"],
        )
    mails = [Mail(numbers[row["public_id"]], row["email"], row["language"]) for row in rows]
    _put_into_the_outbox(mails, practice, by=by, now=now, origin=origin)
    return {row["patient_id"]: numbers[row["public_id"]] for row in rows}


def _replace_prepared(patient_ids: Sequence[int], *, by: Actor, now: datetime) -> None:
    """Those whose mail nobody has accepted yet; a live one stays until the new mail is accepted (3.4)."""
    for other in db.session.scalars(_PREPARED, {"patients": patient_ids}).all():
        move(other, InvitationState.REPLACED, by=by, now=now)
    db.session.flush()


def _own(addressee: Addressee, practice: Practice) -> Values:
    """What is each invitation's own."""
    chart, nonce = addressee.chart, tokens.new_secret()
    return {
        "public_id": tokens.public_id(),
        "patient_id": chart.id,
        "grant_id": addressee.grant_id,
        "email": addressee.email,
        "language": chart.language or practice.default_language,
        "provider_id": chart.provider_id,
        "nonce": nonce,
        "token_hash": tokens.digest(tokens.link_token(nonce)),
    }


def _put_into_the_outbox(
    mails: Sequence[Mail], practice: Practice, *, by: Actor, now: datetime, origin: Origin
) -> None:
    data = {"by": by.name, "fresh": origin is Origin.FRESH_LINK}
    due = mail.enqueue_many(
        mails, practice_id=practice.id, purpose=PURPOSE, now=now, wake=origin is not Origin.BULK
    )
    lines = [Line(number, TimelineKind.QUEUED, data) for number in due]
    lines += [
        Line(number, TimelineKind.WAITING, {"until": due_at.isoformat()})
        for number, due_at in due.items()
        if due_at > now
    ]
    timeline.add_many(lines, now=now)
