"""The Access History: one row for each grant, in the words of 3.3."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from portal.access.models import EndReason, Grant
from portal.access.service import open_to_portal
from portal.accounts.recovery_models import OneTimePassword
from portal.invitations.models import Invitation
from portal.invitations.state import InvitationState
from portal.invitations.timeline import TimelineKind
from portal.mail import wording as mail_wording
from portal.staff.facts import AccessFacts
from portal.staff.presenters.timeline import timeline_line
from portal.staff.wording import ending
from portal.web.filters import moment, short_day


class Activation(Enum):
    """What came of a grant."""

    ACTIVATED = auto()
    EXISTING_ACCOUNT = auto()
    NOT_INVITED = auto()
    PENDING = auto()
    EXPIRED = auto()
    VOID = auto()
    """The email on file changed, so that no link is out there."""
    UNDELIVERED = auto()
    """The only mail failed for good."""
    HANDED_OVER = auto()
    """Credentials were handed over at the desk."""
    ENDED_BEFORE = auto()


@dataclass(frozen=True, slots=True)
class Hand:
    """ "By: James Smith On: May 17, 2022, 3:04 p.m." """

    by: str
    on: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Activated:
    """The cell "Activated on": words, what the info icon tells, and what went wrong."""

    words: str
    tip: tuple[str, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One grant. ``replaces`` is set where **Resend** is offered, ``end_url`` where it can be ended."""

    public_id: str
    email: str
    enabled: Hand
    activated: Activated
    disabled: Hand | None
    replaces: str | None = None
    end_label: str = ""
    end_url: str = ""


def history_rows(facts: AccessFacts) -> tuple[HistoryRow, ...]:
    """Every grant, newest first."""
    return tuple(_row(grant, facts) for grant in facts.grants)


def activation_of(grant: Grant, facts: AccessFacts) -> Activation:
    """What came of a grant, at the moment of the facts."""
    if grant.activated_at:
        return Activation.ACTIVATED
    if grant.existing_account_since:
        return Activation.EXISTING_ACCOUNT
    if grant.ended_at:
        return Activation.ENDED_BEFORE
    if grant.invited_at is None:
        return Activation.NOT_INVITED
    if facts.valid_until is not None:
        return Activation.PENDING if facts.now < facts.valid_until else Activation.EXPIRED
    if facts.desk is not None and facts.desk.grant_id == grant.id:
        return Activation.HANDED_OVER
    failed = facts.newest is not None and facts.newest.state == InvitationState.FAILED
    return Activation.UNDELIVERED if failed else Activation.VOID


def last_day(expires_at: datetime, zone: str) -> str:
    """The printed day of a link that is good to the end of it."""
    return short_day(expires_at - timedelta(seconds=1), zone=zone)


_INVITED = (
    Activation.PENDING,
    Activation.EXPIRED,
    Activation.UNDELIVERED,
    Activation.VOID,
    Activation.HANDED_OVER,
)


def _row(grant: Grant, facts: AccessFacts) -> HistoryRow:
    activation = activation_of(grant, facts)
    label, url = _ending_offered(grant, activation, facts)
    resend = activation in _INVITED and not facts.obstacles
    return HistoryRow(
        public_id=grant.public_id,
        email=grant.email or _("None"),
        enabled=Hand(grant.enabled_by_name, moment(grant.enabled_at, facts.zone)),
        activated=_activated(grant, activation, facts),
        disabled=_disabled(grant, facts.zone),
        replaces=facts.newest.public_id if resend and facts.newest else None,
        end_label=label,
        end_url=url,
    )


def _ending_offered(grant: Grant, activation: Activation, facts: AccessFacts) -> tuple[str, str]:
    if grant.ended_at is not None or facts.chart_ended:  # the sweep ends it within a minute
        return "", ""
    active = open_to_portal(grant)
    endpoint = "staff.disable_access" if active else "staff.revoke_invite"
    url = url_for(endpoint, public_id=facts.patient.public_id, grant=grant.public_id)
    label = _("Revoke invite") if activation in _INVITED else _("Disable access")
    return label, url


def _disabled(grant: Grant, zone: str) -> Hand | None:
    if grant.ended_at is None:
        return None
    why = ending(EndReason(grant.end_reason)) if grant.end_reason else ""
    return Hand(grant.ended_by_name or "", moment(grant.ended_at, zone), why)


