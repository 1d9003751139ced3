"""Where somebody is in the Onboarding Tool: its filters, order and page, as they stand in its address.

A form of the list carries the same text in the hidden field ``back``, so that without JavaScript its answer
leads back to where it was sent from. Only known keys are read, and they hold codes and random ids: never a
name, never an address of another site.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from flask import url_for

from portal.roster.rows import Cursor
from portal.roster.rules import AgeBand, NextAppointment, Order, Pill
from portal.staff.ids import public_id_in

BACK = "back"
_LONGEST = 500
_CURSOR = re.compile(r"(after|before)\.[\w-]{1,22}\.[\w:+-]{0,40}", re.ASCII)

Code = TypeVar("Code", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Place:
    """One page of the list, under its filters."""

    pill: Pill = Pill.ALL
    provider: str = ""
    """Public id; empty for all."""
    age: AgeBand | None = None
    next: NextAppointment | None = None
    order: Order = Order.NAME
    search: str = ""
    """The id of a stored search; empty without one."""
    cursor: Cursor | None = None

    @classmethod
    def read(cls, values: Mapping[str, str]) -> Place:
        """The place of an address; what is not known, or cannot be, is left out."""
        at = values.get("at", "")
        return cls(
            pill=_code(Pill, values.get("pill")) or Pill.ALL,
            provider=public_id_in(values.get("provider")),
            age=_code(AgeBand, values.get("age")),
            next=_code(NextAppointment, values.get("next")),
            order=_code(Order, values.get("sort")) or Order.NAME,
            search=public_id_in(values.get("s")),
            cursor=Cursor.parse(at) if _CURSOR.fullmatch(at) else None,
        )

    @classmethod
    def of_back(cls, text: str) -> Place:
        """The place that a form's field ``back`` names."""
        return cls.read(dict(parse_qsl(text[:_LONGEST])))

    def __str__(self) -> str:
        """What the field ``back`` holds."""
        return urlencode(self.query)

    @property
    def query(self) -> dict[str, str]:
        """The part of the address after the question mark; what is as usual is left out."""
        every = {
            "pill": "" if self.pill is Pill.ALL else self.pill.value,
            "provider": self.provider,
            "age": self.age.value if self.age else "",
            "next": self.next.value if self.next else "",
            "sort": "" if self.order is Order.NAME else self.order.value,
            "s": self.search,
            "at": str(self.cursor) if self.cursor else "",
        }
        return {key: value for key, value in every.items() if value}

    def url(self, *, row: str = "") -> str:
        """The address; with ``row``, a patient's public id, that of their row in it."""
        anchor = f"row-{row}" if row else None
        values: dict[str, Any] = dict(self.query)
        return url_for("staff.onboarding", _anchor=anchor, **values)


def _code(kind: type[Code], text: str | None) -> Code | None:
    return kind(text) if text in {code.value for code in kind} else None
