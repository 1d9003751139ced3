"""mails that came back, complaints, and reminders of invitations

Revision: 0006 after 0005
"""

import sqlalchemy as sa
from alembic import op

from portal.extensions import UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

STATES = "state IN ('queued', 'sending', 'accepted', 'failed', 'unknown', 'cancelled'"
KINDS = "kind IN ('identity_locked', 'not_me', 'mail_failed'"


def upgrade() -> None:
    op.add_column("outbox_message", sa.Column("bounced_at", UTCDateTime(), nullable=True))
    op.add_column("outbox_message", sa.Column("complained_at", UTCDateTime(), nullable=True))
    op.add_column("invitation", sa.Column("reminded_at", UTCDateTime(), nullable=True))
    waits = sa.text("state = 'live' AND reminded_at IS NULL")
    op.create_index(
        "ix_invitation_to_remind",
        "invitation",
        ["expires_at", "id"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
    _states(f"{STATES}, 'bounced')")
    _kinds(f"{KINDS}, 'mail_complaint')")


def downgrade() -> None:
    # the release before knows neither: it was accepted, and nobody need look at a complaint
    op.execute("UPDATE outbox_message SET state = 'accepted' WHERE state = 'bounced'")
    op.execute("DELETE FROM attention_item WHERE kind = 'mail_complaint'")
    _kinds(f"{KINDS})")
    _states(f"{STATES})")
    op.drop_index("ix_invitation_to_remind", "invitation")
    op.drop_column("invitation", "reminded_at")
    op.drop_column("outbox_message", "complained_at")
    op.drop_column("outbox_message", "bounced_at")


def _states(rule: str) -> None:
    _replace("outbox_message", "state", rule)


def _kinds(rule: str) -> None:
    _replace("attention_item", "kind", rule)


def _replace(table: str, name: str, rule: str) -> None:
    """Another rule for a column; SQLite copies the table for that."""
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
        batch.create_check_constraint(op.f(f"ck_{table}_{name}"), rule)
