"""The invitation's mail (8.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

from flask_babel import format_date

from portal import clock, tokens
from portal.extensions import db
from portal.invitations import outcomes, returns, service
from portal.invitations.models import Invitation
from portal.invitations.rules import PERSONAL_ORIGINS, LinkState
from portal.invitations.service import PURPOSE
from portal.mail import registry, unsubscribe
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.people import service as people
from portal.people.mail import write
from portal.people.naming import hello_name
from portal.practices.models import Practice
from portal.settings import settings

registry.on_result(PURPOSE)(outcomes.record_mail_result)
registry.on_return(PURPOSE)(returns.record_return)


@registry.composer(PURPOSE)
def compose(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The mail with its link, re-derived from the row: a repeat carries the same one."""
    invitation = db.session.get(Invitation, message.subject_id)
    if invitation is None or not stands(invitation, now=now):
        return None
    automatic = invitation.origin not in PERSONAL_ORIGINS
    link = unsubscribe.link(message.public_id) if automatic else None
    composed = on_paper(PURPOSE, invitation, unsubscribe_link=link)
    return replace(composed, automatic=automatic)


def on_paper(name: str, invitation: Invitation, *, unsubscribe_link: str | None) -> Composed:
    """The mail ``name`` with the link and the last day of this invitation."""
    practice = invitation.patient.practice
    last_day = clock.local_date(
        invitation.expires_at - timedelta(microseconds=1), practice.time_zone
    )
    return letter(
        practice,
        name=name,
        hello_name=hello_name(invitation.patient),
        link=link_of(tokens.link_token(invitation.nonce)),
        last_day=last_day,
        unsubscribe_link=unsubscribe_link,
    )


def letter(
    practice: Practice,
    *,
    hello_name: str,
    link: str,
    last_day: date,
    unsubscribe_link: str | None,
    name: str = PURPOSE,
) -> Composed:
    """What an invitation of this practice says, in the current language; previews and tests show the same."""
    return write(
        name,
        practice,
        hello_name=hello_name,
        link=link,
        not_me_link=f"{link}/not-me",
        expires_on=format_date(last_day, "long"),
        unsubscribe_link=unsubscribe_link,
    )


def link_of(token: str) -> str:
    """The address of a link, on the configured public address."""
    return f"{settings().public_base_url.rstrip('/')}/i/{token}"


@registry.wanted(PURPOSE)
def is_wanted(message: OutboxMessage, *, now: datetime) -> bool:
    """Whether the invitation still stands: nobody gets a mail after staff took it back (faults.md F11)."""
    invitation = db.session.get(Invitation, message.subject_id, populate_existing=True)
    return invitation is not None and stands(invitation, now=now)


def stands(invitation: Invitation, *, now: datetime) -> bool:
    """Whether its link works and the chart may be written to at this moment."""
    patient = invitation.patient
    return (
        service.state_of_link(invitation, now=now) is LinkState.OPEN
        and patient.opted_out_at is None
        and not people.is_blocked(patient)
    )
