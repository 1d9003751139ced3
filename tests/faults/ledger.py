"""The books of a run: mail server, outbox, invitations and audit trail, one against the other.

Nothing of the program's own counting is believed: every figure is counted anew from the rows and from the sink.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from portal import clock
from portal.access.models import Grant
from portal.audit import service as audit
from portal.audit.models import AuditEvent
from portal.bulk.models import BulkItem, BulkRun
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.roster import service as roster
from portal.tokens import digest
from tests.faults.figures import Figures
from tests.faults.sink import Copy, Sink

PURPOSE = "invitation"
_QUEUED = {"queued", "sending"}
_OPEN = {"prepared", "live"}


@dataclass
class Repeat:
    """A mail that went out more than once."""

    row: Any
    copies: list[Copy]


@dataclass
class Ledger:
    """The books of one practice, reconciled."""

    states: Counter[str] = field(default_factory=Counter)
    """Of the outbox."""
    sent: int = 0
    repeats: list[Repeat] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What no state of the books explains."""

    @property
    def lost(self) -> int:
        """Mails called accepted that the server never took."""
        return sum(problem.startswith("lost") for problem in self.problems)

    def tell(self, figures: Figures, *, repeats: int = 0) -> None:
        """Into the table; there may be so many mails that went out twice."""
        queued = sum(self.states[state] for state in _QUEUED)
        total = self.states.total()
        named = {name: self.states[name] for name in ("accepted", "failed", "unknown", "cancelled")}
        figures.exactly(
            "queued + sent + failed + unknown + cancelled", queued + sum(named.values()), total
        )
        figures.tell("  queued", queued)
        for name, number in named.items():
            figures.tell(f"  {'sent' if name == 'accepted' else name}", number)
        figures.tell("mails that the server took", self.sent)
        figures.exactly("lost", self.lost, 0)
        figures.at_most(
            "gone out twice, same Message-ID and link, marked", len(self.repeats), repeats
        )
        figures.nothing("unexplained", self.problems)


def reconcile(practice_id: int, sink: Sink) -> Ledger:
    """Every book against every other, at this moment; workers should stand still."""
    db.session.rollback()
    ledger = Ledger()
    rows = db.session.execute(
        select(
            OutboxMessage.id,
            OutboxMessage.public_id,
            OutboxMessage.message_id,
            OutboxMessage.subject_id,
            OutboxMessage.address,
            OutboxMessage.state,
            OutboxMessage.reason,
            OutboxMessage.handed_over_at,
            OutboxMessage.doubtful_tries,
        ).where(OutboxMessage.practice_id == practice_id, OutboxMessage.purpose == PURPOSE)
    ).all()
    ledger.states.update(row.state for row in rows)
    invitations = _invitations(practice_id)
    copies: dict[str, list[Copy]] = defaultdict(list)
    for copy in list(sink.copies):
        copies[copy.message_id].append(copy)
    ledger.sent = sum(map(len, copies.values()))
    _mails(ledger, rows, copies, invitations)
    _people(ledger, rows, invitations)
    _runs(ledger, practice_id)
    _trail(ledger, practice_id, rows, invitations)
    ledger.problems += [f"counters: {told}" for told in roster.check(practice_id, clock.now())]
    broken = audit.first_broken_link(practice_id)
    if broken is not None:
        ledger.problems.append(f"audit chain broken at {broken}")
    db.session.rollback()
    return ledger


def _invitations(practice_id: int) -> dict[int, Any]:
    found = db.session.execute(
        select(
            Invitation.id,
            Invitation.public_id,
            Invitation.patient_id,
            Invitation.grant_id,
            Invitation.state,
            Invitation.token_hash,
        ).where(Invitation.practice_id == practice_id)
    )
    return {row.id: row for row in found}


