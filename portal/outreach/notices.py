"""The rows of :class:`portal.schedule.models.AppointmentNotice`: what they tell of, and how they move."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update

from portal.extensions import db
from portal.invitations.models import Invitation
from portal.outreach.rules import STANDS, NoticeReason, Quiet
from portal.practices.models import Practice
from portal.schedule.models import Appointment, AppointmentNotice
from portal.schedule.states import AppointmentState, NoticeKind, NoticeState


def quiet_of(practice: Practice) -> Quiet:
    """The practice's quiet hours."""
    return Quiet(practice.time_zone, practice.quiet_from, practice.quiet_until)


def is_true(notice: AppointmentNotice, *, now: datetime) -> bool:
    """Whether what it tells of is still so: this patient is expected at that very time, and it is to come.

    An invitation after the first visit only asks that the visit has taken place.
    """
    appointment = notice.appointment
    if appointment.patient_id != notice.patient_id:
        return False  # a file gave the appointment to somebody else
    if notice.kind == NoticeKind.FIRST_VISIT:
        return appointment.state == AppointmentState.COMPLETED
    return stands(appointment, now=now) and appointment.starts_at == notice.starts_at


def stands(appointment: Appointment, *, now: datetime) -> bool:
    """Whether the patient is expected."""
    return AppointmentState(appointment.state) in STANDS and appointment.starts_at > now


def carrying(invitation: Invitation) -> AppointmentNotice | None:
    """The notice whose mail carries this invitation: both were written in one commit, with its time."""
    return db.session.scalar(
        select(AppointmentNotice).where(
            AppointmentNotice.patient_id == invitation.patient_id,
            AppointmentNotice.invited,
            AppointmentNotice.settled_at == invitation.issued_at,
            AppointmentNotice.kind != NoticeKind.FIRST_VISIT.value,
        )
    )


def move(
    notice_id: int,
    to: NoticeState,
    *,
    now: datetime,
    reason: str | None = None,
    invited: bool = False,
) -> bool:
    """The one conditional update by which a planned notice comes to its end; True for exactly one caller."""
    done = db.session.execute(
        update(AppointmentNotice)
        .where(
            AppointmentNotice.id == notice_id,
            AppointmentNotice.state == NoticeState.PLANNED.value,
        )
        .values(state=to.value, reason=reason, invited=invited, settled_at=now)
    )
    return getattr(done, "rowcount", 0) == 1


def cancel(appointment_id: int, *, now: datetime) -> None:
    """What was planned for an appointment does not go out, in the caller's transaction."""
    db.session.execute(
        update(AppointmentNotice)
        .where(
            AppointmentNotice.appointment_id == appointment_id,
            AppointmentNotice.state == NoticeState.PLANNED.value,
        )
        .values(state=NoticeState.CANCELLED.value, settled_at=now)
    )


def of_patient(patient_id: int, *, limit: int = 10) -> list[AppointmentNotice]:
    """What went out to a patient by itself, will, or was skipped; the latest first.

    Not what was withdrawn with its appointment, nor what the practice does not send at all.
    """
    return list(
        db.session.scalars(
            select(AppointmentNotice)
            .where(
                AppointmentNotice.patient_id == patient_id,
                AppointmentNotice.state != NoticeState.CANCELLED.value,
                AppointmentNotice.reason.is_distinct_from(NoticeReason.SWITCHED_OFF.value),
            )
            .order_by(AppointmentNotice.due_at.desc(), AppointmentNotice.id.desc())
            .limit(limit)
        )
    )


def is_switched_on(practice: Practice, kind: NoticeKind) -> bool:
    """Whether the practice lets notices of this kind go out."""
    match kind:
        case NoticeKind.CONFIRMATION:
            return practice.confirmation_mails
        case NoticeKind.REMINDER:
            return practice.reminder_mails
        case NoticeKind.FIRST_VISIT:
            return practice.invite_after_first_visit


def invites(practice: Practice, kind: NoticeKind) -> bool:
    """Whether they carry an invitation."""
    match kind:
        case NoticeKind.CONFIRMATION:
            return practice.invite_in_confirmations
        case NoticeKind.REMINDER:
            return practice.invite_in_reminders
        case NoticeKind.FIRST_VISIT:
            return practice.invite_after_first_visit


def waiting(practice_id: int) -> tuple[int, datetime | None]:
    """How many reminders of a practice wait for their time, and when the next one goes out."""
    row = db.session.execute(
        select(func.count(), func.min(AppointmentNotice.due_at)).where(
            AppointmentNotice.practice_id == practice_id,
            AppointmentNotice.kind == NoticeKind.REMINDER.value,
            AppointmentNotice.state == NoticeState.PLANNED.value,
        )
    ).one()
    return row[0], row[1]
