"""One run however often it is started, nobody reached after "no", and poison that harms nobody else (F10-F12)."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import func, select, update

from portal import clock
from portal.bulk import service as bulk
from portal.bulk.models import BulkRun
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail.models import OutboxMessage
from portal.people.models import Patient
from portal.practices import service as practices
from portal.practices.models import Role
from portal.transaction import atomic, touch_patients
from tests.factories import PASSWORD, SETUP, revoke
from tests.faults.ground import Ground, wait_for
from tests.integration.bulk.test_pages import form
from tests.integration.staff.clerk import Clerk

Make = Callable[..., Ground]
CLICKS = 8
LARGEST = 500_000
"""Bytes of a mail that the server takes."""


def test_f10_started_twice_by_two_people_with_double_clicks(ground: Make) -> None:
    here = ground()
    second = practices.add_staff(
        practice=here.house.practice, email="second@example.com", name="Bea Second",
        role=Role.ADMINISTRATOR, password=PASSWORD, by=SETUP, now=clock.now(),
    )  # fmt: skip
    practices.acknowledge_notice(staff=second, by=SETUP, now=clock.now())
    clerks = [Clerk(here.app, here.house.administrator), Clerk(here.app, second)]
    forms = [form(clerk.get("/staff/bulk/invite-all")) for clerk in clerks]
    db.session.remove()

    def click(number: int) -> str:
        clerk = clerks[number % 2]
        browser = here.app.test_client()  # a double click: the same cookies, at the same moment
        browser._cookies = dict(clerk.client._cookies)  # type: ignore[attr-defined]
        answer = browser.post("/staff/bulk/new", data=forms[number % 2])
        return f"{answer.status_code} {answer.headers.get('Location', '')}"

    with ThreadPoolExecutor(CLICKS) as pool:
        answers = set(pool.map(click, range(CLICKS)))
    figures, run = here.figures, here.run()
    figures.exactly("what the clicks lead to", answers, {f"303 /staff/bulk/{run.public_id}"})
    again = clerks[0].post("/staff/bulk/new", **forms[0])
    figures.exactly("the browser sends it again", again.status_code, 303)
    here.finish()
    runs = db.session.scalar(select(func.count()).select_from(BulkRun))
    ledger = here.reconcile(repeats=0)
    figures.exactly("runs", runs, 1)
    figures.exactly("invitations", ledger.states.total(), here.size.people)
    figures.exactly("sent", ledger.sent, here.size.people)
    figures.judge()


def test_f11_taken_back_and_cancelled_on_the_way(ground: Make) -> None:
    here = ground()
    people, few, figures = here.size.people, here.size.few, here.figures
    if not here.size.full:  # else a single batch would issue them all
        here.workers.changed["BULK_PER_MINUTE"] = "480"

    def slowly(stage: str, recipient: str, client: int) -> None:
        if stage == "recipient":
            time.sleep(0.05)

    public_id = here.invite_all()
    here.arrived(people * 0.3)
    here.sink.rules.append(slowly)
    ended = {address: end(here, address) for address in queued(few, within=60)}
    late = [
        copy.recipient
        for copy in here.sink.copies
        if copy.recipient in ended and copy.at > ended[copy.recipient].timestamp()
    ]
    here.sink.rules.remove(slowly)
    here.arrived(people * 0.5)
    run = bulk.find(practice_id=here.house_id, public_id=public_id)
    bulk.cancel(run, by=here.house.hand, now=clock.now())
    issued = count_invitations()
    wait_for(here.finished, within=here.size.patience, every=0.1)
    time.sleep(3 * float(here.size.waits["SWEEP_INTERVAL"]))
    late += [
        copy.recipient
        for copy in here.sink.copies
        if copy.recipient in ended and copy.at > ended[copy.recipient].timestamp()
    ]
    ledger = here.reconcile(repeats=0)
    figures.exactly("had their access ended while their mail waited", len(ended), few)
    figures.at_least("of them never mailed", ledger.states["cancelled"], 1)
    figures.exactly("mails to them after the commit", len(set(late)), 0)
    figures.exactly("invitations issued after the cancelling", count_invitations() - issued, 0)
    figures.at_most("invitations issued, of all", issued, people - 1)
    figures.exactly(
        "mailed and cancelled are all", ledger.sent + ledger.states["cancelled"], issued
    )
    figures.judge()


def queued(number: int, *, within: float) -> list[str]:
    """So many addresses whose mail waits, the last in the queue first."""
    found: list[str] = []

    def enough() -> bool:
        db.session.rollback()
        waiting = select(OutboxMessage.address).where(
            OutboxMessage.state.in_(["queued", "sending"]), OutboxMessage.handed_over_at.is_(None)
        )
        found[:] = db.session.scalars(waiting.order_by(OutboxMessage.id.desc()).limit(number))
        return len(found) == number

    wait_for(enough, within=within)
    db.session.rollback()
    return found


def end(here: Ground, address: str) -> datetime:
    """Revoke; the moment after the commit."""
    patient = db.session.scalars(select(Patient).where(Patient.email == address)).one()
    revoke(patient, here.house, now=clock.now())
    return clock.now()


def count_invitations() -> int:
    """Of all."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Invitation)) or 0


@pytest.mark.any_database
def test_f12_poison_among_the_rows(ground: Make, dialect: str) -> None:
    here = ground()
    few, figures = here.size.few, here.figures
    here.sink.largest = LARGEST
    poisoned = here.addresses(few)
    kinds = ["two", "line"]
    if dialect == "sqlite":
        kinds.append("name")  # PostgreSQL keeps a name to its length
    for number, address in enumerate(poisoned):
        poison(address, kinds[number % len(kinds)])
    here.invite_all()
    here.finish()
    run = here.run()
    failed = select(OutboxMessage.reason).where(OutboxMessage.state == "failed")
    reasons = db.session.scalars(failed).all()
    figures.tell("reasons", ", ".join(sorted(set(filter(None, reasons)))))
    ledger = here.reconcile(repeats=0)
    figures.exactly("poison", len(poisoned), few)
    figures.exactly("failed", run.failed, few)
    figures.exactly("each with a reason", sum(reason is not None for reason in reasons), few)
    figures.exactly("others done", run.done, here.size.people - few)
    figures.exactly("mailed", ledger.sent, here.size.people - few)
    figures.judge()


def poison(address: str, kind: str) -> None:
    """Write into the chart what no form would let through."""
    values = {
        "two": {"email": f"{address}, other.{address}"},
        "line": {"email": f"{address}\r\nBcc: other.{address}"},
        "name": {"given_name": "x" * 1_000_000},
    }[kind]
    with atomic():
        patient = db.session.scalars(select(Patient.id).where(Patient.email == address)).one()
        db.session.execute(update(Patient).where(Patient.id == patient).values(**values))
        touch_patients([patient])
