"""Patients as the practice's records know them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.columns import PrimaryKey, PublicId, folded
from portal.extensions import Model
from portal.practices.models import Practice, Provider


class Patient(Model):
    """A person with a chart at one practice."""

    __tablename__ = "patient"
    __table_args__ = (
        UniqueConstraint("practice_id", "record_number"),
        Index(None, "practice_id", "sort_name", "id"),
        Index(None, "practice_id", "email_key"),
        Index(None, "practice_id", "birth_date"),
        Index(
            None,
            "end_date",
            sqlite_where=text("end_date IS NOT NULL"),
            postgresql_where=text("end_date IS NOT NULL"),
        ),
        Index(
            "ix_patient_deceased",
            "id",
            sqlite_where=text("deceased = 1"),
            postgresql_where=text("deceased"),
        ),
        CheckConstraint("language IN ('en', 'es')", name="language"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    record_number: Mapped[str] = mapped_column(String(120))
    given_name: Mapped[str] = mapped_column(String(120), insert_default="")
    middle_name: Mapped[str] = mapped_column(String(120), insert_default="")
    family_name: Mapped[str] = mapped_column(String(120), insert_default="")
    preferred_name: Mapped[str] = mapped_column(String(120), insert_default="")
    sort_name: Mapped[str] = mapped_column(folded(260))
    """"family given" without accents or case: the order of lists."""
    birth_date: Mapped[date | None]
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(folded(254))
    """The address for look-ups: NFC, ASCII letters lower-cased, nothing else folded."""
    email_flagged: Mapped[bool] = mapped_column(insert_default=False)
    """A placeholder such as test@test.com: kept, not mailed in bulk (security.md)."""
    email_bounced_at: Mapped[datetime | None]
    email_bounce_reason: Mapped[str | None] = mapped_column(String(40))
    email_changed_at: Mapped[datetime | None]
    resets_blocked_until: Mapped[datetime | None]
    """Password resets to a changed address wait 24 hours (3.7)."""
    ssn_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    ssn_match: Mapped[str | None] = mapped_column(String(64))
    """Keyed hash of the nine digits, for the identity check."""
    street: Mapped[str] = mapped_column(String(200), insert_default="")
    city: Mapped[str] = mapped_column(String(120), insert_default="")
    region: Mapped[str] = mapped_column(String(60), insert_default="")
    postal_code: Mapped[str] = mapped_column(String(20), insert_default="")
    country: Mapped[str] = mapped_column(String(60), insert_default="")
    language: Mapped[str | None] = mapped_column(String(2))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"), index=True)
    end_date: Mapped[date | None]
    """The first day without access, practice's time zone (10.1)."""
    deceased: Mapped[bool] = mapped_column(insert_default=False)
    deceased_on: Mapped[date | None]
    opted_out_at: Mapped[datetime | None]
    balance_cents: Mapped[int | None]
    """What the records that were imported say is owed, in hundredths; shown to staff as a warning only (4.1)."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    practice: Mapped[Practice] = relationship()
    provider: Mapped[Provider | None] = relationship()
    phones: Mapped[list[PatientPhone]] = relationship(
        order_by="PatientPhone.position", cascade="all, delete-orphan", back_populates="patient"
    )
    search_words: Mapped[list[SearchWord]] = relationship(cascade="all, delete-orphan")

    @property
    def mail_language(self) -> str:
        """In which the patient is written to."""
        return self.language or self.practice.default_language


class PatientPhone(Model):
    """A phone number on file; any of them serves the identity check (8.4)."""

    __tablename__ = "patient_phone"
    __table_args__ = (
        UniqueConstraint("patient_id", "e164"),
        CheckConstraint("kind IN ('mobile', 'home', 'work', 'other')", name="kind"),
        Index(None, "practice_id", "e164"),
    )

    id: Mapped[PrimaryKey]
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patient.id", ondelete="CASCADE"), index=True
    )
    kind: Mapped[str] = mapped_column(String(10))
    e164: Mapped[str] = mapped_column(String(20))
    extension: Mapped[str | None] = mapped_column(String(10))
    position: Mapped[int]

    patient: Mapped[Patient] = relationship(back_populates="phones")


class SearchWord(Model):
    """One folded word of a patient's names, so that any order of words is found by index alone."""

    __tablename__ = "patient_search_word"
    __table_args__ = (Index(None, "practice_id", "word", "patient_id"),)

    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True
    )
    word: Mapped[str] = mapped_column(folded(120), primary_key=True)
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))


class BlockedAddress(Model):
    """An address that is not to be written to for this chart any more ("This is not me", 8.13)."""

    __tablename__ = "blocked_address"

    patient_id: Mapped[int] = mapped_column(
        ForeignKey("patient.id", ondelete="CASCADE"), primary_key=True
    )
    email_key: Mapped[str] = mapped_column(String(254), primary_key=True)
    blocked_at: Mapped[datetime]


class StoredSearch(Model):
    """What a staff member searched for, so that no name stands in an address; forgotten after a day."""

    __tablename__ = "stored_search"
    __table_args__ = (Index(None, "created_at"),)

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    staff_member_id: Mapped[int] = mapped_column(ForeignKey("staff_member.id"), index=True)
    text: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
