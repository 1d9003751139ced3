"""The roster's rows, one for each patient, and its counters. Everything in them follows from other tables."""

from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import ForeignKey, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import folded
from portal.extensions import Model

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for "not invited", where the latest come first."""


_FILTERED = ("provider_id", "birth_date")
"""Stand at the end of an index, so that who is filtered out is passed over within it."""


def _by_name_where(flag: str) -> Index:
    return Index(
        f"ix_roster_row_{flag}",
        "practice_id",
        "sort_name",
        "patient_id",
        *_FILTERED,
        sqlite_where=text(f"{flag} = 1"),
        postgresql_where=text(flag),
    )


def _coming(name: str, *order: str) -> Index:
    """Who has an appointment to come, in one of the list's orders: when it is is looked at within the index."""
    passed_over = ("next_appointment_at", *_FILTERED, *(() if "status" in order else ("status",)))
    return Index(
        f"ix_roster_row_next_{name}",
        "practice_id",
        *order,
        *passed_over,
        sqlite_where=text("next_appointment_at IS NOT NULL"),
        postgresql_where=text("next_appointment_at IS NOT NULL"),
    )


def _missing(*order: str) -> Index:
    """Where data is missing, in another order than by name."""
    return Index(
        f"ix_roster_row_missing_{order[0]}",
        "practice_id",
        *order,
        sqlite_where=text("missing = 1"),
        postgresql_where=text("missing"),
    )


class RosterRow(Model):
    """What the list of patients is filtered and sorted by. Only :mod:`portal.roster.service` writes it.

    Each index ends in the order of a list, so that any page is a walk along it.
    """

    __tablename__ = "roster_row"
    __table_args__ = (
        Index("ix_roster_row_name", "practice_id", "sort_name", "patient_id"),
        Index(
            "ix_roster_row_status", "practice_id", "status", "sort_name", "patient_id", *_FILTERED
        ),
        Index("ix_roster_row_invited_at", "practice_id", "invited_at", "patient_id"),
        Index(
            "ix_roster_row_status_invited_at",
            "practice_id",
            "status",
            "invited_at",
            "patient_id",
            *_FILTERED,
            "expired",
        ),
        Index("ix_roster_row_provider", "practice_id", "provider_id", "sort_name", "patient_id"),
        _by_name_where("expired"),
        _by_name_where("bounced"),
        _by_name_where("missing"),
        _missing("status", "sort_name", "patient_id", *_FILTERED),
        _missing("invited_at", "patient_id"),
        _coming("name", "sort_name", "patient_id"),
        _coming("status", "status", "sort_name", "patient_id"),
        _coming("invited_at", "invited_at", "patient_id"),
        Index(
            "ix_roster_row_changes_at",
            "changes_at",
            sqlite_where=text("changes_at IS NOT NULL"),
            postgresql_where=text("changes_at IS NOT NULL"),
        ),
    )

    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    sort_name: Mapped[str] = mapped_column(folded(260))
    birth_date: Mapped[date | None]
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))
    status: Mapped[int] = mapped_column(SmallInteger)
    """The place of the status in :data:`portal.roster.rules.STATUSES`."""
    expired: Mapped[bool]
    """Invited, and no link that is out there works any more."""
    bounced: Mapped[bool]
    missing: Mapped[bool]
    """Identifiers that an invitation needs are not on file (2.1)."""
    invited_at: Mapped[datetime]
    """When the patient was first invited under the current grant; :data:`NEVER`, of who is not enabled, too."""
    next_appointment_at: Mapped[datetime | None]
    """The start of the first one to come that was not cancelled."""
    last_visit_at: Mapped[datetime | None]
    """The start of the last one that was completed."""
    changes_at: Mapped[datetime | None]
    """When the clock alone will change the row; the sweep looks after it then."""


class RosterCount(Model):
    """How many patients of a practice one pill holds; moved in the commit that moves a patient."""

    __tablename__ = "roster_count"

    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"), primary_key=True)
    pill: Mapped[str] = mapped_column(String(12), primary_key=True)
    number: Mapped[int]
