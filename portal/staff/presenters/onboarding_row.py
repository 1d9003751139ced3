"""One row of the Onboarding Tool: the chip and what a click on it does, how the invitation stands, the action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.access.rules import Status
from portal.access.service import chart_ended
from portal.accounts import desk
from portal.crypto import keyed_hash
from portal.invitations import timeline
from portal.invitations.models import Invitation
from portal.invitations.rules import OPEN
from portal.invitations.state import InvitationState
from portal.mail import wording as mail_wording
from portal.people import blocks, rules
from portal.people import service as people
from portal.people.models import Patient
from portal.people.naming import list_name, short_name
from portal.people.rules import Identifier
from portal.roster.rows import RosterLine
from portal.staff.place import BACK
from portal.staff.presenters.history import last_day
from portal.staff.presenters.reset_act import RESET, ResetStanding, reset_standings, why_no_reset
from portal.staff.presenters.status import Detail, StatusView, status_view
from portal.web.filters import day_of_year, short_day

NEWEST = "replaces"
WAS = "was"


@dataclass(frozen=True, slots=True)
class Act:
    """A button: a form that posts ``fields`` to ``url``, or (``asks``) opens a question there first."""

    url: str
    label: str
    fields: dict[str, str]
    asks: bool = False
    note: str = ""
    """A soft line under it."""


@dataclass(frozen=True, slots=True)
class OnboardingRow:
    """One patient."""

    public_id: str
    who: str
    name: str
    url: str
    edit_url: str
    status: StatusView
    born: str
    phone: str
    next: str
    """When the next appointment is."""
    last: str
    """When the last visit was."""
    notes: tuple[Detail, ...]
    """The column Invitation."""
    toggle: Act | None
    """What a click on the status does."""
    send: Act | None
    missing: str
    """What an invitation needs and the chart does not hold."""
    missing_url: str
    hint: str
    """What stands in the column Action when there is nothing to do there."""

    @property
    def tag(self) -> str:
        """A fingerprint of what the row shows, to find out whether it has changed."""
        return keyed_hash(repr(self), purpose="onboarding-row")[:8]


def onboarding_rows(
    lines: Sequence[RosterLine], *, back: str, now: datetime
) -> tuple[OnboardingRow, ...]:
    """The rows of a page; ``back`` is the place in the list that their forms carry."""
    arounds = _arounds(lines, back=back, now=now)
    return tuple(_row(line, arounds[line.patient.id]) for line in lines)


def notes_of(lines: Sequence[RosterLine], *, now: datetime) -> dict[int, tuple[Detail, ...]]:
    """What qualifies the status of each patient, by the patient's number: by a fixed number of queries."""
    arounds = _arounds(lines, back="", now=now)
    return {line.patient.id: tuple(_notes(line, arounds[line.patient.id])) for line in lines}


@dataclass(frozen=True, slots=True)
class _Around:
    """What a row needs to know beside its line."""

    back: str
    now: datetime
    ended: bool
    blocked: bool
    """Whether whoever reads the address on file said "This is not me"."""
    why_failed: str | None
    reset: ResetStanding | None
    """Of an active patient."""
    from_desk: bool
    """Whether credentials were handed over at the desk under the current grant."""


def _arounds(lines: Sequence[RosterLine], *, back: str, now: datetime) -> dict[int, _Around]:
    """By the patient's number."""
    failed = [
        line.invitation.id
        for line in lines
        if line.invitation is not None and line.invitation.state == InvitationState.FAILED
    ]
    reasons = timeline.mail_failures(failed)
    blocked = blocks.blocked_among(line.patient for line in lines)
    standings = reset_standings(
        (line.patient for line in lines if line.status is Status.ACTIVE), now=now
    )
    desks = desk.passwords_under(
        line.grant.id for line in lines if line.grant and line.status is Status.INVITED
    )
    return {
        line.patient.id: _Around(
            back=back,
            now=now,
            ended=chart_ended(line.patient, now=now),
            blocked=line.patient.id in blocked,
            why_failed=reasons.get(line.invitation.id) if line.invitation else None,
            reset=standings.get(line.patient.id),
            from_desk=line.grant is not None and line.grant.id in desks,
        )
        for line in lines
    }


