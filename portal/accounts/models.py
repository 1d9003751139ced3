"""Portal accounts: installation-wide, with links to the charts they may read."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.columns import PrimaryKey, PublicId
from portal.extensions import Model
from portal.people.models import Patient
from portal.practices.models import Provider


class Relationship(StrEnum):
    """How the account's holder stands to the person whose chart it is. Others come with caregivers (9)."""

    SELF = "self"


class PortalAccount(Model):
    """One log-on for one human being; may hold people of several practices (8.3)."""

    __tablename__ = "portal_account"
    __table_args__ = (
        Index(None, "email_key"),
        CheckConstraint("username = lower(username)", name="username_lower"),
    )

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    username: Mapped[str] = mapped_column(String(64), unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    first_name: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(2))
    email: Mapped[str] = mapped_column(String(254))
    """Empty where none is known: credentials were handed over at the desk."""
    email_key: Mapped[str] = mapped_column(String(254))
    email_confirmed_at: Mapped[datetime | None]
    """None: typed at sign-up, not the one on file, and not used for anything until confirmed by code."""
    created_at: Mapped[datetime]

    people: Mapped[list[AccountPerson]] = relationship(back_populates="account")


class AccountPerson(Model):
    """That an account may read one person's chart."""

    __tablename__ = "account_person"
    __table_args__ = (
        Index(
            "uq_account_person_self",
            "account_id",
            "practice_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL AND relationship = 'self'"),
            postgresql_where=text("ended_at IS NULL AND relationship = 'self'"),
        ),
        Index(
            "uq_account_person_patient",
            "patient_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL AND relationship = 'self'"),
            postgresql_where=text("ended_at IS NULL AND relationship = 'self'"),
        ),
        CheckConstraint("relationship IN ('self')", name="relationship"),
    )

    id: Mapped[PrimaryKey]
    account_id: Mapped[int] = mapped_column(ForeignKey("portal_account.id"), index=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("patient.id"), index=True)
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    provider_id: Mapped[int | None] = mapped_column(ForeignKey("provider.id"))
    """The provider this person is associated with through the invitation (8.5)."""
    relationship_: Mapped[str] = mapped_column("relationship", String(10))
    linked_at: Mapped[datetime]
    confirmed_email_key: Mapped[str | None] = mapped_column(String(254))
    """The address on file that this person has shown to read: by the invitation's link, or by a code (3.7)."""
    ended_at: Mapped[datetime | None]

    account: Mapped[PortalAccount] = relationship(back_populates="people")
    patient: Mapped[Patient] = relationship()
    provider: Mapped[Provider | None] = relationship()


class PendingSignUp(Model):
    """What was typed on the sign-up page, until the identity check is passed; dies after 30 minutes.

    Either a new account's fields, or (``account_id``) the account that the holder has logged on to.
    """

    __tablename__ = "pending_sign_up"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) = (username IS NOT NULL)", name="new_or_existing"),
        Index(None, "expires_at"),
    )

    id: Mapped[PrimaryKey]
    handle_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """The hash of the door's handle: one pending sign-up per opened link and browser."""
    invitation_id: Mapped[int] = mapped_column(ForeignKey("invitation.id"), index=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("portal_account.id"))
    first_name: Mapped[str | None] = mapped_column(String(120))
    email: Mapped[str | None] = mapped_column(String(254))
    username: Mapped[str | None] = mapped_column(String(64))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    language: Mapped[str] = mapped_column(String(2))
    expires_at: Mapped[datetime]


class EmailConfirmation(Model):
    """A code on its way to an address; the account's holder shows with it that they read mail there."""

    __tablename__ = "email_confirmation"

    id: Mapped[PrimaryKey]
    public_id: Mapped[PublicId]
    account_id: Mapped[int] = mapped_column(ForeignKey("portal_account.id"), index=True)
    practice_id: Mapped[int] = mapped_column(ForeignKey("practice.id"))
    patient_id: Mapped[int | None] = mapped_column(BigInteger)
    """Whose address on file it is (3.7), as an internal number; None for the account's own address."""
    email: Mapped[str] = mapped_column(String(254))
    nonce: Mapped[str] = mapped_column(String(43))
    """The code is a keyed hash of this, so that a repeat of the mail carries the same code."""
    failures: Mapped[int] = mapped_column(insert_default=0)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