_WORDS: dict[Activation, LazyString] = {
    Activation.NOT_INVITED: _l("Not invited yet"),
    Activation.PENDING: _l("Pending..."),
    Activation.UNDELIVERED: _l("Pending..."),
    Activation.VOID: _l("Invitation void"),
    Activation.ENDED_BEFORE: _l("Access revoked before activation"),
}


def _activated(grant: Grant, activation: Activation, facts: AccessFacts) -> Activated:
    match activation:
        case Activation.ACTIVATED:
            return Activated(moment(grant.activated_at, facts.zone))
        case Activation.EXISTING_ACCOUNT:
            since = short_day(grant.existing_account_since, zone=facts.zone)
            return Activated(_("Existing account, %(day)s", day=since))
        case Activation.NOT_INVITED | Activation.ENDED_BEFORE:
            return Activated(str(_WORDS[activation]))
        case Activation.EXPIRED if facts.valid_until:
            day = last_day(facts.valid_until, facts.zone)
            words = _("Invitation expired %(day)s", day=day)
            return Activated(words, _became(facts), _trouble(facts))
        case Activation.HANDED_OVER if facts.desk:
            return _handed_over(facts.desk, facts)
        case _:
            return Activated(str(_WORDS[activation]), _became(facts), _trouble(facts))


def _handed_over(desk: OneTimePassword, facts: AccessFacts) -> Activated:
    by = _("Credentials handed over at the desk by %(name)s", name=desk.handed_over_by)
    until = moment(desk.expires_at, facts.zone)
    given = _("Handed over %(time)s", time=moment(desk.handed_over_at, facts.zone))
    if desk.used_at is not None:
        trouble = _("The password was used, and no new one was chosen.")
        return Activated(by, (given,), trouble)
    if facts.now >= desk.expires_at:
        return Activated(by, (given,), _("The password expired %(time)s", time=until))
    return Activated(by, (given, _("The password works once, until %(time)s", time=until)))


def _became(facts: AccessFacts) -> tuple[str, ...]:
    """When the newest invitation was sent, what became of it, and when the link expires."""
    newest = facts.newest
    if newest is None:
        return ()
    waits = newest.state == InvitationState.PREPARED
    words = (
        _("Since %(time)s on its way to %(email)s.") if waits else _("Sent %(time)s to %(email)s.")
    )
    told = [words % {"email": newest.email, "time": moment(newest.issued_at, facts.zone)}]
    told += _latest(newest, facts)
    if len(facts.open) > 1:
        told.append(_("Until the mail server accepts this mail, the link sent before works."))
    told.append(_expiry(newest, facts))
    return tuple(told)


def _latest(newest: Invitation, facts: AccessFacts) -> list[str]:
    """The last thing known of it, when that is more than its having been queued."""
    known = [event for event in facts.events if event.invitation_id == newest.id]
    if not known or known[0].kind == TimelineKind.QUEUED:
        return []
    line = timeline_line(known[0], zone=facts.zone)
    return (
        [f"{line.words}, {line.when}", line.detail]
        if line.detail
        else [f"{line.words}, {line.when}"]
    )


def _expiry(newest: Invitation, facts: AccessFacts) -> str:
    if facts.valid_until is None:
        return _("No link works at the moment.")
    day = last_day(facts.valid_until, facts.zone)
    if facts.now >= facts.valid_until:
        return _("The link expired %(day)s.", day=day)
    if newest.state == InvitationState.FAILED:
        return _("The link sent before still works. It expires %(day)s.", day=day)
    return _("The link expires %(day)s.", day=day)


def _trouble(facts: AccessFacts) -> str:
    newest = facts.newest
    if newest is not None and newest.state == InvitationState.FAILED:
        return _("The mail could not be delivered.") + _failure(newest, facts)
    if not facts.open:
        return _("The email on file changed.")
    if newest is not None and _came_back(newest, facts):
        return _("The mail came back.") + _failure(newest, facts)
    return ""


def _came_back(newest: Invitation, facts: AccessFacts) -> bool:
    kinds = {event.kind for event in facts.events if event.invitation_id == newest.id}
    return bool(kinds & {TimelineKind.BOUNCED, TimelineKind.RETURNED})


def _failure(newest: Invitation, facts: AccessFacts) -> str:
    for event in facts.events:
        if event.invitation_id == newest.id and event.data.get("reason"):
            return " " + mail_wording.explain(event.data["reason"])
    return ""
