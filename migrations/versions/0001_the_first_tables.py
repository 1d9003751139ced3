"""the first tables

Revision: 0001 after
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "limit_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scope", sa.String(length=30), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_limit_event")),
    )
    op.create_index(op.f("ix_limit_event_at"), "limit_event", ["at"], unique=False)
    op.create_index(
        op.f("ix_limit_event_scope_key_at"), "limit_event", ["scope", "key", "at"], unique=False
    )
    op.create_table(
        "logon",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.Column("client", sa.String(length=64), nullable=True),
        sa.CheckConstraint("side IN ('staff', 'portal')", name=op.f("ck_logon_side")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_logon")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_logon_token_hash")),
    )
    op.create_index(
        op.f("ix_logon_side_subject_id_ended_at"),
        "logon",
        ["side", "subject_id", "ended_at"],
        unique=False,
    )
    op.create_table(
        "logon_streak",
        sa.Column("scope", sa.String(length=30), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", UTCDateTime(), nullable=False),
        sa.Column("blocked_until", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_logon_streak")),
    )
    op.create_table(
        "mail_server_trouble",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("since", UTCDateTime(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("probe_at", UTCDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("server_said", sa.String(length=200), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_mail_server_trouble_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_server_trouble")),
    )
    op.create_table(
        "portal_account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("first_name", sa.String(length=120), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("email_confirmed_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "username = lower(username)", name=op.f("ck_portal_account_username_lower")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portal_account")),
        sa.UniqueConstraint("public_id", name=op.f("uq_portal_account_public_id")),
        sa.UniqueConstraint("username", name=op.f("uq_portal_account_username")),
    )
    op.create_index(
        op.f("ix_portal_account_email_key"), "portal_account", ["email_key"], unique=False
    )
    op.create_table(
        "practice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("default_language", sa.String(length=2), nullable=False),
        sa.Column("invitation_days", sa.Integer(), nullable=False),
        sa.Column("sender_name", sa.String(length=120), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "default_language IN ('en', 'es')", name=op.f("ck_practice_default_language")
        ),
        sa.CheckConstraint(
            "invitation_days BETWEEN 1 AND 90", name=op.f("ck_practice_invitation_days")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice")),
        sa.UniqueConstraint("name", name=op.f("uq_practice_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_practice_public_id")),
    )
    op.create_table(
        "sweep_lease",
        sa.Column("name", sa.String(length=30), nullable=False),
        sa.Column("holder", sa.String(length=22), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sweep_lease")),
    )
    op.create_table(
        "audit_chain",
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_audit_chain_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("practice_id", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("actor_kind", sa.String(length=10), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=True),
        sa.Column("subject_kind", sa.String(length=20), nullable=True),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_audit_event_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
        sa.UniqueConstraint(
            "practice_id", "sequence", name=op.f("uq_audit_event_practice_id_sequence")
        ),
    )
    op.create_index(
        op.f("ix_audit_event_practice_id_subject_kind_subject_id"),
        "audit_event",
        ["practice_id", "subject_kind", "subject_id"],
        unique=False,
    )
    op.create_table(
        "email_confirmation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["portal_account.id"],
            name=op.f("fk_email_confirmation_account_id_portal_account"),
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_email_confirmation_practice_id_practice"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_confirmation")),
        sa.UniqueConstraint("public_id", name=op.f("uq_email_confirmation_public_id")),
    )
    op.create_index(
        op.f("ix_email_confirmation_account_id"), "email_confirmation", ["account_id"], unique=False
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("purpose", sa.String(length=30), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("address_key", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("message_id", sa.String(length=280), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("next_attempt_at", UTCDateTime(), nullable=False),
        sa.Column("lease", sa.String(length=22), nullable=True),
        sa.Column("leased_until", UTCDateTime(), nullable=True),
        sa.Column("handed_over_at", UTCDateTime(), nullable=True),
        sa.Column("doubtful_tries", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("server_said", sa.String(length=200), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'sending') = (lease IS NOT NULL)",
            name=op.f("ck_outbox_message_leased_while_sending"),
        ),
        sa.CheckConstraint(
            "kind IN ('staff', 'self_service', 'security')", name=op.f("ck_outbox_message_kind")
        ),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'accepted', 'failed', 'unknown', 'cancelled')",
            name=op.f("ck_outbox_message_state"),
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_outbox_message_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("message_id", name=op.f("uq_outbox_message_message_id")),
        sa.UniqueConstraint("public_id", name=op.f("uq_outbox_message_public_id")),
    )
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["next_attempt_at", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_outbox_message_leased",
        "outbox_message",
        ["leased_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        op.f("ix_outbox_message_practice_id_address_key_due_at"),
        "outbox_message",
        ["practice_id", "address_key", "due_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_outbox_message_purpose_subject_id"),
        "outbox_message",
        ["purpose", "subject_id"],
        unique=False,
    )
    op.create_table(
        "staff_member",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "role IN ('front_desk', 'provider', 'administrator')", name=op.f("ck_staff_member_role")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_staff_member_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_member")),
        sa.UniqueConstraint("email_key", name=op.f("uq_staff_member_email_key")),
        sa.UniqueConstraint("public_id", name=op.f("uq_staff_member_public_id")),
    )
    op.create_index(
        op.f("ix_staff_member_practice_id"), "staff_member", ["practice_id"], unique=False
    )
    op.create_table(
        "notice_acknowledgement",
        sa.Column(
            "staff_member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("acknowledged_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_member_id"],
            ["staff_member.id"],
            name=op.f("fk_notice_acknowledgement_staff_member_id_staff_member"),
        ),
        sa.PrimaryKeyConstraint(
            "staff_member_id", "version", name=op.f("pk_notice_acknowledgement")
        ),
    )
    op.create_table(
        "provider",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("shares_patients", sa.Boolean(), nullable=False),
        sa.Column(
            "staff_member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_provider_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["staff_member_id"],
            ["staff_member.id"],
            name=op.f("fk_provider_staff_member_id_staff_member"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider")),
        sa.UniqueConstraint("practice_id", "name", name=op.f("uq_provider_practice_id_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_provider_public_id")),
        sa.UniqueConstraint("staff_member_id", name=op.f("uq_provider_staff_member_id")),
    )
    op.create_index(op.f("ix_provider_practice_id"), "provider", ["practice_id"], unique=False)
    op.create_table(
        "stored_search",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "staff_member_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_member_id"],
            ["staff_member.id"],
            name=op.f("fk_stored_search_staff_member_id_staff_member"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_search")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stored_search_public_id")),
    )
    op.create_index(
        op.f("ix_stored_search_created_at"), "stored_search", ["created_at"], unique=False
    )
    op.create_index(
        op.f("ix_stored_search_staff_member_id"), "stored_search", ["staff_member_id"], unique=False
    )
    op.create_table(
        "patient",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("record_number", sa.String(length=120), nullable=False),
        sa.Column("given_name", sa.String(length=120), nullable=False),
        sa.Column("middle_name", sa.String(length=120), nullable=False),
        sa.Column("family_name", sa.String(length=120), nullable=False),
        sa.Column("preferred_name", sa.String(length=120), nullable=False),
        sa.Column(
            "sort_name",
            sa.String(length=260).with_variant(sa.String(length=260, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column(
            "email_key",
            sa.String(length=254).with_variant(sa.String(length=254, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("email_flagged", sa.Boolean(), nullable=False),
        sa.Column("email_bounced_at", UTCDateTime(), nullable=True),
        sa.Column("email_bounce_reason", sa.String(length=40), nullable=True),
        sa.Column("email_changed_at", UTCDateTime(), nullable=True),
        sa.Column("resets_blocked_until", UTCDateTime(), nullable=True),
        sa.Column("ssn_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("ssn_match", sa.String(length=64), nullable=True),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=120), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("postal_code", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=60), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column(
            "provider_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("deceased", sa.Boolean(), nullable=False),
        sa.Column("deceased_on", sa.Date(), nullable=True),
        sa.Column("opted_out_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("language IN ('en', 'es')", name=op.f("ck_patient_language")),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_patient_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_patient_provider_id_provider")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
        sa.UniqueConstraint(
            "practice_id", "record_number", name=op.f("uq_patient_practice_id_record_number")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_patient_public_id")),
    )
    op.create_index(
        op.f("ix_patient_practice_id_birth_date"),
        "patient",
        ["practice_id", "birth_date"],
        unique=False,
    )
    op.create_index(
        op.f("ix_patient_practice_id_email_key"),
        "patient",
        ["practice_id", "email_key"],
        unique=False,
    )
    op.create_index(
        op.f("ix_patient_practice_id_sort_name_id"),
        "patient",
        ["practice_id", "sort_name", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_patient_provider_id"), "patient", ["provider_id"], unique=False)
    op.create_table(
        "access_grant",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("enabled_at", UTCDateTime(), nullable=False),
        sa.Column("enabled_by_name", sa.String(length=200), nullable=False),
        sa.Column(
            "enabled_by_staff_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("invited_at", UTCDateTime(), nullable=True),
        sa.Column("activated_at", UTCDateTime(), nullable=True),
        sa.Column("first_logon_at", UTCDateTime(), nullable=True),
        sa.Column("existing_account_since", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("ended_by_name", sa.String(length=200), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "end_reason IN ('revoked', 'disabled', 'email_changed', 'not_me', 'identity_locked', 'end_dated', 'deceased')",
            name=op.f("ck_access_grant_end_reason"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)",
            name=op.f("ck_access_grant_ended_with_reason"),
        ),
        sa.CheckConstraint(
            "first_logon_at IS NULL OR activated_at IS NOT NULL OR existing_account_since IS NOT NULL",
            name=op.f("ck_access_grant_logon_needs_account"),
        ),
        sa.ForeignKeyConstraint(
            ["enabled_by_staff_id"],
            ["staff_member.id"],
            name=op.f("fk_access_grant_enabled_by_staff_id_staff_member"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_access_grant_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_access_grant_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
        sa.UniqueConstraint("public_id", name=op.f("uq_access_grant_public_id")),
    )
    op.create_index(
        op.f("ix_access_grant_patient_id_enabled_at"),
        "access_grant",
        ["patient_id", "enabled_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_access_grant_practice_id"), "access_grant", ["practice_id"], unique=False
    )
    op.create_index(
        "uq_access_grant_current",
        "access_grant",
        ["patient_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "account_person",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "provider_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("relationship", sa.String(length=10), nullable=False),
        sa.Column("linked_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("relationship IN ('self')", name=op.f("ck_account_person_relationship")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["portal_account.id"],
            name=op.f("fk_account_person_account_id_portal_account"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_account_person_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_account_person_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_account_person_provider_id_provider")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_person")),
    )
    op.create_index(
        op.f("ix_account_person_account_id"), "account_person", ["account_id"], unique=False
    )
    op.create_index(
        "uq_account_person_patient",
        "account_person",
        ["patient_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND relationship = 'self'"),
        postgresql_where=sa.text("ended_at IS NULL AND relationship = 'self'"),
    )
    op.create_index(
        "uq_account_person_self",
        "account_person",
        ["account_id", "practice_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL AND relationship = 'self'"),
        postgresql_where=sa.text("ended_at IS NULL AND relationship = 'self'"),
    )
    op.create_table(
        "attention_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("raised_at", UTCDateTime(), nullable=False),
        sa.Column("resolved_at", UTCDateTime(), nullable=True),
        sa.Column("resolved_by_name", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "kind IN ('identity_locked', 'not_me', 'mail_failed')",
            name=op.f("ck_attention_item_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_attention_item_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_attention_item_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attention_item")),
        sa.UniqueConstraint("public_id", name=op.f("uq_attention_item_public_id")),
    )
    op.create_index(
        "ix_attention_item_open",
        "attention_item",
        ["practice_id", "raised_at"],
        unique=False,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        op.f("ix_attention_item_patient_id"), "attention_item", ["patient_id"], unique=False
    )
    op.create_table(
        "blocked_address",
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("blocked_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
            name=op.f("fk_blocked_address_patient_id_patient"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("patient_id", "email_key", name=op.f("pk_blocked_address")),
    )
    op.create_table(
        "patient_phone",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("e164", sa.String(length=20), nullable=False),
        sa.Column("extension", sa.String(length=10), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('mobile', 'home', 'work', 'other')", name=op.f("ck_patient_phone_kind")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
            name=op.f("fk_patient_phone_patient_id_patient"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_patient_phone_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_phone")),
        sa.UniqueConstraint("patient_id", "e164", name=op.f("uq_patient_phone_patient_id_e164")),
    )
    op.create_index(
        op.f("ix_patient_phone_patient_id"), "patient_phone", ["patient_id"], unique=False
    )
    op.create_index(
        op.f("ix_patient_phone_practice_id_e164"),
        "patient_phone",
        ["practice_id", "e164"],
        unique=False,
    )
    op.create_table(
        "patient_search_word",
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "word",
            sa.String(length=120).with_variant(sa.String(length=120, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
            name=op.f("fk_patient_search_word_patient_id_patient"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"],
            ["practice.id"],
            name=op.f("fk_patient_search_word_practice_id_practice"),
        ),
        sa.PrimaryKeyConstraint("patient_id", "word", name=op.f("pk_patient_search_word")),
    )
    op.create_index(
        op.f("ix_patient_search_word_practice_id_word_patient_id"),
        "patient_search_word",
        ["practice_id", "word", "patient_id"],
        unique=False,
    )
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column(
            "practice_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "patient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("grant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("origin", sa.String(length=10), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("inviter_name", sa.String(length=200), nullable=False),
        sa.Column(
            "provider_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("nonce", sa.String(length=43), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("issued_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.Column("identity_failures", sa.Integer(), nullable=False),
        sa.CheckConstraint("origin IN ('staff', 'fresh_link')", name=op.f("ck_invitation_origin")),
        sa.CheckConstraint(
            "state IN ('prepared', 'live', 'used', 'replaced', 'revoked', 'voided', 'locked', 'not_me', 'failed')",
            name=op.f("ck_invitation_state"),
        ),
        sa.ForeignKeyConstraint(
            ["grant_id"], ["access_grant.id"], name=op.f("fk_invitation_grant_id_access_grant")
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_invitation_patient_id_patient")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_invitation_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_invitation_provider_id_provider")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("public_id", name=op.f("uq_invitation_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_index(
        op.f("ix_invitation_grant_id_id"), "invitation", ["grant_id", "id"], unique=False
    )
    op.create_index(op.f("ix_invitation_patient_id"), "invitation", ["patient_id"], unique=False)
    op.create_index(op.f("ix_invitation_practice_id"), "invitation", ["practice_id"], unique=False)
    op.create_index(
        "uq_invitation_live",
        "invitation",
        ["patient_id"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_index(
        "uq_invitation_prepared",
        "invitation",
        ["patient_id"],
        unique=True,
        sqlite_where=sa.text("state = 'prepared'"),
        postgresql_where=sa.text("state = 'prepared'"),
    )
    op.create_table(
        "invitation_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "invitation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("once", sa.String(length=40), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["invitation.id"],
            name=op.f("fk_invitation_event_invitation_id_invitation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation_event")),
        sa.UniqueConstraint(
            "invitation_id",
            "kind",
            "once",
            name=op.f("uq_invitation_event_invitation_id_kind_once"),
        ),
    )
    op.create_index(
        op.f("ix_invitation_event_invitation_id_at"),
        "invitation_event",
        ["invitation_id", "at"],
        unique=False,
    )
    op.create_table(
        "pending_sign_up",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("handle_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "invitation_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("first_name", sa.String(length=120), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("username", sa.String(length=64), nullable=True),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint(
            "(account_id IS NULL) = (username IS NOT NULL)",
            name=op.f("ck_pending_sign_up_new_or_existing"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["portal_account.id"],
            name=op.f("fk_pending_sign_up_account_id_portal_account"),
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"],
            ["invitation.id"],
            name=op.f("fk_pending_sign_up_invitation_id_invitation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_sign_up")),
        sa.UniqueConstraint("handle_hash", name=op.f("uq_pending_sign_up_handle_hash")),
    )
    op.create_index(
        op.f("ix_pending_sign_up_expires_at"), "pending_sign_up", ["expires_at"], unique=False
    )
    op.create_index(
        op.f("ix_pending_sign_up_invitation_id"), "pending_sign_up", ["invitation_id"], unique=False
    )
    refuse_changes_of_the_audit_trail()


def refuse_changes_of_the_audit_trail() -> None:
    """Rows of the audit trail are only ever added (12.3): the database itself refuses the rest."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_event_no_{verb.lower()} BEFORE {verb} ON audit_event "
                "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE ON audit_event "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
    )


def downgrade() -> None:
    raise NotImplementedError("the first tables are not taken down: drop the database instead")
