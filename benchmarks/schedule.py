"""The schedule of a quiet day and of a full one: what a row costs may not grow with their number.

Figures are milliseconds of server time of a whole request, through the log-on, the rooms, the database and the
template; the two days take turns, so that what else the machine does falls upon both.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable
from datetime import date, time
from random import Random

from flask import Flask
from sqlalchemy import event, select

from benchmarks import places, practice
from benchmarks.browser import Browser
from benchmarks.table import Line, Report
from portal import clock
from portal.extensions import db
from portal.people.models import Patient
from portal.practices import service as practices
from portal.schedule import booking, lists
from portal.schedule.models import Appointment
from portal.schedule.slip import Slip

SIZE = 500
"""Appointments of the full day."""
QUIET = 50
ROUNDS = 21
RATIO = 1.2
WINDOW = 150
"""Milliseconds."""
_DAYS = {QUIET: date(2031, 3, 3), SIZE: date(2031, 3, 12)}


def run(size: int) -> list[Report]:
    """On both databases."""
    return [_on(dialect, size) for dialect in places.DIALECTS]


def _on(dialect: str, size: int) -> Report:
    report = Report(f"{dialect}: a day of {QUIET} and one of {size:,} appointments")
    with places.folder() as home, places.addresses(dialect, home) as address:
        app = places.installed(dialect, size + 200, address=address, home=home).app
        with app.app_context():
            full = _DAYS[SIZE]
            _fill(_DAYS[QUIET], QUIET)
            _fill(full, size)
            window = db.session.scalars(
                select(Appointment.public_id).where(Appointment.day == full).limit(1)
            ).one()
            places.forget_connections()
        browser = Browser(app)
        for name, more in (
            ("the day", ""),
            ("not yet on the portal", "&only=not-on-portal"),
        ):
            report.tell(_compared(name, browser, size, more))
        report.tell(_queries(app, browser))
        week = _median(lambda: _took(browser, f"/staff/schedule?day={full}&view=week"))
        report.tell(Line("its week", f"{week:6.1f} ms", week, WINDOW))
        opened = _median(lambda: _took(browser, f"/staff/appointments/{window}"))
        report.tell(Line("an appointment window", f"{opened:6.1f} ms", opened, WINDOW))
        with app.app_context():
            places.forget_connections()
    return report


def _fill(day: date, number: int) -> None:
    """So many different patients, over ten hours, with every provider and room."""
    now, practice_id = clock.now(), practice.practice_id()
    lists.provide(practice_id, now)
    if db.session.scalar(select(Appointment.id).where(Appointment.day == day).limit(1)):
        return  # kept from the last run
    office = lists.offices(practice_id)[0]
    office_id, rooms = office.id, [room.id for room in office.rooms]
    providers = [p.id for p in practices.providers(practice_id=practice_id)]
    ids = db.session.scalars(
        select(Patient.id).where(Patient.practice_id == practice_id).order_by(Patient.id)
    ).all()
    chosen = Random(day.day).sample(list(ids), number)
    for place, patient_id in enumerate(chosen):
        minute = place * 600 // number
        slip = Slip(
            office_id=office_id,
            day=day,
            wall=time(8 + minute // 60, minute % 60),
            provider_id=providers[place % len(providers)],
            exam_room_id=rooms[place % len(rooms)],
            reason="Follow-up",
        )
        patient = db.session.get_one(Patient, patient_id)
        booking.book(patient=patient, slip=slip, by=practice.HAND, now=now)


def _compared(name: str, browser: Browser, size: int, more: str) -> Line:
    """What one row of each day costs, its share of the page around it included."""
    times: dict[int, list[float]] = {QUIET: [], size: []}
    days = {QUIET: _DAYS[QUIET], size: _DAYS[SIZE]}
    for day in days.values():  # statements are compiled, pages of the database read
        _took(browser, f"/staff/schedule?day={day}{more}")
    gc.collect()
    for _ in range(ROUNDS):
        for number, day in days.items():
            times[number].append(_took(browser, f"/staff/schedule?day={day}{more}"))
    few, many = statistics.median(times[QUIET]), statistics.median(times[size])
    each_few, each_many = few / QUIET, many / size
    told = f"{few:6.1f} ms  {many:6.1f} ms  a row {each_few:.2f}, {each_many:.2f} ms"
    return Line(name, told, each_many / each_few, RATIO)


def _queries(app: Flask, browser: Browser) -> Line:
    counted = []
    with app.app_context():
        for day in (_DAYS[QUIET], _DAYS[SIZE]):
            asked: list[str] = []

            def listen(*told: object, asked: list[str] = asked) -> None:
                asked.append(str(told[2]))

            event.listen(db.engine, "before_cursor_execute", listen)
            browser.get(f"/staff/schedule?day={day}")
            event.remove(db.engine, "before_cursor_execute", listen)
            counted.append(len(asked))
    return Line("queries", f"{counted[0]}, {counted[1]}", counted[1] - counted[0], 0)


def _took(browser: Browser, path: str) -> float:
    browser.get(path)
    return browser.took


def _median(ask: Callable[[], float]) -> float:
    return statistics.median(ask() for _ in range(ROUNDS))
