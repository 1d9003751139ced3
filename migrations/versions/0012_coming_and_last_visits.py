"""what became of a patient's request, and one open request for each appointment

Revision: 0012 after 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("settled_at IS NULL")


def upgrade() -> None:
    # SQLite adds a CHECK to a table that stands only together with a column
    op.execute(
        "ALTER TABLE appointment_request ADD COLUMN outcome VARCHAR(10)"
        " CONSTRAINT ck_appointment_request_outcome"
        " CHECK (outcome IN ('done', 'declined', 'withdrawn'))"
    )
    op.create_index(
        "ix_appointment_request_one_open",
        "appointment_request",
        ["appointment_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def downgrade() -> None:
    op.drop_index("ix_appointment_request_one_open", "appointment_request")
    op.drop_column("appointment_request", "outcome")
