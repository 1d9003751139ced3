"""The timelines of many invitations at once, written by the database from the invitations themselves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ColumnElement, insert, literal, null, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.demo.teller import Hand
from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail.rules import Reason

_ENDINGS = {
    InvitationState.USED: (TimelineKind.REGISTERED, TimelineKind.FIRST_LOGON),
    InvitationState.LOCKED: (TimelineKind.LOCKED,),
    InvitationState.NOT_ME: (TimelineKind.NOT_ME,),
    InvitationState.REVOKED: (TimelineKind.REVOKED,),
}
_ACCEPTED = tuple(state for state in InvitationState if state is not InvitationState.FAILED)


def write(*, practice_id: int, hands: tuple[Hand, ...], first: int, last: int) -> None:
    """The lines of the practice's invitations numbered ``first`` to ``last``, in the caller's transaction."""
    these = (Invitation.practice_id == practice_id, Invitation.id.between(first, last))
    for hand in hands:
        data = {"by": hand.name, "fresh": False}
        _write(
            TimelineKind.QUEUED,
            Invitation.issued_at,
            data,
            *these,
            Invitation.inviter_name == hand.name,
        )
    _write(
        TimelineKind.ACCEPTED,
        Invitation.issued_at,
        {},
        *these,
        Invitation.state.in_(_ACCEPTED),
        once="try 1",
    )
    _write(
        TimelineKind.MAIL_FAILED,
        Invitation.ended_at,
        {"reason": Reason.NO_SUCH_MAILBOX.value},
        *these,
        Invitation.state == InvitationState.FAILED,
        once="try 1",
    )
    for state, kinds in _ENDINGS.items():
        for kind in kinds:
            _write(kind, Invitation.ended_at, {}, *these, Invitation.state == state)


def _write(
    kind: TimelineKind,
    at: InstrumentedAttribute[Any],
    data: dict[str, Any],
    *which: ColumnElement[bool],
    once: str | None = None,
) -> None:
    lines = select(
        Invitation.id,
        at,
        literal(kind.value),
        literal(once) if once else null(),
        literal(data, JSON),
    ).where(*which)
    db.session.execute(
        insert(InvitationEvent).from_select(["invitation_id", "at", "kind", "once", "data"], lines)
    )
