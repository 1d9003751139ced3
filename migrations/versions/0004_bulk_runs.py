"""bulk runs and the people in them; invitations that came from one

Revision: 0004 after 0003
"""

import sqlalchemy as sa
from alembic import op

from migrations.checks import change_check
from portal.extensions import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("state IN ('running', 'paused')")
ORIGINS = "origin IN ('staff', 'fresh_link')"
MORE_ORIGINS = "origin IN ('staff', 'fresh_link', 'bulk')"


def upgrade() -> None:
    op.create_table(
        "bulk_run",
        sa.Column("id", BIG, nullable=False),
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("practice_id", BIG, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("staff_member_id", BIG, nullable=False),
        sa.Column("started_by_name", sa.String(200), nullable=False),
        sa.Column("client", sa.String(64), nullable=True),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("worked_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("mailing", sa.Integer(), nullable=False),
        sa.Column("paused_by", sa.String(10), nullable=True),
        sa.Column("paused_by_name", sa.String(200), nullable=True),
        sa.Column("pause_reason", sa.String(40), nullable=True),
        sa.CheckConstraint("kind IN ('enable', 'disable', 'invite')", name=op.f("ck_bulk_run_kind")),
        sa.CheckConstraint("scope IN ('selection', 'practice', 'failed')", name=op.f("ck_bulk_run_scope")),
        sa.CheckConstraint("state IN ('running', 'paused', 'done', 'cancelled')", name=op.f("ck_bulk_run_state")),
        sa.CheckConstraint("(state = 'paused') = (paused_by IS NOT NULL)", name=op.f("ck_bulk_run_paused_by_somebody")),
        sa.CheckConstraint(
            "done >= 0 AND skipped >= 0 AND failed >= 0 AND mailing >= 0"
            " AND done + skipped + failed + mailing <= total",
            name=op.f("ck_bulk_run_numbers"),
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name=op.f("fk_bulk_run_practice_id_practice")),
        sa.ForeignKeyConstraint(
            ["staff_member_id"], ["staff_member.id"], name=op.f("fk_bulk_run_staff_member_id_staff_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_run")),
        sa.UniqueConstraint("public_id", name=op.f("uq_bulk_run_public_id")),
    )
    op.create_index(
        "uq_bulk_run_open", "bulk_run", ["practice_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
    )
    op.create_index("ix_bulk_run_practice_id_started_at", "bulk_run", ["practice_id", "started_at"])
    op.create_table(
        "bulk_item",
        sa.Column("run_id", BIG, autoincrement=False, nullable=False),
        sa.Column("patient_id", BIG, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(40), nullable=True),
        sa.Column("invitation_id", BIG, nullable=True),
        sa.Column("settled_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'mailing', 'done', 'skipped', 'failed')", name=op.f("ck_bulk_item_state")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["bulk_run.id"], name=op.f("fk_bulk_item_run_id_bulk_run"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_bulk_item_patient_id_patient"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["invitation_id"], ["invitation.id"], name=op.f("fk_bulk_item_invitation_id_invitation")
        ),
        sa.PrimaryKeyConstraint("run_id", "patient_id", name=op.f("pk_bulk_item")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_bulk_item_run_id_state_reason_patient_id", "bulk_item", ["run_id", "state", "reason", "patient_id"]
    )
    change_check("invitation", "origin", ORIGINS, MORE_ORIGINS)


def downgrade() -> None:
    op.drop_table("bulk_item")
    op.drop_table("bulk_run")
    op.execute("UPDATE invitation SET origin = 'staff' WHERE origin = 'bulk'")
    change_check("invitation", "origin", MORE_ORIGINS, ORIGINS)
