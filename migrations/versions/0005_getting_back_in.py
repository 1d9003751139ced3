"""reset links, passwords handed over at the desk, and the address on file confirmed by code

Revision: 0005 after 0004
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Whoever signed up by an invitation had its link from the address on file; a change after that is unproven.
CONFIRMED = """
UPDATE account_person SET confirmed_email_key = (
    SELECT patient.email_key FROM patient
    WHERE patient.id = account_person.patient_id
      AND (patient.email_changed_at IS NULL OR patient.email_changed_at <= account_person.linked_at)
)
"""


def upgrade() -> None:
    op.add_column(
        "account_person", sa.Column("confirmed_email_key", sa.String(length=254), nullable=True)
    )
    op.execute(CONFIRMED)
    op.add_column("email_confirmation", sa.Column("patient_id", sa.BigInteger(), nullable=True))
    op.create_table(
        "password_reset",
        sa.Column("id", BIG, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("practice_id", BIG, nullable=False),
        sa.Column("patient_id", BIG, nullable=False),
        sa.Column("grant_id", BIG, nullable=False),
        sa.Column("account_id", BIG, nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("identity_failures", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'used', 'replaced', 'revoked', 'locked', 'failed')",
            name=op.f("ck_password_reset_state"),
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_password_reset_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_password_reset_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["access_grant.id"], name=op.f("fk_password_reset_grant_id_access_grant")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["portal_account.id"],
            name=op.f("fk_password_reset_account_id_portal_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_reset")),
        sa.UniqueConstraint("public_id", name=op.f("uq_password_reset_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_password_reset_token_hash")),
    )
    op.create_index(
        "uq_password_reset_open",
        "password_reset",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index(op.f("ix_password_reset_grant_id"), "password_reset", ["grant_id"])
    op.create_index(op.f("ix_password_reset_patient_id_id"), "password_reset", ["patient_id", "id"])
    op.create_table(
        "pending_reset",
        sa.Column("id", BIG, nullable=False),
        sa.Column("handle_hash", sa.String(length=64), nullable=False),
        sa.Column("reset_id", BIG, nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reset_id"], ["password_reset.id"], name=op.f("fk_pending_reset_reset_id_password_reset")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_reset")),
        sa.UniqueConstraint("handle_hash", name=op.f("uq_pending_reset_handle_hash")),
    )
    op.create_index(op.f("ix_pending_reset_expires_at"), "pending_reset", ["expires_at"])
    op.create_index(op.f("ix_pending_reset_reset_id"), "pending_reset", ["reset_id"])
    op.create_table(
        "one_time_password",
        sa.Column("account_id", BIG, autoincrement=False, nullable=False),
        sa.Column("grant_id", BIG, nullable=False),
        sa.Column("handed_over_at", UTCDateTime(), nullable=False),
        sa.Column("handed_over_by", sa.String(length=200), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("used_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["portal_account.id"],
            name=op.f("fk_one_time_password_account_id_portal_account"),
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"],
            ["access_grant.id"],
            name=op.f("fk_one_time_password_grant_id_access_grant"),
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_one_time_password")),
    )
    op.create_index(op.f("ix_one_time_password_grant_id"), "one_time_password", ["grant_id"])
    op.create_table(
        "account_event",
        sa.Column("id", BIG, nullable=False),
        sa.Column("grant_id", BIG, nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("once", sa.String(length=60), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["access_grant.id"], name=op.f("fk_account_event_grant_id_access_grant")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_event")),
        sa.UniqueConstraint("grant_id", "kind", "once", name=op.f("uq_account_event_grant_id_kind_once")),
    )
    op.create_index(op.f("ix_account_event_grant_id_at"), "account_event", ["grant_id", "at"])


def downgrade() -> None:
    op.drop_table("account_event")
    op.drop_table("one_time_password")
    op.drop_table("pending_reset")
    op.drop_table("password_reset")
    op.drop_column("email_confirmation", "patient_id")
    op.drop_column("account_person", "confirmed_email_key")
