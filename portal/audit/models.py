"""The tables of the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.columns import PrimaryKey
from portal.extensions import Model


class AuditEvent(Model):
    """One thing that happened. Rows are only ever added (a trigger refuses the rest)."""

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("practice_id", "sequence"),
        Index(None, "practice_id", "subject_kind", "subject_id"),
    )

    id: Mapped[PrimaryKey]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    sequence: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]
    event: Mapped[str] = mapped_column(String(40))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[int | None] = mapped_column(BigInteger)
    actor_name: Mapped[str] = mapped_column(String(200))
    client: Mapped[str | None] = mapped_column(String(64))
    subject_kind: Mapped[str | None] = mapped_column(String(20))
    subject_id: Mapped[int | None] = mapped_column(BigInteger)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class AuditChain(Model):
    """The end of a practice's chain: the row that is locked to append."""

    __tablename__ = "audit_chain"

    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
