"""What is to go out because of an appointment, planned in the commit that made it so.

A notice is planned whether or not its switch is on: what counts is how the practice stands when its time comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portal import tokens
from portal.access.models import Grant
from portal.audit.actor import Actor
from portal.extensions import db
from portal.outreach import notices, rules
from portal.outreach.notices import quiet_of
from portal.outreach.rules import STANDS, Due, Quiet
from portal.practices import settings as practice_settings
from portal.practices.models import Practice
from portal.schedule import changes
from portal.schedule.models import Appointment, AppointmentNotice
from portal.schedule.states import AppointmentState, NoticeKind, NoticeState
from portal.transaction import atomic

CHUNK = 500
_STANDS = sorted(state.value for state in STANDS)


def booked(appointment: Appointment, by: Actor, now: datetime) -> None:
    """A confirmation and a reminder. Who walked in stands at the desk; of a series the first one is confirmed."""
    if not notices.stands(appointment, now=now):
        return
    confirmed = appointment.walk_in or _series_is_confirmed(appointment)
    _plan_both(appointment, confirm=not confirmed, now=now)


def moved(appointment: Appointment, by: Actor, now: datetime) -> None:
    """What was planned for the old time does not go out; the new one is confirmed and reminded of."""
    notices.cancel(appointment.id, now=now)
    if notices.stands(appointment, now=now):
        _plan_both(appointment, confirm=True, now=now)


def cancelled(appointment: Appointment, by: Actor, now: datetime) -> None:
    """Nothing goes out."""
    notices.cancel(appointment.id, now=now)


def reopened(appointment: Appointment, by: Actor, now: datetime) -> None:
    """It will take place after all: confirmed, for the patient was told otherwise, and reminded of."""
    if notices.stands(appointment, now=now):
        _plan_both(appointment, confirm=not appointment.walk_in, now=now)


def completed(appointment: Appointment, by: Actor, now: datetime) -> None:
    """Nothing more about this one; and an invitation, where it was a new patient's first."""
    notices.cancel(appointment.id, now=now)
    if _is_first_of_new_patient(appointment):
        due = Due(rules.end_of_quiet(now, quiet_of(appointment.practice)))
        _write([_row(appointment, NoticeKind.FIRST_VISIT, due, now=now)], again=False)


def imported(numbers: Sequence[int], by: Actor, now: datetime) -> None:
    """Reminders of what is to come, and nothing else: an import mails nothing by itself."""
    for first in range(0, len(numbers), CHUNK):
        chunk = numbers[first : first + CHUNK]
        _cancel_untrue(chunk, now=now)
        coming = db.session.execute(
            select(
                Appointment.id,
                Appointment.practice_id,
                Appointment.patient_id,
                Appointment.starts_at,
            ).where(
                Appointment.id.in_(chunk),
                Appointment.state.in_(_STANDS),
                Appointment.starts_at > now,
            )
        ).all()
        _plan_reminders(coming, now=now)


def replan(practice: Practice, by: Actor, now: datetime) -> None:
    """The practice changed its hours: reminders that wait go by the new ones, in the caller's transaction.

    One whose new time has passed keeps the old: a setting mails nobody at once.
    """
    quiet, hours = quiet_of(practice), practice.appointment_reminder_hours
    rows = db.session.execute(
        select(AppointmentNotice.id, AppointmentNotice.starts_at).where(
            AppointmentNotice.practice_id == practice.id,
            AppointmentNotice.kind == NoticeKind.REMINDER.value,
            AppointmentNotice.state == NoticeState.PLANNED.value,
        )
    ).all()
    anew = [
        {"number": number, "due": due.at}
        for number, starts_at in rows
        if (due := rules.reminder_due(starts_at, hours, quiet=quiet, now=now)).at is not None
    ]
    if anew:
        db.session.connection().execute(
            update(AppointmentNotice.__table__)  # type: ignore[arg-type]
            .where(
                AppointmentNotice.__table__.c.id == bindparam("number"),
                AppointmentNotice.__table__.c.state == NoticeState.PLANNED.value,
            )
            .values(due_at=bindparam("due")),
            anew,
        )


def _plan_both(appointment: Appointment, *, confirm: bool, now: datetime) -> None:
    practice, starts_at = appointment.practice, appointment.starts_at
    quiet = quiet_of(practice)
    rows = []
    if confirm:
        due = rules.confirmation_due(starts_at, quiet=quiet, now=now)
        rows.append(_row(appointment, NoticeKind.CONFIRMATION, due, now=now))
    due = rules.reminder_due(starts_at, practice.appointment_reminder_hours, quiet=quiet, now=now)
    rows.append(_row(appointment, NoticeKind.REMINDER, due, now=now))
    _write(rows, again=True)


