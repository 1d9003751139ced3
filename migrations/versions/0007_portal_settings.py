"""portal settings: what mails look like and where they come from, pictures, and two indexes to count by

Revision: 0007 after 0006
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTED = {"ever_invited": "invited_at IS NOT NULL", "ever_activated": "activated_at IS NOT NULL"}


def upgrade() -> None:
    # SQLite adds a CHECK to a table that stands only together with a column
    op.execute(
        "ALTER TABLE practice ADD COLUMN reminder_days INTEGER NOT NULL DEFAULT 0"
        " CONSTRAINT ck_practice_reminder_days CHECK (reminder_days BETWEEN 0 AND invitation_days - 1)"
    )
    op.execute("UPDATE practice SET reminder_days = 2 WHERE invitation_days > 2")
    op.execute(
        "ALTER TABLE practice ADD COLUMN mail_colour VARCHAR(7)"
        " CONSTRAINT ck_practice_mail_colour CHECK (length(mail_colour) = 7)"
    )
    op.add_column("practice", sa.Column("no_reply_email", sa.String(length=254), nullable=True))
    op.add_column("practice", sa.Column("reply_to_email", sa.String(length=254), nullable=True))
    op.create_table(
        "picture",
        sa.Column("id", BIG, nullable=False),
        sa.Column("public_id", sa.String(length=22), nullable=False),
        sa.Column("practice_id", BIG, nullable=False),
        sa.Column("purpose", sa.String(length=10), nullable=False),
        sa.Column("media_type", sa.String(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("purpose IN ('profile', 'logo')", name=op.f("ck_picture_purpose")),
        sa.CheckConstraint(
            "media_type IN ('image/png', 'image/jpeg')", name=op.f("ck_picture_media_type")
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_picture_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_picture")),
        sa.UniqueConstraint("practice_id", "purpose", name=op.f("uq_picture_practice_id_purpose")),
        sa.UniqueConstraint("public_id", name=op.f("uq_picture_public_id")),
    )
    for name, condition in COUNTED.items():
        op.create_index(
            f"ix_access_grant_{name}",
            "access_grant",
            ["practice_id", "patient_id"],
            sqlite_where=sa.text(condition),
            postgresql_where=sa.text(condition),
        )


def downgrade() -> None:
    for name in COUNTED:
        op.drop_index(f"ix_access_grant_{name}", "access_grant")
    op.drop_table("picture")
    for column in ("reply_to_email", "no_reply_email", "mail_colour", "reminder_days"):
        op.drop_column("practice", column)
