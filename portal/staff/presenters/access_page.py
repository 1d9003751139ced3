"""The Portal access page of a chart (3.2-3.4, 3.8), from its facts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flask import url_for
from flask_babel import gettext as _

from portal.access.models import Grant
from portal.access.rules import Obstacle, Status
from portal.accounts.recovery_models import AccountEvent
from portal.accounts.rules import ResetState
from portal.crypto import keyed_hash
from portal.invitations.models import InvitationEvent
from portal.people.naming import short_name
from portal.staff.facts import AccessFacts
from portal.staff.presenters.details import Remark, details, remarks
from portal.staff.presenters.history import (
    Activation,
    HistoryRow,
    activation_of,
    history_rows,
    last_day,
)
from portal.staff.presenters.requirements import RequirementRow, requirement_rows
from portal.staff.presenters.status import Detail, StatusView, status_view
from portal.staff.presenters.timeline import TimelineLine, timeline_line
from portal.staff.presenters.watch import watch
from portal.web.filters import moment, short_day


@dataclass(frozen=True, slots=True)
class Action:
    """The button at the upper right."""

    label: str
    url: str
    offers_new_invitation: bool = False
    """Whether staff may insist on a new invitation although an earlier account could work again (1.5)."""


@dataclass(frozen=True, slots=True)
class Poll:
    """When and where the page asks whether something has changed."""

    seconds: int
    url: str


@dataclass(frozen=True, slots=True)
class AccessPage:
    """Everything the page shows."""

    who: str
    status: StatusView
    details: tuple[Detail, ...]
    headline: str
    lead: str
    action: Action | None
    missing_url: str
    """Where the Missing Identifiers dialog is; empty when nothing is missing."""
    remarks: tuple[Remark, ...]
    requirements: tuple[RequirementRow, ...]
    history: tuple[HistoryRow, ...]
    timeline: tuple[TimelineLine, ...]
    resend_url: str
    poll: Poll | None = None


def access_page(facts: AccessFacts, *, step: int = 0) -> AccessPage:
    """The page; ``step`` counts how often it has asked in vain."""
    title, lead = headline(facts)
    missing = Obstacle.IDENTIFIERS_MISSING in facts.obstacles
    blocked = Obstacle.ADDRESS_BLOCKED in facts.obstacles
    public_id = facts.patient.public_id
    lines = tuple(timeline_line(event, zone=facts.zone) for event in _events(facts))
    country = facts.patient.practice.country
    listed = missing or facts.status is Status.NOT_ENABLED
    page = AccessPage(
        who=short_name(facts.patient),
        status=status_view(facts.status),
        details=details(facts),
        headline=title,
        lead=lead,
        action=_action(facts),
        missing_url=url_for("staff.identifiers", public_id=public_id) if missing else "",
        remarks=remarks(facts),
        requirements=(
            requirement_rows(facts.on_file, facts.needs, blocked=blocked, country=country)
            if listed
            else ()
        ),
        history=history_rows(facts),
        timeline=lines,
        resend_url=url_for("staff.resend_invitation", public_id=public_id),
    )
    return _polling(page, facts, step=step)


def _events(facts: AccessFacts) -> list[InvitationEvent | AccountEvent]:
    events: list[InvitationEvent | AccountEvent] = [*facts.events, *facts.account_events]
    return sorted(events, key=lambda event: event.at, reverse=True)


def tag_of(page: AccessPage) -> str:
    """A fingerprint of what the page shows, to find out whether anything has changed."""
    return keyed_hash(repr(replace(page, poll=None)), purpose="portal-access-page")[:16]


def _polling(page: AccessPage, facts: AccessFacts, *, step: int) -> AccessPage:
    if not _waiting(facts):
        return page
    again = watch(step)
    url = url_for(
        "staff.portal_access_state",
        public_id=facts.patient.public_id,
        seen=tag_of(page),
        step=again.step,
    )
    return replace(page, poll=Poll(again.seconds, url))


def _waiting(facts: AccessFacts) -> bool:
    """Whether something may still happen by itself: a link is out there and has not expired."""
    reset = facts.reset
    if reset is not None and reset.state == ResetState.OPEN and facts.now < reset.expires_at:
        return True
    return facts.valid_until is not None and facts.now < facts.valid_until


def _action(facts: AccessFacts) -> Action | None:
    if facts.obstacles:
        return None
    public_id = facts.patient.public_id
    if facts.status is Status.NOT_ENABLED:
        url = url_for("staff.enable", public_id=public_id)
        return Action(_("Enable Patient Access"), url, offers_new_invitation=facts.has_account)
    no_mail_yet = facts.status is Status.INVITED and facts.newest is None
    if facts.status is Status.READY or no_mail_yet:
        return Action(_("Send invitation"), url_for("staff.send_invitation", public_id=public_id))
    return None


def headline(facts: AccessFacts) -> tuple[str, str]:
    """How things stand, and what follows: the head of the page."""
    grant = facts.current
    if facts.status is Status.NOT_ENABLED or grant is None:
        return (
            _("Portal not enabled for patient"),
            _("The following information is required to connect"),
        )
    match activation_of(grant, facts):
        case Activation.NOT_INVITED:
            email = facts.patient.email or ""
            return _("Portal enabled, not invited yet"), _(
                "The invitation goes to %(email)s.", email=email
            )
        case Activation.PENDING | Activation.EXPIRED if facts.valid_until:
            return _invited(facts, last_day(facts.valid_until, facts.zone))
        case Activation.HANDED_OVER if facts.desk:
            until = moment(facts.desk.expires_at, facts.zone)
            return (
                _("Waiting for the patient’s first log-on"),
                _("The password from the desk works once, until %(time)s", time=until),
            )
        case Activation.UNDELIVERED:
            return (
                _("The invitation was not delivered"),
                _("Check the address, then resend."),
            )
        case Activation.VOID:
            return (
                _("The invitation is void"),
                _("The email on file changed. Resend sends a link to the new address."),
            )
        case _:
            return _("The patient uses the portal"), _since(grant, facts.zone)


def _invited(facts: AccessFacts, day: str) -> tuple[str, str]:
    if facts.valid_until is not None and facts.now >= facts.valid_until:
        return _("The invitation has expired"), _(
            "The link worked until %(day)s. Resend sends a new one.", day=day
        )
    return _("Waiting for the patient to sign up"), _(
        "The link that was sent to %(email)s expires %(day)s.", email=facts.open[-1].email, day=day
    )


def _since(grant: Grant, zone: str) -> str:
    if grant.first_logon_at:
        return _("First log-on %(day)s.", day=short_day(grant.first_logon_at, zone=zone))
    return _("The account from before works again.")
