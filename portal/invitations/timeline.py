"""What is known of an invitation, line by line (3.8). Rows are only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail.bounces.meaning import Reading
from portal.mail.registry import Outcome
from portal.rows import insert_rows
from portal.transaction import atomic


class TimelineKind(StrEnum):
    """The lines a timeline may have."""

    QUEUED = "queued"
    WAITING = "waiting"
    """The address has had its hourly share of mail; it waits until the time in ``data``."""
    DELAYED = "delayed"
    ACCEPTED = "accepted"
    MAYBE_ACCEPTED = "maybe_accepted"
    MAIL_FAILED = "mail_failed"
    MAIL_CANCELLED = "mail_cancelled"
    LATE = "late"
    """Another mail server on the way is still trying."""
    BOUNCED = "bounced"
    """It came back: the address does not work."""
    RETURNED = "returned"
    """It came back, though the address may well work."""
    AUTO_REPLY = "auto_reply"
    CHALLENGE = "challenge"
    COMPLAINT = "complaint"
    UNSUBSCRIBED = "unsubscribed"
    REMINDED = "reminded"
    """Its reminder was put into the outbox; lines of that mail carry ``reminder`` in ``data``."""
    OPENED = "opened"
    IDENTITY_FAILED = "identity_failed"
    LOCKED = "locked"
    REGISTERED = "registered"
    LINKED = "linked"
    FIRST_LOGON = "first_logon"
    FRESH_LINK = "fresh_link"
    REPLACED = "replaced"
    REVOKED = "revoked"
    VOIDED = "voided"
    NOT_ME = "not_me"


def add(
    invitation_id: int, kind: TimelineKind, *, now: datetime, once: str | None = None, **data: Any
) -> None:
    """One more line, in the caller's transaction; with ``once`` a repeat of the same is one line."""
    insert = (
        postgresql.insert(InvitationEvent)
        if db.engine.dialect.name == "postgresql"
        else sqlite.insert(InvitationEvent)
    )
    db.session.execute(
        insert.values(
            invitation_id=invitation_id, kind=kind.value, at=now, once=once, data=data
        ).on_conflict_do_nothing()
    )


def third(end: Outcome | Reading) -> dict[str, bool]:
    """What a line says of a mail that was one too many: its address counts as bounced from now on."""
    return {"too_often": True} if end.too_often else {}


@dataclass(frozen=True, slots=True)
class Line:
    """One line to be added."""

    invitation_id: int
    kind: TimelineKind
    data: dict[str, Any]


def add_many(lines: Sequence[Line], *, now: datetime) -> None:
    """One more line for each of many, in the caller's transaction; a repeat of the same is a line of its own."""
    insert_rows(
        InvitationEvent,
        [
            {
                "invitation_id": line.invitation_id,
                "kind": line.kind.value,
                "at": now,
                "data": line.data,
            }
            for line in lines
        ],
    )


def observe_opened(invitation: Invitation, *, scanner: bool, now: datetime) -> None:
    """The link was opened: an observation, at most one row per link and minute; it changes nothing else."""
    number = invitation.id
    with atomic():
        add(
            number,
            TimelineKind.OPENED,
            now=now,
            once=now.strftime("%Y-%m-%dT%H:%M"),
            by="scanner" if scanner else "person",
        )


def of_grant(grant_id: int, *, limit: int = 200) -> list[InvitationEvent]:
    """The lines of every invitation under one grant, newest first."""
    return list(
        db.session.scalars(
            select(InvitationEvent)
            .join(Invitation, Invitation.id == InvitationEvent.invitation_id)
            .where(Invitation.grant_id == grant_id)
            .order_by(InvitationEvent.at.desc(), InvitationEvent.id.desc())
            .limit(limit)
        )
    )


def add_accepted(tries: Mapping[int, tuple[str, bool]], *, now: datetime) -> None:
    """That the mail server took the mails of these invitations, in the caller's transaction.

    Args:
        tries: by the invitation's number: what makes a repeat the same line, and whether it may have arrived twice.
    """
    rows = [
        {
            "invitation_id": number,
            "kind": TimelineKind.ACCEPTED.value,
            "at": now,
            "once": once,
            "data": {"twice": twice},
        }
        for number, (once, twice) in tries.items()
    ]
    insert_rows(InvitationEvent, rows, once=True)


def mail_failures(invitation_ids: list[int]) -> dict[int, str]:
    """Why the mail of each of these failed for good (:class:`portal.mail.rules.Reason`), where it did."""
    if not invitation_ids:
        return {}
    rows = db.session.scalars(
        select(InvitationEvent).where(
            InvitationEvent.invitation_id.in_(invitation_ids),
            InvitationEvent.kind == TimelineKind.MAIL_FAILED.value,
        )
    )
    return {row.invitation_id: str(row.data.get("reason") or "") for row in rows}
