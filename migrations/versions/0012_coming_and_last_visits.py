"""the roster knows when patients come next and came last; what became of a request, one open for each appointment

Revision: 0012 after 0009
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0012"
down_revision = "0009"
branch_labels = None
depends_on = None

OPEN = sa.text("settled_at IS NULL")
COMING = sa.text("next_appointment_at IS NOT NULL")
FILTERED = ["provider_id", "birth_date"]
INDEXES = {
    "ix_roster_row_next_name": ["practice_id", "sort_name", "patient_id", "next_appointment_at", *FILTERED, "status"],
    "ix_roster_row_next_status": ["practice_id", "status", "sort_name", "patient_id", "next_appointment_at", *FILTERED],
    "ix_roster_row_next_invited_at": ["practice_id", "invited_at", "patient_id", "next_appointment_at", *FILTERED, "status"],
}


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
    op.add_column("roster_row", sa.Column("next_appointment_at", UTCDateTime(), nullable=True))
    op.add_column("roster_row", sa.Column("last_visit_at", UTCDateTime(), nullable=True))
    for name, columns in INDEXES.items():
        op.create_index(name, "roster_row", columns, sqlite_where=COMING, postgresql_where=COMING)
    # who has appointments already is for the sweep to look at
    op.execute(
        "UPDATE roster_row SET changes_at = invited_at"
        " WHERE patient_id IN (SELECT patient_id FROM appointment)"
    )


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "roster_row")
    op.drop_column("roster_row", "last_visit_at")
    op.drop_column("roster_row", "next_appointment_at")
    op.drop_index("ix_appointment_request_one_open", "appointment_request")
    op.drop_column("appointment_request", "outcome")