def _mails(
    ledger: Ledger, rows: Any, copies: dict[str, list[Copy]], invitations: dict[int, Any]
) -> None:
    """Sink against outbox, mail by mail."""
    problems = ledger.problems
    known = {row.message_id for row in rows}
    problems += [f"nobody's mail: {strange}" for strange in copies.keys() - known]
    for row in rows:
        taken = copies.get(row.message_id, [])
        if row.state == "accepted" and not taken:
            problems.append(f"lost: {row.message_id} is called accepted")
        in_doubt = row.doubtful_tries + (row.handed_over_at is not None)
        may_be = in_doubt + (row.state == "accepted")
        if len(taken) > may_be:
            problems.append(
                f"{len(taken)} times, {may_be} explained: {row.message_id} ({row.state})"
            )
        if len(taken) > 1:
            ledger.repeats.append(Repeat(row, taken))
        if {copy.recipient for copy in taken} - {row.address}:
            problems.append(f"to somebody else: {row.message_id}")
        hashes = {digest(copy.token) for copy in taken}
        if hashes - {invitations[row.subject_id].token_hash}:
            problems.append(f"another link than the invitation's: {row.message_id}")


def _people(ledger: Ledger, rows: Any, invitations: dict[int, Any]) -> None:
    """One live token for whoever was reached, one mail for each invitation."""
    held = Counter(row.patient_id for row in invitations.values() if row.state in _OPEN)
    for row in rows:
        invitation = invitations[row.subject_id]
        reached = row.state in {"accepted", "unknown"} | _QUEUED
        ended = invitation.state in {"revoked", "used", "voided", "not_me", "locked"}
        if reached and not ended and held[invitation.patient_id] != 1:
            ledger.problems.append(
                f"{held[invitation.patient_id]} live tokens: patient {invitation.patient_id}"
            )
        if row.state == "accepted" and invitation.state == "prepared":
            ledger.problems.append(f"sent and not live: {invitation.public_id}")
    mails = Counter(row.subject_id for row in rows)
    ledger.problems += [
        f"{mails[number]} mails for invitation {number}"
        for number in invitations
        if mails[number] != 1
    ]


def _runs(ledger: Ledger, practice_id: int) -> None:
    """The run's numbers against its people."""
    runs = db.session.scalars(
        select(BulkRun)
        .where(BulkRun.practice_id == practice_id)
        .execution_options(populate_existing=True)
    )
    for run in runs.all():
        rows = db.session.execute(
            select(BulkItem.state, func.count())
            .where(BulkItem.run_id == run.id)
            .group_by(BulkItem.state)
        )
        counted: Counter[str] = Counter(dict(rows.all()))
        shown = {name: getattr(run, name) for name in ("done", "skipped", "failed", "mailing")}
        shown["waiting"] = run.remaining
        for name, number in shown.items():
            if counted[name] != number:
                ledger.problems.append(f"the run says {number} {name}, {counted[name]} are")


def _trail(ledger: Ledger, practice_id: int, rows: Any, invitations: dict[int, Any]) -> None:
    """Each change of state has its one audit row."""
    seen: Counter[tuple[str, Any]] = Counter()
    moved: Counter[str] = Counter()
    for event, data in db.session.execute(
        select(AuditEvent.event, AuditEvent.data).where(AuditEvent.practice_id == practice_id)
    ):
        key = data.get("message") or data.get("invitation") or data.get("grant") or data.get("run")
        seen[event, key] += 1
        if event == "bulk.batch":
            moved.update({name: data[name] for name in ("done", "skipped", "failed", "mailing")})
    expected: Counter[tuple[str, Any]] = Counter()
    for row in rows:
        if row.state in {"accepted", "failed", "unknown"}:
            expected["mail.result", row.public_id] = 1
    for invitation in invitations.values():
        expected["invitation.prepared", invitation.public_id] = 1
        if invitation.state == "live":
            expected["invitation.live", invitation.public_id] = 1
        if invitation.state == "failed":
            expected["invitation.failed", invitation.public_id] = 1
    grants = select(Grant.public_id).where(Grant.practice_id == practice_id)
    for grant in db.session.scalars(grants):
        expected["access.enabled", grant] = 1
    for (event, key), number in expected.items():
        if seen[event, key] != number:
            ledger.problems.append(f"{seen[event, key]} audit rows {event} of {key}")
    twice = [
        f"{number} audit rows {event} of {key}"
        for (event, key), number in seen.items()
        if number > 1
        and event in {"mail.result", "invitation.live", "invitation.ended", "bulk.started"}
    ]
    ledger.problems += twice
