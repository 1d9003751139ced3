"""the roster: the list of all patients, and its counters

Revision: 0002 after 0001
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from portal import clock
from portal.extensions import UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FOLDED = sa.String(length=260).with_variant(sa.String(length=260, collation="C"), "postgresql")
BY_NAME = ["practice_id", "sort_name", "patient_id"]
FILTERED = ["provider_id", "birth_date"]

# Status: 0 not enabled, 1 ready, 2 invited, 3 active. Where an end date or a death is to come the row is due
# at once: the sweep works the moment out by the practice's calendar.
FILL = """
INSERT INTO roster_row (patient_id, practice_id, sort_name, birth_date, provider_id, status, expired, bounced,
                        missing, invited_at, changes_at)
SELECT id, practice_id, sort_name, birth_date, provider_id, status,
       status = 2 AND valid_until IS NOT NULL AND valid_until <= :now,
       bounced, missing, CASE WHEN status = 0 THEN :never ELSE invited_at END,
       CASE WHEN NOT ended AND (end_date IS NOT NULL OR deceased) THEN :now
            WHEN status = 2 AND valid_until > :now THEN valid_until END
FROM (
    SELECT chart.*,
           CASE WHEN grant_id IS NULL OR ended THEN 0
                WHEN active THEN 3
                WHEN invited THEN 2
                ELSE 1 END AS status
    FROM (
        SELECT p.id, p.practice_id, p.sort_name, p.birth_date, p.provider_id, p.end_date, p.deceased,
               g.id AS grant_id,
               g.invited_at IS NOT NULL AS invited,
               g.first_logon_at IS NOT NULL OR g.existing_account_since IS NOT NULL AS active,
               COALESCE(g.invited_at, :never) AS invited_at,
               (p.end_date IS NOT NULL AND p.end_date <= :today)
                   OR (p.deceased AND (p.deceased_on IS NULL OR p.deceased_on <= :today)) AS ended,
               p.email_bounced_at IS NOT NULL AS bounced,
               NOT (p.email IS NOT NULL AND (p.ssn_sealed IS NOT NULL OR (p.birth_date IS NOT NULL AND EXISTS (
                   SELECT 1 FROM patient_phone WHERE patient_phone.patient_id = p.id)))) AS missing,
               (SELECT max(i.expires_at) FROM invitation AS i
                WHERE i.grant_id = g.id AND i.state IN ('live', 'prepared')) AS valid_until
        FROM patient AS p
        LEFT JOIN access_grant AS g ON g.patient_id = p.id AND g.ended_at IS NULL
        WHERE p.practice_id = :practice_id
    ) AS chart
) AS standing
"""

COUNT = """
INSERT INTO roster_count (practice_id, pill, number)
SELECT practice_id, pill, count(*) FROM (
    SELECT practice_id, 'all' AS pill FROM roster_row
    UNION ALL
    SELECT practice_id, CASE status WHEN 0 THEN 'not_enabled' WHEN 1 THEN 'ready' WHEN 2 THEN 'invited'
        ELSE 'active' END FROM roster_row
    UNION ALL SELECT practice_id, 'expired' FROM roster_row WHERE expired
    UNION ALL SELECT practice_id, 'bounced' FROM roster_row WHERE bounced
    UNION ALL SELECT practice_id, 'missing' FROM roster_row WHERE missing
) AS pills
GROUP BY practice_id, pill
"""


def upgrade() -> None:
    op.create_table(
        "roster_row",
        sa.Column("patient_id", BIG, autoincrement=False, nullable=False),
        sa.Column("practice_id", BIG, nullable=False),
        sa.Column("sort_name", FOLDED, nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("provider_id", BIG, nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("expired", sa.Boolean(), nullable=False),
        sa.Column("bounced", sa.Boolean(), nullable=False),
        sa.Column("missing", sa.Boolean(), nullable=False),
        sa.Column("invited_at", UTCDateTime(), nullable=False),
        sa.Column("changes_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["patient_id"],
            ["patient.id"],
            name=op.f("fk_roster_row_patient_id_patient"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_roster_row_practice_id_practice")
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["provider.id"], name=op.f("fk_roster_row_provider_id_provider")
        ),
        sa.PrimaryKeyConstraint("patient_id", name=op.f("pk_roster_row")),
    )
    op.create_table(
        "roster_count",
        sa.Column("practice_id", BIG, nullable=False),
        sa.Column("pill", sa.String(length=12), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id"], ["practice.id"], name=op.f("fk_roster_count_practice_id_practice")
        ),
        sa.PrimaryKeyConstraint("practice_id", "pill", name=op.f("pk_roster_count")),
    )
    practices = _fill()
    op.create_index("ix_roster_row_name", "roster_row", BY_NAME)
    op.create_index(
        "ix_roster_row_status",
        "roster_row",
        ["practice_id", "status", "sort_name", "patient_id", *FILTERED],
    )
    op.create_index(
        "ix_roster_row_invited_at", "roster_row", ["practice_id", "invited_at", "patient_id"]
    )
    op.create_index(
        "ix_roster_row_provider",
        "roster_row",
        ["practice_id", "provider_id", "sort_name", "patient_id"],
    )
    for flag in ("expired", "bounced", "missing"):
        op.create_index(
            f"ix_roster_row_{flag}",
            "roster_row",
            [*BY_NAME, *FILTERED],
            sqlite_where=sa.text(f"{flag} = 1"),
            postgresql_where=sa.text(flag),
        )
    op.create_index(
        "ix_roster_row_missing_invited_at",
        "roster_row",
        ["practice_id", "invited_at", "patient_id"],
        sqlite_where=sa.text("missing = 1"),
        postgresql_where=sa.text("missing"),
    )
    op.create_index(
        "ix_roster_row_changes_at",
        "roster_row",
        ["changes_at"],
        sqlite_where=sa.text("changes_at IS NOT NULL"),
        postgresql_where=sa.text("changes_at IS NOT NULL"),
    )
    if practices:
        op.execute("ANALYZE roster_row")  # a planner that knows nothing of it takes wrong ways


def _fill() -> bool:
    """Write rows and counters of the patients that are there; says whether there is any practice."""
    connection = op.get_bind()
    now = clock.now()
    fill = sa.text(FILL).bindparams(
        sa.bindparam("now", now, type_=UTCDateTime()),
        sa.bindparam("never", datetime(1970, 1, 1, tzinfo=UTC), type_=UTCDateTime()),
        sa.bindparam("today", type_=sa.Date()),
    )
    practices = connection.execute(sa.text("SELECT id, time_zone FROM practice")).all()
    for practice_id, zone in practices:
        today = clock.local_date(now, zone)
        connection.execute(fill, {"practice_id": practice_id, "today": today})
    connection.execute(sa.text(COUNT))
    return bool(practices)


def downgrade() -> None:
    op.drop_table("roster_count")
    op.drop_table("roster_row")