def _row(line: RosterLine, around: _Around) -> OnboardingRow:
    patient = line.patient
    ended = around.ended
    missing = missing_words(patient) if _may_ask(line, ended=ended) else ""
    send = None if missing else _send(line, around)
    public_id = patient.public_id
    first = patient.phones[0].e164 if patient.phones else None
    return OnboardingRow(
        public_id=public_id,
        who=short_name(patient),
        name=list_name(patient),
        url=url_for("staff.portal_access", public_id=public_id),
        edit_url=url_for("staff.edit_patient", public_id=public_id, back=around.back),
        status=status_view(Status.NOT_ENABLED if ended else line.status),
        born=short_day(patient.birth_date),
        phone=rules.format_phone(first, patient.practice.country) if first else "",
        next=_near_day(line.next_appointment_at, line, around),
        last=_last_visit(line, around),
        notes=tuple(_notes(line, around)),
        toggle=None if ended else _toggle(line, back=around.back),
        send=send,
        missing=missing,
        missing_url=(
            url_for("staff.onboarding_identifiers", public_id=public_id, back=around.back)
            if missing
            else ""
        ),
        hint=_hint(line, around) if not (missing or send) else "",
    )


def _near_day(moment: datetime | None, line: RosterLine, around: _Around) -> str:
    """ "Nov 24", by the practice's calendar; of another year "Nov 24, 2025"."""
    if moment is None:
        return ""
    zone = ZoneInfo(line.patient.practice.time_zone)
    day = moment.astimezone(zone).date()
    return day_of_year(day) if day.year == around.now.astimezone(zone).year else short_day(day)


def _last_visit(line: RosterLine, around: _Around) -> str:
    """ "last Nov 18"."""
    day = _near_day(line.last_visit_at, line, around)
    return _("last %(day)s", day=day) if day else ""


def _toggle(line: RosterLine, *, back: str) -> Act:
    """Red enables and gray disables at once; orange and green ask first (5.2)."""
    patient, who = line.patient, short_name(line.patient)
    grant = line.grant
    if line.status is Status.NOT_ENABLED or grant is None:
        url = url_for("staff.onboarding_enable", public_id=patient.public_id)
        return Act(url, _("enable portal access of %(who)s", who=who), {BACK: back})
    url = url_for("staff.onboarding_disable", public_id=patient.public_id)
    if line.status is not Status.READY:
        label = _("disable portal access of %(who)s, asks first", who=who)
        return Act(url, label, {BACK: back}, asks=True)
    fields = {BACK: back, "grant": grant.public_id, WAS: line.status.value}
    return Act(url, _("disable portal access of %(who)s", who=who), fields)


def _may_ask(line: RosterLine, *, ended: bool) -> bool:
    return line.missing and not ended and line.status is not Status.ACTIVE


def _send(line: RosterLine, around: _Around) -> Act | None:
    patient = line.patient
    if _refuses(line, around) or line.missing or patient.email is None:
        return None
    reset = around.reset
    if line.status is Status.NOT_ENABLED or (reset is not None and reset.obstacle):
        return None
    fields = {BACK: around.back, "address": patient.email}
    note = ""
    if reset is not None:
        fields[RESET] = reset.newest
        note = _("Has an account: a reset email goes out")
    elif line.status is Status.INVITED and line.invitation is not None:
        fields[NEWEST] = line.invitation.public_id
    label = _("Send Invite to %(address)s", address=patient.email)
    url = url_for("staff.onboarding_send", public_id=patient.public_id)
    return Act(url, label, fields, note=note)


def _refuses(line: RosterLine, around: _Around) -> bool:
    return around.ended or around.blocked or line.patient.opted_out_at is not None


def _hint(line: RosterLine, around: _Around) -> str:
    if _refuses(line, around):
        return _("No invitations are sent")
    if around.reset is not None and around.reset.obstacle:
        return why_no_reset(around.reset.obstacle, line.patient)
    return _("Enable first") if line.status is Status.NOT_ENABLED else ""


