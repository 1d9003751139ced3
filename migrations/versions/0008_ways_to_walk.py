"""indexes for what would walk through a whole practice: whose account holds a chart, which charts end, and the
roster's orders under a pill

Revision: 0008 after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

FILTERED = ["provider_id", "birth_date"]
STATUS_INVITED_AT = ["practice_id", "status", "invited_at", "patient_id", *FILTERED, "expired"]
MISSING_STATUS = ["practice_id", "status", "sort_name", "patient_id", *FILTERED]

def upgrade() -> None:
    op.create_index("ix_account_person_patient_id", "account_person", ["patient_id"])
    op.create_index(
        "ix_patient_end_date",
        "patient",
        ["end_date"],
        sqlite_where=sa.text("end_date IS NOT NULL"),
        postgresql_where=sa.text("end_date IS NOT NULL"),
    )
    op.create_index(
        "ix_patient_deceased",
        "patient",
        ["id"],
        sqlite_where=sa.text("deceased = 1"),
        postgresql_where=sa.text("deceased"),
    )
    op.create_index("ix_roster_row_status_invited_at", "roster_row", STATUS_INVITED_AT)
    op.create_index(
        "ix_roster_row_missing_status",
        "roster_row",
        MISSING_STATUS,
        sqlite_where=sa.text("missing = 1"),
        postgresql_where=sa.text("missing"),
    )
    if op.get_bind().scalar(sa.text("SELECT 1 FROM roster_row LIMIT 1")):
        op.execute("ANALYZE roster_row")  # a planner that knows nothing of an index takes wrong ways


def downgrade() -> None:
    op.drop_index("ix_roster_row_missing_status", "roster_row")
    op.drop_index("ix_roster_row_status_invited_at", "roster_row")
    op.drop_index("ix_patient_deceased", "patient")
    op.drop_index("ix_patient_end_date", "patient")
    op.drop_index("ix_account_person_patient_id", "account_person")
