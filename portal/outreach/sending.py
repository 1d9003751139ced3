"""What is due goes out: each notice comes to its end in one commit, with the mail and the invitation it brings.

Any number of processes may do this at once, and each may be killed at any point: one conditional update decides who
has a notice, and before its commit nothing of it has happened (architecture, rules 1 and 2).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select, tuple_, update
from sqlalchemy.exc import DBAPIError

from portal import clock, queue
from portal.access import service as access
from portal.audit import service as audit
from portal.audit.actor import system
from portal.bulk.facts import facts_of
from portal.bulk.rules import Facts, Moment
from portal.errors import Refused
from portal.extensions import db
from portal.invitations import automatic
from portal.outreach import mail, notices, rules
from portal.outreach.passing_over import pass_over
from portal.outreach.rules import NoticeReason
from portal.people.models import Patient
from portal.practices.models import Role, StaffMember
from portal.schedule.models import AppointmentNotice
from portal.schedule.states import NoticeKind, NoticeState
from portal.transaction import atomic, savepoint

log = structlog.get_logger()

BATCH = 100
BY = system("Automatic invitations")
"""Who enabled, as the Access History says it."""
_EVERYBODY = StaffMember(role=Role.ADMINISTRATOR.value)
"""Nobody's scope: what goes out by itself covers the whole practice."""


@dataclass(frozen=True, slots=True)
class _End:
    """What becomes of a notice."""

    state: NoticeState
    reason: str | None = None
    invites: bool = False


