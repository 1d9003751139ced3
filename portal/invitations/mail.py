"""The invitation's mail (8.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

from flask_babel import format_date, get_locale

from portal import clock, tokens
from portal.extensions import db
from portal.invitations import outcomes, returns, standing
from portal.invitations.models import Invitation
from portal.invitations.rules import PERSONAL_ORIGINS
from portal.invitations.service import PURPOSE
from portal.mail import registry, unsubscribe
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed
from portal.mail.templates import Draft, Sheet
from portal.people.mail import sheet
from portal.people.naming import hello_name
from portal.practices.models import Practice
from portal.settings import settings

registry.on_result(PURPOSE)(outcomes.record_mail_result)
registry.on_accepted(PURPOSE)(outcomes.record_accepted)
registry.on_return(PURPOSE)(returns.record_return)


@registry.drafter(PURPOSE)
def draft(messages: Sequence[OutboxMessage], *, now: datetime) -> dict[int, Draft]:
    """The mails with their links, re-derived from the rows: a repeat carries the same one."""
    found = standing.open_ones([message.subject_id for message in messages], now=now)
    sheets: dict[int, Sheet] = {}
    drafts = {}
    for message in messages:
        facts = found.get(message.subject_id)
        if facts is None:
            continue
        if facts.practice_id not in sheets:
            sheets[facts.practice_id] = sheet(db.session.get_one(Practice, facts.practice_id))
        automatic = facts.origin not in PERSONAL_ORIGINS
        out = unsubscribe.link(message.public_id) if automatic else None
        drafts[message.id] = Draft(
            PURPOSE,
            sheets[facts.practice_id],
            _values(
                hello_name=hello_name(facts),
                link=link_of(tokens.link_token(facts.nonce)),
                last_day=last_day(facts.expires_at, facts.time_zone),
                unsubscribe_link=out,
            ),
            unsubscribe=out,
        )
    return drafts


def on_paper(name: str, invitation: Invitation, *, unsubscribe_link: str | None) -> Composed:
    """The mail ``name`` with the link and the last day of this invitation."""
    practice = invitation.patient.practice
    return letter(
        practice,
        name=name,
        hello_name=hello_name(invitation.patient),
        link=link_of(tokens.link_token(invitation.nonce)),
        last_day=last_day(invitation.expires_at, practice.time_zone),
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
    values = _values(
        hello_name=hello_name, link=link, last_day=last_day, unsubscribe_link=unsubscribe_link
    )
    return Draft(name, sheet(practice), values).composed()


def link_of(token: str) -> str:
    """The address of a link, on the configured public address."""
    return f"{settings().public_base_url.rstrip('/')}/i/{token}"


def last_day(expires_at: datetime, zone: str) -> date:
    """The day that is printed: the link is good to its end."""
    return clock.local_date(expires_at - timedelta(microseconds=1), zone)


@registry.wanted_of_many(PURPOSE)
def still_wanted(messages: Sequence[OutboxMessage], *, now: datetime) -> Collection[int]:
    """Those whose invitation still stands: nobody gets a mail after staff took it back (faults.md F11)."""
    found = standing.open_ones([message.subject_id for message in messages], now=now)
    return {message.id for message in messages if message.subject_id in found}


def stands(invitation: Invitation, *, now: datetime) -> bool:
    """Whether its link works and the chart may be written to at this moment."""
    return invitation.id in standing.open_ones([invitation.id], now=now)


def _values(
    *, hello_name: str, link: str, last_day: date, unsubscribe_link: str | None
) -> dict[str, str | None]:
    return {
        "hello_name": hello_name,
        "link": link,
        "not_me_link": f"{link}/not-me",
        "expires_on": _printed(last_day, str(get_locale() or "en")),
        "unsubscribe_link": unsubscribe_link,
    }


@lru_cache(maxsize=64)
def _printed(day: date, _language: str) -> str:
    return str(format_date(day, "long"))
