"""The mail about an appointment (4.3): a confirmation or a reminder, with an invitation's link or without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_name
from flask_babel import get_locale

from portal import clock, tokens
from portal.access import service as access
from portal.access.rules import Status
from portal.audit.actor import system
from portal.extensions import db
from portal.invitations import automatic, outcomes
from portal.invitations import mail as invitation_mail
from portal.invitations.automatic import CARRIED
from portal.invitations.models import Invitation
from portal.invitations.service import PURPOSE as INVITATION
from portal.mail import registry, unsubscribe
from portal.mail import service as mail
from portal.mail.bounces.meaning import Meaning, Reading
from portal.mail.models import OutboxMessage
from portal.mail.registry import Composed, Outcome
from portal.mail.state import OutboxState
from portal.outreach import notices
from portal.outreach.event_file import event_file
from portal.people import bounces
from portal.people import service as people
from portal.people.mail import write
from portal.people.models import Patient
from portal.people.naming import hello_name
from portal.schedule.models import Appointment, AppointmentNotice
from portal.schedule.states import NoticeKind
from portal.settings import settings

PURPOSE = "appointment"
"""Of a mail without a sign-up link; its subject is the notice. One with a link is the invitation's own mail."""
MAIL = system("Mail")
PROVIDER = system("Complaint passed on by the reader's mail provider")


def put(notice: AppointmentNotice, *, now: datetime) -> None:
    """The mail without a link into the outbox, in the caller's transaction."""
    patient = db.session.get_one(Patient, notice.patient_id)
    if patient.email is None:
        raise ValueError("nobody to write to")
    mail.enqueue(
        practice_id=notice.practice_id,
        purpose=PURPOSE,
        subject_id=notice.id,
        address=patient.email,
        language=patient.mail_language,
        now=now,
    )


@registry.composer(PURPOSE)
def compose(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """Date, time and place, as they are now; who has an account finds the way to log in."""
    notice = db.session.get(AppointmentNotice, message.subject_id)
    if notice is None or not _wanted(notice, message, now=now):
        return None
    patient = db.session.get_one(Patient, notice.patient_id)
    active = access.status_of(patient, access.current_grant(patient.id), now=now) is Status.ACTIVE
    log_in = f"{settings().public_base_url.rstrip('/')}/login" if active else None
    return _letter(notice, patient, message, log_in_link=log_in)


@registry.composer(CARRIED)
def compose_carrying(message: OutboxMessage, *, now: datetime) -> Composed | None:
    """The same with the sign-up link; where the appointment does not stand any more, the invitation alone."""
    invitation = automatic.find(message)
    if invitation is None or not invitation_mail.stands(invitation, now=now):
        return None
    notice = notices.carrying(invitation)
    if notice is None or not notices.is_true(notice, now=now):
        link = unsubscribe.link(message.public_id)
        alone = invitation_mail.on_paper(INVITATION, invitation, unsubscribe_link=link)
        return replace(alone, automatic=True)
    return _letter(notice, invitation.patient, message, **_way_in(invitation))


@registry.wanted(PURPOSE)
def is_wanted(message: OutboxMessage, *, now: datetime) -> bool:
    """Whether the patient is still expected, and may still be written to at this address."""
    notice = db.session.get(AppointmentNotice, message.subject_id, populate_existing=True)
    return notice is not None and _wanted(notice, message, now=now)


@registry.on_result(PURPOSE)
def record_result(*, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """A refused address is shown on the chart; what was not wanted as it was goes out as it is wanted."""
    notice = db.session.get_one(AppointmentNotice, message.subject_id)
    patient = access.lock_patient(notice.patient_id)
    if outcome.state is OutboxState.FAILED:
        outcomes.record_dead_address(patient, message, outcome, now=now)
    elif outcome.state is OutboxState.CANCELLED and patient.email_key != message.address_key:
        _put_again(notice, patient, now=now)


@registry.on_result(CARRIED)
def record_result_carrying(*, message: OutboxMessage, outcome: Outcome, now: datetime) -> None:
    """The invitation hears of it; if its link died before, the patient is told of the appointment without it."""
    automatic.record_result(message=message, outcome=outcome, now=now)
    invitation = automatic.find(message)
    if outcome.state is not OutboxState.CANCELLED or invitation is None:
        return
    notice = notices.carrying(invitation)
    if notice is not None:
        _put_again(notice, access.lock_patient(notice.patient_id), now=now)


@registry.on_return(PURPOSE)
def record_return(*, message: OutboxMessage, reading: Reading, now: datetime) -> None:
    """It came back: the address does not work; or its reader complained, and gets no more of the kind."""
    notice = db.session.get_one(AppointmentNotice, message.subject_id)
    patient = access.lock_patient(notice.patient_id)
    if reading.meaning is Meaning.HARD and reading.reason:
        bounces.record(
            patient, address_key=message.address_key, reason=reading.reason.value, by=MAIL, now=now
        )
    elif reading.meaning is Meaning.ABUSE:
        people.set_opted_out(
            patient=patient, opted_out=True, by=PROVIDER, now=now, reason="complaint"
        )


def _put_again(notice: AppointmentNotice, patient: Patient, *, now: datetime) -> None:
    if notices.is_true(notice, now=now) and _mailable(patient, now=now):
        put(notice, now=now)


def _wanted(notice: AppointmentNotice, message: OutboxMessage, *, now: datetime) -> bool:
    patient = db.session.get_one(Patient, notice.patient_id, populate_existing=True)
    db.session.refresh(notice.appointment)
    return (
        notices.is_true(notice, now=now)
        and patient.email_key == message.address_key
        and _mailable(patient, now=now)
    )


def _mailable(patient: Patient, *, now: datetime) -> bool:
    return (
        patient.email is not None
        and patient.opted_out_at is None
        and patient.email_bounced_at is None
        and not people.is_blocked(patient)
        and not access.chart_ended(patient, now=now)
    )


def _way_in(invitation: Invitation) -> dict[str, str]:
    zone = invitation.patient.practice.time_zone
    last_day = clock.local_date(invitation.expires_at - timedelta(microseconds=1), zone)
    link = invitation_mail.link_of(tokens.link_token(invitation.nonce))
    return {
        "link": link,
        "not_me_link": f"{link}/not-me",
        "expires_on": format_date(last_day, "long", locale=_locale()),
    }


def _letter(
    notice: AppointmentNotice, patient: Patient, message: OutboxMessage, **more: str | None
) -> Composed:
    appointment = notice.appointment
    values: dict[str, str | None] = {
        "hello_name": hello_name(patient),
        "reminder": "yes" if notice.kind == NoticeKind.REMINDER else None,
        "unsubscribe_link": unsubscribe.link(message.public_id),
        **dict.fromkeys(("link", "not_me_link", "expires_on", "log_in_link")),
        **_when(appointment),
        **more,
    }
    written = write(PURPOSE, patient.practice, **values)
    return replace(written, automatic=True, calendar=event_file(appointment))


def _when(appointment: Appointment) -> dict[str, str]:
    """By the clocks of the office."""
    office, locale = appointment.office, _locale()
    local = appointment.starts_at.astimezone(ZoneInfo(office.time_zone))
    shown = format_time(local, "short", tzinfo=local.tzinfo, locale=locale)
    return {
        "day": format_date(local.date(), "full", locale=locale),
        "time": " ".join(shown.split()),
        "zone": get_timezone_name(local, locale=locale),
        "office": office.name,
    }


def _locale() -> str:
    return str(get_locale() or "en")
