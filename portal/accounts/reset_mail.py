"""The reset's mail, and what its result means: the hour begins when the mail server has taken it."""

from __future__ import annotations

from datetime import datetime

from portal import tokens
from portal.access import service as access
from portal.access.models import Grant
from portal.accounts import resets, timeline
from portal.accounts.recovery_models import PasswordReset
from portal.accounts.resets import PURPOSE
from portal.accounts.rules import RESET_LIFE, RESET_MAIL_LIFE, ResetState
from portal.accounts.timeline import AccountLine
from portal.attention import service as attention
from portal.attention.models import AttentionKind
from portal.audit.actor import system
from portal.extensions import db
from portal.mail import registry
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed, Outcome
from portal.mail.state import OutboxState
from portal.people import service as people
from portal.people.mail import write
from portal.people.naming import hello_name
from portal.settings import settings

MAIL = system("Mail")


@registry.composer(PURPOSE)
def compose(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The mail with its link, re-derived from the row: a repeat carries the same one."""
    reset = db.session.get(PasswordReset, message.subject_id)
    if reset is None or not _stands(reset, now=now):
        return None
    token = tokens.link_token(reset.nonce, purpose=tokens.RESET_LINK)
    return write(
        PURPOSE,
        reset.patient.practice,
        hello_name=hello_name(reset.patient),
        link=f"{settings().public_base_url.rstrip('/')}/r/{token}",
    )


@registry.wanted(PURPOSE)
def is_wanted(message: OutboxMessage, *, now: datetime) -> bool:
    """Whether the reset still stands: nobody gets a mail after staff took it back (faults.md F11)."""
    reset = db.session.get(PasswordReset, message.subject_id, populate_existing=True)
    return reset is not None and _stands(reset, now=now)


@registry.on_result(PURPOSE)
def record_result(*, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """The mail's result, in the commit that records it."""
    reset = db.session.get_one(PasswordReset, message.subject_id)
    access.lock_patient(reset.patient_id)
    db.session.refresh(reset)
    is_open = reset.state == ResetState.OPEN
    match outcome.state:
        case OutboxState.ACCEPTED:
            _line(reset, message, AccountLine.RESET_ACCEPTED, now=now, twice=outcome.maybe_twice)
        case OutboxState.UNKNOWN:
            _line(reset, message, AccountLine.RESET_MAYBE_ACCEPTED, now=now)
        case OutboxState.QUEUED:
            until = outcome.next_attempt_at or now
            if is_open:
                reset.expires_at = max(reset.expires_at, until + RESET_LIFE)
            _line(
                reset,
                message,
                AccountLine.RESET_DELAYED,
                now=now,
                reason=outcome.reason,
                until=until.isoformat(),
            )
        case OutboxState.FAILED:
            _line(reset, message, AccountLine.RESET_FAILED, now=now, reason=outcome.reason)
            if is_open:
                _fail(reset, outcome.reason, now=now)
        case _:
            pass
    if is_open and outcome.state in {OutboxState.ACCEPTED, OutboxState.UNKNOWN}:
        reset.expires_at = now + RESET_LIFE


def _fail(reset: PasswordReset, reason: str | None, *, now: datetime) -> None:
    resets.end(reset, ResetState.FAILED, by=MAIL, now=now)
    attention.raise_item(
        patient=reset.patient, kind=AttentionKind.MAIL_FAILED, by=MAIL, now=now, reason=reason
    )


def _line(
    reset: PasswordReset,
    message: OutboxMessage,
    kind: AccountLine,
    *,
    now: datetime,
    **data: object,
) -> None:
    once = f"{message.public_id} try {message.attempts}"
    timeline.add(reset.grant_id, kind, now=now, once=once, **data)


def _stands(reset: PasswordReset, *, now: datetime) -> bool:
    """Its hour has not begun before the mail is gone, so here it is asked how old it is, not whether it expired."""
    patient = reset.patient
    grant = db.session.get_one(Grant, reset.grant_id)
    return (
        reset.state == ResetState.OPEN
        and now < reset.issued_at + RESET_MAIL_LIFE
        and grant.ended_at is None
        and not access.chart_ended(patient, now=now)
        and patient.opted_out_at is None
        and not people.is_blocked(patient)
    )
