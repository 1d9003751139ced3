"""What several migrations do to tables that stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def change_check(table: str, name: str, before: str, after: str) -> None:
    """Put another condition into the CHECK ``ck_TABLE_NAME``; every stored row must pass it."""
    connection = op.get_bind()
    constraint = op.f(f"ck_{table}_{name}")
    if connection.dialect.name == "postgresql":
        op.drop_constraint(constraint, table, type_="check")
        op.create_check_constraint(constraint, table, after)
        return
    # SQLite changes no constraint but by making the table anew; its documentation of ALTER TABLE (section 7) has this
    # shorter way for changes that touch no stored row
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :before, :after)"
            " WHERE type = 'table' AND name = :table"
        ),
        {"before": before, "after": after, "table": table},
    )
    connection.exec_driver_sql(f"PRAGMA schema_version = {int(version) + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = OFF")
