"""The Onboarding Tool around its rows: pills with exact counts, filters, what it says it shows, neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from portal.access.rules import Status
from portal.practices.models import Provider
from portal.roster.rows import RosterPage
from portal.roster.rules import AgeBand, NextAppointment, Order, Pill
from portal.staff.place import Place
from portal.staff.presenters.onboarding_row import OnboardingRow
from portal.staff.presenters.selection import SelectionView
from portal.staff.presenters.status import status_view
from portal.staff.presenters.watch import Watch, watch

_WORDS = {
    Pill.ALL: _l("All"),
    Pill.EXPIRED: _l("Expired"),
    Pill.BOUNCED: _l("Bounced"),
    Pill.MISSING: _l("Missing data"),
}
_AGES = {
    AgeBand.CHILD: _l("0 to 12 years"),
    AgeBand.TEEN: _l("13 to 17 years"),
    AgeBand.ADULT: _l("18 to 64 years"),
    AgeBand.SENIOR: _l("65 years and older"),
}
_NEXT = {
    NextAppointment.TODAY: _l("Today"),
    NextAppointment.WEEK: _l("Within 7 days"),
    NextAppointment.MONTH: _l("Within 30 days"),
    NextAppointment.NONE: _l("None"),
}
_ORDERS = {
    Order.NAME: _l("Name"),
    Order.STATUS: _l("Portal status"),
    Order.INVITED_ON: _l("Invited on"),
}
SIZES = (25, 50, 100)


@dataclass(frozen=True, slots=True)
class PillView:
    """A filter with its exact count."""

    label: str
    count: str
    url: str
    current: bool
    tone: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a select box."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """The boxes beside the search."""

    providers: tuple[Choice, ...]
    ages: tuple[Choice, ...]
    nexts: tuple[Choice, ...]
    orders: tuple[Choice, ...]
    sizes: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class OnboardingList:
    """A page of the list, and what it says above itself."""

    rows: tuple[OnboardingRow, ...]
    summary: str
    """Empty where the pill says it already."""
    text: str
    place: Place
    selected: SelectionView
    watch: Watch
    next_url: str | None
    previous_url: str | None
    all_url: str
    """Everybody, in the same order; empty when that is what is shown."""


def pills(counts: Mapping[Pill, int], place: Place) -> list[PillView]:
    """Each pill; a click keeps the order, and lets search and other filters go: its number is the practice's."""
    return [
        PillView(
            label=_label(pill),
            count=_number(counts[pill]),
            url=Place(pill=pill, order=place.order).url(),
            current=pill is place.pill,
            tone=status_view(Status(pill.value)).tone if pill not in _WORDS else "",
        )
        for pill in Pill
    ]


def filters(place: Place, *, providers: Sequence[Provider], size: int) -> Filters:
    """What the list can be narrowed by, and how it is shown."""
    everybody = Choice("", _("All providers"), not place.provider)
    any_age = Choice("", _("Any age"), place.age is None)
    return Filters(
        providers=(
            everybody,
            *(Choice(p.public_id, p.name, p.public_id == place.provider) for p in providers),
        ),
        ages=(any_age, *(Choice(a, str(w), a is place.age) for a, w in _AGES.items())),
        nexts=(
            Choice("", _("Any"), place.next is None),
            *(Choice(n, str(w), n is place.next) for n, w in _NEXT.items()),
        ),
        orders=tuple(Choice(o, str(w), o is place.order) for o, w in _ORDERS.items()),
        sizes=tuple(Choice(str(n), _("%(num)s rows", num=n), n == size) for n in SIZES),
    )


def listed(
    page: RosterPage,
    rows: Sequence[OnboardingRow],
    *,
    place: Place,
    text: str,
    selected: SelectionView,
    matching: tuple[int, bool],
) -> OnboardingList:
    """A page; ``matching`` is how many there are under its filters, and whether there are more than that."""
    everybody = Place(order=place.order)
    narrowed = bool(place.search or place.provider or place.age or place.next)
    return OnboardingList(
        rows=tuple(rows),
        summary=_summary(text, *matching) if narrowed else "",
        text=text,
        place=place,
        selected=selected,
        watch=watch(),
        next_url=replace(place, cursor=page.next).url() if page.next else None,
        previous_url=replace(place, cursor=page.previous).url() if page.previous else None,
        all_url="" if replace(place, cursor=None) == everybody else everybody.url(),
    )


def news_words(rows: Sequence[OnboardingRow]) -> str:
    """What a screen reader is told of rows that changed by themselves."""
    if len(rows) == 1:
        return f"{rows[0].who}: {rows[0].status.word}"
    return ngettext("%(num)s patient has changed", "%(num)s patients have changed", len(rows))


def _label(pill: Pill) -> str:
    return str(_WORDS[pill]) if pill in _WORDS else status_view(Status(pill.value)).word


def _number(number: int) -> str:
    return f"{number:,}"


def _summary(text: str, number: int, more: bool) -> str:
    count = _number(number)
    if more:
        if text:
            return _("%(count)s+ patients for “%(text)s”", count=count, text=text)
        return _("%(count)s+ patients", count=count)
    if text:
        return ngettext(
            "%(num)s patient for “%(text)s”", "%(num)s patients for “%(text)s”", number, text=text
        )
    return ngettext("%(count)s patient", "%(count)s patients", number, count=count)