_SHORT = {
    Identifier.EMAIL: _l("email"),
    Identifier.SSN: _l("SSN"),
    Identifier.BIRTH_DATE: _l("birth date"),
    Identifier.PHONE: _l("phone"),
}


def missing_words(patient: Patient) -> str:
    """ "Missing: email; SSN, or birth date and phone"; empty where an invitation needs nothing more."""
    missing = rules.requirements(people.identifiers(patient)).missing
    words = {identifier: str(_SHORT[identifier]) for identifier in missing}
    told = [words[Identifier.EMAIL]] if Identifier.EMAIL in words else []
    if Identifier.SSN in words:
        other = [words[name] for name in (Identifier.BIRTH_DATE, Identifier.PHONE) if name in words]
        either = (
            _(
                "%(ssn)s, or %(one)s and %(other)s",
                one=other[0],
                other=other[1],
                ssn=words[Identifier.SSN],
            )
            if len(other) > 1
            else _("%(ssn)s or %(one)s", one=other[0], ssn=words[Identifier.SSN])
        )
        told.append(either)
    return _("Missing: %(what)s", what="; ".join(told)) if told else ""


def _notes(line: RosterLine, around: _Around) -> Iterator[Detail]:
    patient, zone = line.patient, line.patient.practice.time_zone
    if patient.deceased:
        yield Detail(_("Deceased"), "bad")
    elif around.ended:
        yield Detail(_("End-dated %(day)s", day=short_day(patient.end_date)), "bad")
    if patient.opted_out_at:
        yield Detail(_("Opted out %(day)s", day=short_day(patient.opted_out_at, zone=zone)))
    if line.bounced:
        reason = mail_wording.explain(patient.email_bounce_reason)
        yield Detail(" ".join((_("Email bounced."), reason)).strip(), "bad")
    if around.blocked:
        yield Detail(_("“This is not me”"), "bad")
    if around.ended:
        return
    on_its_way = line.invitation is not None and line.invitation.state in OPEN
    if line.status is Status.INVITED and around.from_desk and not on_its_way:
        yield Detail(_("Credentials handed over at the desk"))
    elif line.status is Status.INVITED and line.invitation is not None:
        expired = line.expired or _too_late(line.invitation, now=around.now)
        why = None if line.bounced else around.why_failed  # the reason is told once
        yield _of_invitation(line.invitation, expired=expired, zone=zone, why=why)
    elif (words := _of_grant(line, zone)) is not None:
        yield words


def _too_late(invitation: Invitation, *, now: datetime) -> bool:
    """The roster knows it up to a minute later."""
    return invitation.state in OPEN and now >= invitation.expires_at


def _of_grant(line: RosterLine, zone: str) -> Detail | None:
    grant = line.grant
    match line.status:
        case Status.ACTIVE if grant is not None and grant.activated_at:
            return Detail(_("Activated %(day)s", day=short_day(grant.activated_at, zone=zone)))
        case Status.ACTIVE if grant is not None:
            since = short_day(grant.existing_account_since, zone=zone)
            return Detail(_("Existing account, %(day)s", day=since))
        case Status.READY:
            return Detail(_("Not invited yet"))
        case _:
            return None


def _of_invitation(invitation: Invitation, *, expired: bool, zone: str, why: str | None) -> Detail:
    day = last_day(invitation.expires_at, zone)
    if expired:
        return Detail(_("Invitation expired %(day)s", day=day))
    state = InvitationState(invitation.state)
    sent = short_day(invitation.issued_at, zone=zone)
    if state is InvitationState.PREPARED:
        return Detail(_("On its way since %(day)s, expires %(last)s", day=sent, last=day))
    if state in OPEN:
        return Detail(_("Sent %(day)s, expires %(last)s", day=sent, last=day))
    if state is InvitationState.FAILED:
        return Detail(mail_wording.explain(why) or _("Invitation not delivered"), "bad")
    return Detail(_("Invitation void"), "bad")