def _plan_reminders(coming: Iterable[Any], *, now: datetime) -> None:
    held: dict[int, tuple[Quiet, int]] = {}
    rows = []
    for each in coming:
        if each.practice_id not in held:
            practice = db.session.get_one(Practice, each.practice_id)
            held[practice.id] = quiet_of(practice), practice.appointment_reminder_hours
        quiet, hours = held[each.practice_id]
        due = rules.reminder_due(each.starts_at, hours, quiet=quiet, now=now)
        rows.append(_values(each, NoticeKind.REMINDER, due, now=now))
    _write(rows, again=False)


def _row(appointment: Appointment, kind: NoticeKind, due: Due, *, now: datetime) -> dict[str, Any]:
    db.session.flush()
    return _values(appointment, kind, due, now=now)


def _values(of: Any, kind: NoticeKind, due: Due, *, now: datetime) -> dict[str, Any]:
    """The columns of a notice; one that can never go out says why."""
    state = NoticeState.PLANNED if due.at is not None else NoticeState.SKIPPED
    return {
        "public_id": tokens.public_id(),
        "practice_id": of.practice_id,
        "appointment_id": of.id,
        "patient_id": of.patient_id,
        "kind": kind.value,
        "starts_at": of.starts_at,
        "due_at": due.at or now,
        "state": state.value,
        "reason": due.reason.value if due.reason else None,
        "invited": False,
        "settled_at": None if due.at is not None else now,
    }


def _write(rows: list[dict[str, Any]], *, again: bool) -> None:
    """Plan these; what is planned already stays.

    Args:
        again: whether one that went out before goes out anew: the patient was told another time meanwhile.
    """
    if not rows:
        return
    upsert = (
        postgresql.insert(AppointmentNotice)
        if db.engine.dialect.name == "postgresql"
        else sqlite.insert(AppointmentNotice)
    )
    over = {NoticeState.CANCELLED.value}
    if again:
        over |= {NoticeState.SENT.value, NoticeState.SKIPPED.value}
    changed = ("patient_id", "due_at", "state", "reason", "invited", "settled_at")
    with atomic():
        db.session.execute(
            upsert.on_conflict_do_update(
                index_elements=["appointment_id", "kind", "starts_at"],
                set_={name: upsert.excluded[name] for name in changed},
                where=or_(*(AppointmentNotice.state == state for state in sorted(over))),
            ),
            rows,
        )


def _series_is_confirmed(appointment: Appointment) -> bool:
    if appointment.series is None:
        return False
    return bool(
        db.session.scalar(
            select(AppointmentNotice.id)
            .join(Appointment, Appointment.id == AppointmentNotice.appointment_id)
            .where(
                Appointment.patient_id == appointment.patient_id,
                Appointment.series == appointment.series,
                AppointmentNotice.kind == NoticeKind.CONFIRMATION.value,
            )
            .limit(1)
        )
    )


def _is_first_of_new_patient(appointment: Appointment) -> bool:
    """Nobody ever gave the patient access, and no other appointment was completed."""
    earlier = exists().where(
        Appointment.patient_id == appointment.patient_id,
        Appointment.id != appointment.id,
        Appointment.state == AppointmentState.COMPLETED.value,
    )
    known = exists().where(Grant.patient_id == appointment.patient_id)
    return not db.session.scalar(select(or_(earlier, known)))


def _cancel_untrue(numbers: Sequence[int], *, now: datetime) -> None:
    """Of appointments that a file changed: what does not hold any more does not go out."""
    holds = exists().where(
        Appointment.id == AppointmentNotice.appointment_id,
        Appointment.state.in_(_STANDS),
        Appointment.starts_at == AppointmentNotice.starts_at,
        Appointment.patient_id == AppointmentNotice.patient_id,
    )
    db.session.execute(
        update(AppointmentNotice)
        .where(
            AppointmentNotice.appointment_id.in_(numbers),
            AppointmentNotice.state == NoticeState.PLANNED.value,
            AppointmentNotice.kind != NoticeKind.FIRST_VISIT.value,
            ~holds,
        )
        .values(state=NoticeState.CANCELLED.value, settled_at=now)
        .execution_options(synchronize_session=False)
    )


def register() -> None:
    """Hang this room's callbacks onto the schedule and the settings."""
    changes.booked.register(booked)
    changes.moved.register(moved)
    changes.cancelled.register(cancelled)
    changes.reopened.register(reopened)
    changes.completed.register(completed)
    changes.imported.register(imported)
    practice_settings.appointments_changed.register(replan)
