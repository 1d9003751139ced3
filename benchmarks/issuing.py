"""A bulk run up to the commit of its mails, beside bare inserts of the same rows.

Ours looks at each person, opens a grant, writes the invitation, its line of the timeline, the mail, two chained
audit events and the list's row. The bare loop puts the rows of those five tables into tables without an index, by
the driver's ``executemany`` and with a commit after as many people.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from benchmarks import places
from benchmarks.table import Line, Report
from portal import clock
from portal.access.models import Grant
from portal.audit.actor import system
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk import working
from portal.bulk.models import BulkRun
from portal.bulk.preview import Scope
from portal.bulk.rules import BATCH
from portal.bulk.states import RunKind, RunScope
from portal.demo.crowd import Crowd
from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail.models import OutboxMessage
from portal.people.bulk import blank_row, insert_charts, new_chart
from portal.practices import service as practices
from portal.practices.models import Practice, Role, StaffMember
from portal.rows import table_of
from portal.transaction import atomic

SIZE = 10_000
MOST_MS = 0.5
"""Of each person; a mail takes about as long on its way to the mail server."""
ON_THEIR_WAY = 600
WRITTEN = (Grant, Invitation, InvitationEvent, OutboxMessage, AuditEvent)
_HAND = system("Benchmark")


def run(size: int) -> Sequence[Report]:
    """On both databases."""
    return [_on(dialect, size) for dialect in places.DIALECTS]


def _on(dialect: str, size: int) -> Report:
    report = Report(f"issuing {size:,} invitations, {dialect}")
    with places.folder() as home, places.addresses(dialect, home) as address:
        app = places.application(address(f"issuing_{time.time_ns()}"), home)
        with app.app_context():
            staff = _staff()
            practice_id = staff.practice_id
            _make_patients(staff.practice, size)
            begun = _begin(staff)
            batches, people = _work(begun)
            each = 1000 * sum(batches) / people
            told = f"{each:5.2f} ms a person, {people / sum(batches):6,.0f}/s"
            report.tell(Line("ours", told, each, MOST_MS))
            slow = f"median {1000 * statistics.median(batches):4.0f} ms, longest {1000 * max(batches):4.0f} ms"
            report.tell(Line(f"a batch of {BATCH}", slow))
            bare = _bare(people)
            told = f"{1000 * bare / people:5.2f} ms a person; ours takes {sum(batches) / bare:.1f} times that"
            report.tell(Line("bare inserts of the same rows", told))
            broken = first_broken_link(practice_id)
            report.tell(Line("audit chain", "whole" if broken is None else f"broken at {broken}"))
            places.forget_connections()
    return report


def _staff() -> StaffMember:
    practice = practices.add_practice(
        name="Benchmark",
        time_zone="America/New_York",
        phone=None,
        country="US",
        by=_HAND,
        now=clock.now(),
    )
    return practices.add_staff(
        practice=practice,
        email="ada@example.com",
        name="Ada Admin",
        role=Role.ADMINISTRATOR,
        password=places.PASSWORD,
        by=_HAND,
        now=clock.now(),
    )


def _make_patients(practice: Practice, size: int) -> None:
    crowd = Crowd(today=date(2026, 1, 1), seed=1)
    blank = blank_row(practice_id=practice.id, now=clock.now())
    charts = []
    for number in range(1, size + 1):
        someone = crowd.next(number)
        values: Any = {
            "record_number": str(number),
            "given_name": someone.given,
            "family_name": someone.family,
            "birth_date": someone.born or date(1980, 2, 11),
            "email": f"patient{number}@example.com",
            "phones": [{"kind": "mobile", "e164": "+14435550155", "extension": None}],
        }
        charts.append(new_chart(values, blank=blank))
    with atomic():
        insert_charts(charts)


def _begin(staff: StaffMember) -> BulkRun:
    scope = Scope(RunScope.PRACTICE, staff)
    shown = previews.make(RunKind.INVITE, scope, now=clock.now())
    by = practices.actor(staff)
    return bulk.start(RunKind.INVITE, scope, shown=shown, by=by, now=clock.now())


def _work(begun: BulkRun) -> tuple[list[float], int]:
    """Batch after batch, with some hundred mails on their way; seconds of each, and how many people."""
    public_id, seconds, people = begun.public_id, [], 0
    while True:
        before = time.perf_counter()
        worked = working.work_batch(public_id, now=clock.now())
        seconds.append(time.perf_counter() - before)
        assert worked is not None
        people += worked.people
        if worked.over:
            return seconds, people
        with atomic():
            db.session.execute(
                text(
                    "UPDATE outbox_message SET state = 'accepted', settled_at = created_at"
                    " WHERE state = 'queued' AND id <= :last"
                ),
                {"last": people - (ON_THEIR_WAY if worked.people else 0)},
            )
        db.session.remove()


def _bare(people: int) -> float:
    """Seconds."""
    rows = {}
    with db.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        for model in WRITTEN:
            name = table_of(model).name
            cursor = raw.execute(f"SELECT * FROM {name}")
            rows[name] = [tuple(_plain(value) for value in row) for row in cursor.fetchall()]
            raw.execute(f"CREATE TABLE bare_{name} AS SELECT * FROM {name} WHERE 1 = 0")
        connection.commit()
        mark = "?" if db.engine.dialect.name == "sqlite" else "%s"
        begun = time.perf_counter()
        for number in range(0, people, BATCH):
            if mark == "?":
                raw.execute("BEGIN IMMEDIATE")
            cursor = raw.cursor()
            for name, held in rows.items():
                until = min(people, number + BATCH)
                chunk = held[number * len(held) // people : until * len(held) // people]
                marks = ", ".join([mark] * len(held[0]))
                cursor.executemany(f"INSERT INTO bare_{name} VALUES ({marks})", chunk)
            raw.commit()
        return time.perf_counter() - begun


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        from psycopg.types.json import Jsonb

        return Jsonb(value)
    return value
