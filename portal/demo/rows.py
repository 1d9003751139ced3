"""Rows on their way into the database: collected, then inserted table by table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from portal.access.models import Grant
from portal.accounts.models import AccountPerson, PortalAccount
from portal.attention.models import AttentionItem
from portal.extensions import Model, db
from portal.invitations.models import Invitation
from portal.people.models import BlockedAddress, Patient, PatientPhone, SearchWord
from portal.roster import service as roster
from portal.rows import Values, insert_rows, reserve
from portal.transaction import atomic

_ORDER: tuple[type[Model], ...] = (
    Patient,
    PatientPhone,
    SearchWord,
    BlockedAddress,
    Grant,
    Invitation,
    PortalAccount,
    AccountPerson,
    AttentionItem,
)
"""A row stands after those it points to."""
_NUMBERED = {Patient: 1, Grant: 2, Invitation: 1, PortalAccount: 1}
"""The tables whose numbers must be known beforehand, and how many rows a patient has there at most."""


class Rows:
    """The rows of one chunk, inside ``atomic()``."""

    def __init__(self, *, patients: int) -> None:
        self._rows: dict[type[Model], list[Values]] = {model: [] for model in _ORDER}
        self._numbers = {
            model: reserve(model, most * patients) for model, most in _NUMBERED.items()
        }

    def add(self, model: type[Model], **values: Any) -> None:
        """One more row. All rows of a table name the same columns, and every one that has a default."""
        self._rows[model].append(values)

    def number(self, model: type[Model]) -> int:
        """A number that no other row of the table has or will get."""
        return next(self._numbers[model])

    def insert(self) -> None:
        """Write them all."""
        for model, rows in self._rows.items():
            insert_rows(model, rows)

    def written(self, model: type[Model]) -> tuple[int, int]:
        """The lowest and the highest number that was used in the table; (0, 0) for none."""
        numbers = [row["id"] for row in self._rows[model]]
        return min(numbers, default=0), max(numbers, default=0)


def analyze() -> None:
    """Let the database look at what it holds now, in a transaction of its own.

    Without that SQLite plans a search among a million as if they were a few: 4 seconds, not 20 ms.
    """
    with atomic():
        if db.engine.dialect.name == "sqlite":
            db.session.execute(text("PRAGMA analysis_limit = 1000"))
        db.session.execute(text("ANALYZE"))
    roster.analyze()
