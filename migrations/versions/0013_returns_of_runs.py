"""a run hears of mails that come back after it has counted them as sent

Revision: 0013 after 0012
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BOUNCED = sa.text("state = 'bounced'")


def upgrade() -> None:
    op.add_column("bulk_run", sa.Column("returns_until", UTCDateTime(), nullable=True))
    op.create_index(
        "ix_outbox_message_bounced",
        "outbox_message",
        ["practice_id", "bounced_at"],
        sqlite_where=BOUNCED,
        postgresql_where=BOUNCED,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_message_bounced", "outbox_message")
    op.drop_column("bulk_run", "returns_until")
