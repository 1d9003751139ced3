"""The Onboarding Tool before a thousand patients and before a million: the same requests, one after the other.

Figures are milliseconds of server time of a whole request, through the log-on, the rooms, the database and the
template. A small and a large practice take turns, so that what else the machine does falls upon both.
"""

from __future__ import annotations

import gc
import itertools
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from benchmarks import places, practice, toggles, weight
from benchmarks.browser import LIST, Browser
from benchmarks.places import Installed
from benchmarks.table import Line, Report
from portal.roster.rules import AgeBand, NextAppointment, Order, Pill

SIZE = 1_000_000
SMALL = 1_000
ROUNDS = 41
RATIO = 1.2
COMBINATION = 300
SEARCH = 150
"""Milliseconds."""
FEW, ENOUGH = 4, 20
_PLENTY = 50_000
"""So many patients fill a page of every pill."""
_LOOKS = 12
"""So many of the slowest combinations are looked at again."""


@dataclass(slots=True)
class Side:
    """One practice, and who asks it."""

    browser: Browser
    last: dict[tuple[Pill, Order], str]
    middle: str
    provider: str
    untold: Iterator[str]

    @classmethod
    def of(cls, installed: Installed) -> Side:
        """Look up what will be asked for."""
        with installed.app.app_context():
            if installed.patients < _PLENTY:
                practice.top_up()
            last = {
                (pill, order): practice.near_the_end(pill, order=order.value)
                for pill, order in _INSTANT
            }
            middle, provider = practice.in_the_middle(), practice.provider().public_id
            untold = itertools.cycle(practice.untold_ids(2 * ROUNDS))
            places.forget_connections()
        return cls(Browser(installed.app), last, middle, provider, untold)


Ask = Callable[[Side], float]
"""One request to a practice; milliseconds of server time."""
_INSTANT = [(pill, Order.NAME) for pill in Pill] + [
    (Pill.ALL, Order.STATUS),
    (Pill.ALL, Order.INVITED_ON),
]
"""What may not take longer for more patients."""


def run(size: int) -> list[Report]:
    """On both databases."""
    return [_on(dialect, size) for dialect in places.DIALECTS]


def run_sqlite(size: int) -> list[Report]:
    """On SQLite alone."""
    return [_on("sqlite", size)]


def run_postgresql(size: int) -> list[Report]:
    """On PostgreSQL alone."""
    return [_on("postgresql", size)]


def _on(dialect: str, size: int) -> Report:
    with places.folder() as home, places.addresses(dialect, home) as address:
        few, many = (
            places.installed(dialect, patients, address=address, home=home)
            for patients in (SMALL, size)
        )
        report = Report(
            f"{dialect}: {size:,} patients (made in {many.seconds:.0f} s) beside {SMALL:,}"
        )
        sides = Side.of(few), Side.of(many)
        for name, ask in _instant():
            report.tell(_compared(name, ask, *sides))
        _combinations(report, sides[1])
        with many.app.app_context():
            typed = practice.searches()
            places.forget_connections()
        for name, text in typed.items():
            report.tell(_at_most(f"search: {name}", _search(text), sides[1], SEARCH))
        toggles.compare(report, many, sides[1].browser, home=home)
        weight.weigh(report, sides[1].browser)
        for each in (few, many):
            with each.app.app_context():
                places.forget_connections()
    return report


def _instant() -> Iterator[tuple[str, Ask]]:
    for pill, order in _INSTANT:
        what = "everybody" if pill is Pill.ALL else pill.value
        name = what if order is Order.NAME else f"{what} by {order.value}"
        yield f"{name}, first page", _page(pill=pill, order=order)
        yield f"{name}, last page", _page(pill=pill, order=order, at="last")
    yield "toggle: red to gray", _enable
    yield "toggle: gray to red", _disable


def _page(
    *,
    pill: Pill = Pill.ALL,
    order: Order = Order.NAME,
    provider: bool = False,
    age: AgeBand | None = None,
    coming: NextAppointment | None = None,
    at: str = "",
) -> Ask:
    def ask(side: Side) -> float:
        after = {"last": side.last.get((pill, order)), "middle": side.middle}.get(at)
        query = {
            "pill": pill.value,
            "sort": order.value,
            "provider": side.provider if provider else "",
            "age": age.value if age else "",
            "next": coming.value if coming else "",
            "at": f"after.{after}." if after else "",
        }
        side.browser.get(f"{LIST}?{urlencode(query)}")
        return side.browser.took

    return ask


def _search(text: str) -> Ask:
    def ask(side: Side) -> float:
        side.browser.post(f"{LIST}/search", q=text, back="")
        return side.browser.took

    return ask


def _enable(side: Side) -> float:
    public_id = next(side.untold)
    grant = side.browser.enable(public_id)
    took = side.browser.took
    side.browser.disable(public_id, grant)
    return took


def _disable(side: Side) -> float:
    public_id = next(side.untold)
    side.browser.disable(public_id, side.browser.enable(public_id))
    return side.browser.took


def _compared(name: str, ask: Ask, few: Side, many: Side) -> Line:
    """In turns; the medians."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(3):  # statements are compiled and pages of the database read
        ask(few), ask(many)
    gc.collect()
    for number in range(ROUNDS):
        for place in (0, 1) if number % 2 else (1, 0):
            times[place].append(ask((few, many)[place]))
    small, large = map(statistics.median, times)
    ratio = large / small
    return Line(name, f"{small:6.1f} ms  {large:6.1f} ms  ratio {ratio:.2f}", ratio, RATIO)


def _combinations(report: Report, side: Side) -> None:
    """Every combination of filters, order and place; the slowest once more, and often enough for a percentile."""
    asked = {}
    for pill, provider, age, coming, order, at in itertools.product(
        Pill,
        (False, True),
        (None, *AgeBand),
        (None, *NextAppointment),
        Order,
        ("", "middle"),
    ):
        comes = coming and f"next {coming.value}"
        narrowed = (provider and "provider", age and age.value, comes)
        parts = (pill.value, *narrowed, f"by {order.value}", at)
        name = ", ".join(part for part in parts if part)
        asked[name] = _page(
            pill=pill, provider=provider, age=age, coming=coming, order=order, at=at
        )
    slowness = {name: statistics.median(_times(ask, side, FEW)) for name, ask in asked.items()}
    middle = statistics.median(slowness.values())
    report.tell(Line(f"{len(asked)} combinations", f"median {middle:6.1f} ms"))
    for name in sorted(asked, key=lambda name: -slowness[name])[:_LOOKS]:
        report.tell(_at_most(f"slow: {name}", asked[name], side, COMBINATION))


def _at_most(name: str, ask: Ask, side: Side, bar: float) -> Line:
    times = sorted(_times(ask, side, ENOUGH))
    p95, median = times[18], statistics.median(times)
    return Line(name, f"median {median:6.1f} ms  p95 {p95:6.1f} ms", p95, bar)


def _times(ask: Ask, side: Side, rounds: int) -> list[float]:
    ask(side)
    return [ask(side) for _ in range(rounds)]
