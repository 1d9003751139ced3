"""The mails that a run has on their way: what became of them, and what stops them.

A run does not wait to be told: it asks the outbox, in the commits that move its numbers. So no result is lost
with a worker, and nothing that sends a mail ever waits for a run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Integer, Select, bindparam, func, literal, select, union_all
from sqlalchemy.orm import aliased

from portal import queue
from portal.audit import service as audit
from portal.audit.actor import system
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.states import ItemState, PausedBy, RunState
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.invitations.service import PURPOSE
from portal.invitations.state import InvitationState, Origin
from portal.mail.models import MailServerTrouble, OutboxMessage
from portal.mail.rules import SETTLED
from portal.mail.state import OutboxState
from portal.rows import among, table_of

RUNS = system("Bulk runs")
WORK = "bulk.work"
"""The job that a ring asks for; :mod:`portal.bulk.jobs` answers it."""
SOON = timedelta(seconds=30)
"""A mail that is due within this is on its way; one that is put off for longer keeps no run waiting."""
_MOST = 5_000

_BECOMES = {
    OutboxState.ACCEPTED: ItemState.DONE,
    OutboxState.CANCELLED: ItemState.SKIPPED,
}
"""Any other end of a mail, also one that nobody knows, is a failure that staff may retry."""

_ITEMS = table_of(BulkItem)
_PUT = (
    _ITEMS.update()
    .where(_ITEMS.c.run_id == bindparam("run"), among(_ITEMS.c.patient_id, "patients"))
    .values(state=bindparam("to"), reason=bindparam("why"), settled_at=bindparam("when"))
)
_PREPARED = select(Invitation.id).where(
    Invitation.patient_id == _ITEMS.c.patient_id,
    Invitation.state == literal(InvitationState.PREPARED.value, literal_execute=True),
)
_PUT_MAILING = _PUT.values(invitation_id=_PREPARED.scalar_subquery())

_SAME = aliased(BulkItem)
_ENDED_MAIL = (
    select(OutboxMessage.id)
    .join(_SAME, _SAME.invitation_id == OutboxMessage.subject_id)
    .where(
        _SAME.run_id == bindparam("run"),
        _SAME.patient_id == BulkItem.patient_id,
        OutboxMessage.purpose == PURPOSE,
        OutboxMessage.state.in_(sorted(state.value for state in SETTLED)),
    )
    .limit(1)
    .correlate(BulkItem)
    .scalar_subquery()
)
"""Asked of each person: a join might begin with all invitations that were ever mailed."""
_MAILING = (
    # nothing but what the index holds, or the database would walk through all of the run
    select(BulkItem.patient_id, _ENDED_MAIL.label("mail_id"))
    .where(
        BulkItem.run_id == bindparam("run"),
        BulkItem.state == ItemState.MAILING.value,
        BulkItem.reason.is_(None),
    )
    .subquery()
)
_ENDED = (
    select(_MAILING.c.patient_id, OutboxMessage.state, OutboxMessage.reason)
    .join(OutboxMessage, OutboxMessage.id == _MAILING.c.mail_id)
    .limit(_MOST)
)


def settle(run: BulkRun, *, now: datetime) -> None:
    """Move whoever's mail has come to an end, and the run's numbers; the caller has locked the run."""
    if not run.mailing:
        return
    ended = db.session.connection().execute(_ENDED, {"run": run.id})
    alike: defaultdict[tuple[ItemState, str | None], list[int]] = defaultdict(list)
    for patient_id, state, reason in ended:
        to = _BECOMES.get(OutboxState(state), ItemState.FAILED)
        alike[to, None if to is ItemState.DONE else reason].append(patient_id)
    for (to, reason), patient_ids in alike.items():
        put(run, patient_ids, to, reason, now=now)
        run.mailing -= len(patient_ids)
        setattr(run, to.value, getattr(run, to.value) + len(patient_ids))
    db.session.flush()


def put(
    run: BulkRun, patient_ids: Collection[int], to: ItemState, reason: str | None, *, now: datetime
) -> None:
    """Write down where these people of the run stand; its numbers are the caller's.

    Whose mail is on its way now was prepared an invitation in this commit, and has no other that is prepared.
    """
    change = _PUT_MAILING if to is ItemState.MAILING else _PUT
    stands = {"run": run.id, "patients": patient_ids, "to": to.value, "why": reason, "when": now}
    db.session.connection().execute(change, stands)


def on_their_way(run: BulkRun, *, most: int, now: datetime) -> int:
    """How many invitations of the practice are being sent, are due, or soon will be; ``most`` where there are more.

    All of the practice, for only those that are due are looked at then, however many the run has put off.
    """
    if not run.mailing:
        return 0
    asked = {"practice": run.practice_id, "soon": now + SOON, "most": most}
    return db.session.connection().scalar(_ON_THEIR_WAY, asked) or 0


def expects_more(run: BulkRun, *, now: datetime) -> bool:
    """Whether the end of its last mails is near enough to wait for before the run is called done."""
    return on_their_way(run, most=1, now=now) > 0


def issued_lately(run: BulkRun, *, most: int, now: datetime) -> int:
    """How many invitations the practice's runs have issued in the last 24 hours; ``most`` where there are more.

    The newest have the highest numbers, so no more than ``most`` of them are looked at.
    """
    newest = (
        select(Invitation.issued_at)
        .where(Invitation.practice_id == run.practice_id, Invitation.origin == Origin.BULK.value)
        .order_by(Invitation.id.desc())
        .limit(most)
        .subquery()
    )
    lately = newest.c.issued_at > now - timedelta(hours=24)
    return db.session.scalar(select(func.count()).select_from(newest).where(lately)) or 0


def stopped_by_server(run: BulkRun, *, now: datetime) -> bool:
    """Pause the run when the mail server as a whole is in trouble (interface.md "Bulk").

    Only while mails of its own wait: those are what finds out that the trouble is over.
    """
    trouble = _trouble()
    if trouble is None or not run.mailing:
        return False
    run.state, run.paused_by = RunState.PAUSED.value, PausedBy.SERVER.value
    run.pause_reason = trouble.reason
    tell_moved(run, reason=run.pause_reason, now=now)
    return True


def go_on_after_trouble(run: BulkRun, *, now: datetime) -> None:
    """Let a run go on that the mail server stopped, when that works again. A person's pause waits for a person.

    So does one that has no mail left which would find out: its next mails do.
    """
    if run.state != RunState.PAUSED or run.paused_by != PausedBy.SERVER:
        return
    if run.mailing and _trouble() is not None:
        return
    run.state, run.paused_by, run.pause_reason = RunState.RUNNING.value, None, None
    tell_moved(run, reason=None, now=now)
    queue.ring_after_commit(WORK, run.public_id)


def _trouble() -> MailServerTrouble | None:
    return db.session.scalar(
        select(MailServerTrouble)
        .where(MailServerTrouble.since.is_not(None))
        .execution_options(populate_existing=True)
    )


def tell_moved(run: BulkRun, *, reason: str | None, now: datetime) -> None:
    """The program itself moved the run: the audit trail tells of it."""
    db.session.flush()
    audit.record(
        "bulk.moved",
        practice_id=run.practice_id,
        by=RUNS,
        now=now,
        subject=("bulk_run", run.id),
        run=run.public_id,
        state=run.state,
        reason=reason,
    )


def _invitations(state: OutboxState) -> Select[int]:
    """Mails of the practice in one state. Written so that the database walks along the short index of that state."""
    return select(OutboxMessage.id).where(
        OutboxMessage.state == literal(state.value, literal_execute=True),
        func.coalesce(OutboxMessage.purpose, "") == PURPOSE,
        func.coalesce(OutboxMessage.practice_id, 0) == bindparam("practice"),
    )


_SOME_ON_THEIR_WAY = union_all(
    _invitations(OutboxState.SENDING).where(OutboxMessage.leased_until.is_not(None)),
    _invitations(OutboxState.QUEUED).where(OutboxMessage.next_attempt_at <= bindparam("soon")),
).limit(bindparam("most", type_=Integer()))
_ON_THEIR_WAY = select(func.count()).select_from(_SOME_ON_THEIR_WAY.subquery())
