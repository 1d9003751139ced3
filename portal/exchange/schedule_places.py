"""The practice's offices and providers by the names that a file gives them; those it lacks are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from portal.audit.actor import Actor
from portal.exchange.upsert import Providers as ByWords
from portal.practices import service as practices
from portal.practices.models import Practice
from portal.schedule import incoming, lists


class Place(NamedTuple):
    """An office."""

    number: int
    zone: str


_NOT_MADE = -1
"""Stands, in a dry run, for what would be made."""


@dataclass(slots=True)
class Places:
    """The offices of a practice."""

    practice_id: int
    zone: str
    """The practice's, which is that of new offices."""
    make: bool
    """False: nothing is made, as in a dry run."""
    added: int = 0
    _first: Place | None = None
    _known: dict[str, Place] = field(default_factory=dict)

    def at(self, name: str | None) -> Place:
        """The office of that name; the practice's first where the file tells none."""
        if name is None:
            self._first = self._first or self._usual()
            return self._first
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def _usual(self) -> Place:
        offices = lists.offices(self.practice_id)
        return Place(offices[0].id, offices[0].time_zone) if offices else self._find("Main office")

    def _find(self, name: str) -> Place:
        held = incoming.find_office(self.practice_id, name)
        if held is None:
            self.added += 1
            if not self.make:
                return Place(_NOT_MADE, self.zone)
            held = lists.office_named(self.practice_id, name, self.zone)
        return Place(held.id, held.time_zone)


class Providers:
    """The providers of a practice. A file's numbers for them are not kept: their names tell them apart."""

    def __init__(self, practice: Practice, *, by: Actor, now: datetime, make: bool) -> None:
        self._practice, self._by, self._now, self._make = practice, by, now, make
        held = [(p.id, p.name) for p in practices.providers(practice_id=practice.id)]
        self._known: dict[str, int] = {name: number for number, name in held}
        self._words = ByWords.of(held, default_id=None)
        self.added = 0

    def called(self, name: str | None) -> int | None:
        """The number of the provider who is called so, with or without title."""
        if name is None:
            return None
        if name not in self._known:
            held = self._words.find(name)
            self._known[name] = self._add(name) if held is None else held
        return self._known[name]

    def _add(self, name: str) -> int:
        self.added += 1
        if not self._make:
            return _NOT_MADE
        provider = practices.add_provider(
            practice=self._practice,
            name=name,
            shares_patients=False,
            staff=None,
            by=self._by,
            now=self._now,
        )
        return provider.id
