"""A patient's portal status with the arrow beside it that sends the invitation (4.2), for lists of appointments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import url_for
from flask_babel import gettext as _

from portal.access import service as access
from portal.access.rules import Status
from portal.invitations.rules import OPEN
from portal.people import blocks
from portal.people.models import Patient
from portal.people.naming import chart_name
from portal.roster import service as roster
from portal.roster.rows import RosterLine
from portal.schedule.models import Appointment
from portal.staff.presenters.history import last_day
from portal.staff.presenters.messaging import TO
from portal.staff.presenters.onboarding_row import NEWEST, Act, missing_words, notes_of
from portal.staff.presenters.status import Detail, StatusView, status_view

WHERE = "where"
"""The field that says where the arrow was clicked."""
ROW, WINDOW = "row", "window"


@dataclass(frozen=True, slots=True)
class PortalCell:
    """The badge, and what the arrow does: send, ask for what is missing, or nothing, and why."""

    appointment_id: str
    """Public id; a part of the ids on the page."""
    who: str
    status: StatusView
    notes: tuple[Detail, ...]
    send: Act | None
    words: str
    """What the arrow does, without the name, where there is room to write it out."""
    missing: str
    """What an invitation needs and the chart does not hold."""
    missing_url: str
    short: Detail | None
    """What a row has room for: the gravest of the notes, or when the invitation expires."""
    barred: bool
    """No invitation may go out; the notes say why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a patient stands with the portal, whatever list shows it."""

    patient: Patient
    status: Status
    line: RosterLine
    ended: bool
    blocked: bool
    notes: tuple[Detail, ...]

    @property
    def barred(self) -> bool:
        """Whether no invitation may go out (2.1), apart from what is missing."""
        return self.ended or self.blocked or self.patient.opted_out_at is not None

    @property
    def missing(self) -> str:
        """What is to be asked for; nothing where no invitation is needed, or may go out."""
        if self.status is Status.ACTIVE or self.barred or not self.line.missing:
            return ""
        return missing_words(self.patient)


def standings(appointments: Sequence[Appointment], *, now: datetime) -> dict[int, Standing]:
    """How the patients of these appointments stand, by their numbers: by a fixed number of queries."""
    if not appointments:
        return {}
    public_ids = {appointment.patient.public_id for appointment in appointments}
    lines = roster.lines(practice_id=appointments[0].practice_id, public_ids=public_ids)
    blocked = blocks.blocked_among(line.patient for line in lines)
    notes = notes_of(lines, now=now)
    return {
        line.patient.id: Standing(
            patient=line.patient,
            status=access.status_of(line.patient, line.grant, now=now),
            line=line,
            ended=access.chart_ended(line.patient, now=now),
            blocked=line.patient.id in blocked,
            notes=notes[line.patient.id],
        )
        for line in lines
    }


def portal_cell(
    appointment: Appointment, stands: Standing, *, where: str, to: str, now: datetime
) -> PortalCell:
    """The badge and the arrow of one appointment.

    Args:
        where: :data:`ROW` of the schedule, or the :data:`WINDOW`.
        to: the path of the page it stands on.
    """
    missing = stands.missing
    fields = {WHERE: where, TO: to}
    url = url_for("staff.appointment_identifiers", appointment_id=appointment.public_id)
    return PortalCell(
        appointment_id=appointment.public_id,
        who=chart_name(stands.patient),
        status=status_view(stands.status),
        notes=stands.notes,
        send=_send(appointment, stands, fields),
        words=_words(stands),
        missing=missing,
        missing_url=f"{url}?where={where}&to={to_query(to)}" if missing else "",
        short=_short(stands, now=now),
        barred=stands.barred,
    )


def to_query(path: str) -> str:
    """A path as a value in an address."""
    return path.replace("&", "%26").replace("?", "%3F").replace("=", "%3D")


def _short(stands: Standing, *, now: datetime) -> Detail | None:
    invitation = stands.line.invitation
    if stands.status in {Status.ACTIVE, Status.READY} and not stands.barred:
        return None
    pending = invitation is not None and invitation.state in OPEN and now < invitation.expires_at
    if invitation is not None and pending and len(stands.notes) == 1:
        zone = stands.patient.practice.time_zone
        return Detail(_("Expires %(day)s", day=last_day(invitation.expires_at, zone)))
    return stands.notes[0] if stands.notes else None


def _words(stands: Standing) -> str:
    if stands.missing:
        return _("Add what is missing")
    again = stands.status is Status.INVITED and stands.line.invitation is not None
    return _("Resend portal invitation") if again else _("Send portal invitation")


def _send(appointment: Appointment, stands: Standing, fields: dict[str, str]) -> Act | None:
    email, line = stands.patient.email, stands.line
    if stands.status is Status.ACTIVE or stands.barred or line.missing or email is None:
        return None
    url = url_for("staff.appointment_invite", appointment_id=appointment.public_id)
    who = chart_name(stands.patient)
    fields = fields | {"address": email}
    if stands.status is Status.INVITED and line.invitation is not None:
        label = _("Resend portal invitation to %(who)s", who=who)
        return Act(url, label, fields | {NEWEST: line.invitation.public_id})
    return Act(url, _("Send portal invitation to %(who)s", who=who), fields)