def send_due(*, within: float, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Notice after notice until nothing is due, or so many seconds are over; returns how many came to their end.

    Args:
        goes_on: asked before each batch.
    """
    until, settled = time.monotonic() + within, 0
    place: tuple[datetime, int] | None = None
    if goes_on():
        settled += pass_over(by=BY, now=clock.now())
    while goes_on():
        due = _due(place, now=clock.now())
        for _due_at, number, patient_id in due:
            if queue.stopping.is_set() or time.monotonic() >= until:
                return settled
            settled += _settle_alone(number, patient_id)
        if len(due) < BATCH:
            return settled
        place = (due[-1][0], due[-1][1])
    return settled


def is_waiting(*, now: datetime) -> bool:
    """Whether anything is due."""
    return bool(_due(None, now=now, limit=1))


def settle(notice_id: int, patient_id: int, *, now: datetime) -> bool:
    """One notice, in one commit: it goes out, or is skipped, or waits for the end of quiet hours.

    False where it had come to its end already. The patient is locked first, as by every act upon a chart.
    """
    with atomic():
        patient = access.lock_patient(patient_id)
        notice = _planned(notice_id)
        if notice is None:
            return False
        practice = patient.practice
        quiet = notices.quiet_of(practice)
        if rules.is_quiet(now, quiet):
            first_visit = notice.kind == NoticeKind.FIRST_VISIT
            later = rules.put_off(None if first_visit else notice.starts_at, quiet=quiet, now=now)
            if later.at is not None:
                _wait(notice_id, until=later.at)
                return False
            end = _End(NoticeState.SKIPPED, later.reason)
        else:
            end = _judge(notice, patient, now=now)
        _bring_to_end(notice, patient, end, now=now)
        return True


def _judge(notice: AppointmentNotice, patient: Patient, *, now: datetime) -> _End:
    practice, kind = patient.practice, NoticeKind(notice.kind)
    at = Moment(now, clock.local_date(now, practice.time_zone))
    if not notices.is_true(notice, now=now):
        late = kind is not NoticeKind.FIRST_VISIT and notice.starts_at <= now
        reason = NoticeReason.TOO_LATE if late else NoticeReason.APPOINTMENT_OVER
        return _End(NoticeState.SKIPPED, reason)
    if not notices.is_switched_on(practice, kind):
        return _End(NoticeState.SKIPPED, NoticeReason.SWITCHED_OFF)
    facts = facts_of([patient.id], staff=_EVERYBODY, at=at)[patient.id]
    in_the_way = rules.mail_reason(facts, at)
    if in_the_way is not None:
        return _End(NoticeState.SKIPPED, in_the_way)
    why_not = _why_no_invitation(kind, patient, facts, at)
    if kind is NoticeKind.FIRST_VISIT and why_not is not None:
        return _End(NoticeState.SKIPPED, why_not)
    return _End(NoticeState.SENT, None, invites=why_not is None)


def _why_no_invitation(kind: NoticeKind, patient: Patient, facts: Facts, at: Moment) -> str | None:
    if not notices.invites(patient.practice, kind):
        return NoticeReason.SWITCHED_OFF
    pending = automatic.is_pending(patient.id, now=at.now)
    return rules.invitation_reason(facts, at, pending=pending)


def _bring_to_end(notice: AppointmentNotice, patient: Patient, end: _End, *, now: datetime) -> None:
    kind = NoticeKind(notice.kind)
    invited = end.invites and _invite(kind, patient, now=now)
    if kind is NoticeKind.FIRST_VISIT and end.state is NoticeState.SENT and not invited:
        end = _End(NoticeState.SKIPPED, NoticeReason.CANNOT_SEND)
    if not notices.move(notice.id, end.state, reason=end.reason, invited=invited, now=now):
        raise RuntimeError("the notice was locked and yet moved")
    if end.state is NoticeState.SENT and not invited:
        mail.put(notice, now=now)
    _tell(notice, end, invited=invited, now=now)


def _invite(kind: NoticeKind, patient: Patient, *, now: datetime) -> bool:
    """Whether an invitation was issued; where one is refused after all, the mail goes without it."""
    carried = kind is not NoticeKind.FIRST_VISIT
    try:
        with savepoint():
            made = automatic.invite(patient=patient, carried=carried, by=BY, now=now)
    except Refused:
        return False
    return made is not None


def _tell(notice: AppointmentNotice, end: _End, *, invited: bool, now: datetime) -> None:
    audit.record(
        "appointment.notice",
        practice_id=notice.practice_id,
        by=BY,
        now=now,
        subject=("patient", notice.patient_id),
        notice=notice.public_id,
        kind=notice.kind,
        state=end.state.value,
        reason=end.reason,
        invited=invited,
    )


def _settle_alone(number: int, patient_id: int) -> bool:
    """One that cannot be sent is written down so, and holds up nobody (faults.md F12)."""
    now = clock.now()
    try:
        return settle(number, patient_id, now=now)
    except DBAPIError:
        raise
    except Exception as error:  # noqa: BLE001 (see above)
        log.error("outreach.cannot_send", **queue.told(error))
        return _give_up(number, now=now)


def _give_up(number: int, *, now: datetime) -> bool:
    with atomic():
        notice = _planned(number)
        if notice is None:
            return False
        notices.move(number, NoticeState.SKIPPED, reason=NoticeReason.CANNOT_SEND, now=now)
        _tell(notice, _End(NoticeState.SKIPPED, NoticeReason.CANNOT_SEND), invited=False, now=now)
        return True


def _planned(number: int) -> AppointmentNotice | None:
    return db.session.scalar(
        select(AppointmentNotice)
        .where(AppointmentNotice.id == number, AppointmentNotice.state == NoticeState.PLANNED.value)
        .with_for_update(of=AppointmentNotice)
        .execution_options(populate_existing=True)
    )


def _wait(number: int, *, until: datetime) -> None:
    db.session.execute(
        update(AppointmentNotice).where(AppointmentNotice.id == number).values(due_at=until)
    )


def _due(
    place: tuple[datetime, int] | None, *, now: datetime, limit: int = BATCH
) -> list[tuple[datetime, int, int]]:
    """When, number and patient of the next that are due, in the order of their times."""
    query = (
        select(AppointmentNotice.due_at, AppointmentNotice.id, AppointmentNotice.patient_id)
        .where(
            AppointmentNotice.state == NoticeState.PLANNED.value, AppointmentNotice.due_at <= now
        )
        .order_by(AppointmentNotice.due_at, AppointmentNotice.id)
        .limit(limit)
    )
    if place is not None:
        query = query.where(tuple_(AppointmentNotice.due_at, AppointmentNotice.id) > tuple_(*place))
    found = [(due_at, number, patient) for due_at, number, patient in db.session.execute(query)]
    db.session.rollback()
    return found
