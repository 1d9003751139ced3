"""the selection: who was ticked in the list of all patients

Revision: 0003 after 0002
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "selection",
        sa.Column("id", BIG, nullable=False),
        sa.Column("public_id", sa.String(22), nullable=False),
        sa.Column("practice_id", BIG, nullable=False),
        sa.Column("logon_id", BIG, nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_selection_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["logon_id"], ["logon.id"], name=op.f("fk_selection_logon_id_logon"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selection")),
        sa.UniqueConstraint("public_id", name=op.f("uq_selection_public_id")),
        sa.UniqueConstraint("logon_id", name=op.f("uq_selection_logon_id")),
    )
    op.create_index("ix_selection_made_at", "selection", ["made_at"])
    op.create_table(
        "selection_item",
        sa.Column("selection_id", BIG, autoincrement=False, nullable=False),
        sa.Column("patient_id", BIG, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["selection_id"], ["selection.id"],
            name=op.f("fk_selection_item_selection_id_selection"), ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"],
            name=op.f("fk_selection_item_patient_id_patient"), ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("selection_id", "patient_id", name=op.f("pk_selection_item")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("selection_item")
    op.drop_table("selection")
