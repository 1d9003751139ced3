"""Who was ticked in the list: a snapshot that the server keeps, so that an act reaches exactly those."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model


class Selection(Model):
    """The patients that one log-on has ticked. It goes with the log-on, or when an act has used it."""

    __tablename__ = "selection"
    __table_args__ = (Index(None, "made_at"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    logon_id: Mapped[int | None] = mapped_column(
        ForeignKey("logon.id", ondelete="SET NULL"), unique=True
    )
    """None: it was cleared or used, and the sweep takes it away."""
    number: Mapped[int] = mapped_column(insert_default=0)
    """How many are in it; moved in the commit that moves them."""
    made_at: Mapped[datetime]


class SelectionItem(Model):
    """One patient of a selection."""

    __tablename__ = "selection_item"
    __table_args__ = ({"sqlite_with_rowid": False},)

    selection_id: Mapped[int] = mapped_column(
        ForeignKey("selection.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
