"""A bare Flask + SQLAlchemy route, for gunicorn: writes so many rows in one commit to ``BENCH_URL``.

Nothing of the portal is imported, for its rules would reach here.
"""

from __future__ import annotations

import os
from itertools import count

from flask import Flask, Response
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, Connection, Engine, Integer, String, event, update
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ROWS = 10_000
"""That the bare application updates, one after the other."""


class Base(DeclarativeBase):
    """Of the bare tables."""


class Bare(Base):
    """About as wide as an audit event."""

    __tablename__ = "bench_bare"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    practice_id: Mapped[int]
    text: Mapped[str] = mapped_column(String(400))
    number: Mapped[int]


def bare() -> Flask:
    """One route, one commit, a line of text."""
    app, db = Flask(__name__), SQLAlchemy(model_class=Base)
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["BENCH_URL"]
    db.init_app(app)
    with app.app_context():
        _as_safe(db.engine)
    numbers = count(os.getpid())

    def write(inserts: int, updates: int) -> Response:
        for _ in range(inserts):
            db.session.add(Bare(practice_id=1, text="x" * 300, number=1))
            db.session.flush()
        for _ in range(updates):
            row = Bare.id == next(numbers) % ROWS + 1
            db.session.execute(update(Bare).where(row).values(number=Bare.number + 1))
        db.session.commit()
        return Response("done", mimetype="text/plain")

    app.add_url_rule("/write/<int:inserts>/<int:updates>", view_func=write, methods=["POST"])
    return app


def _as_safe(engine: Engine) -> None:
    """As the application's own engine: on SQLite WAL, synced at every commit, one writer at a time."""
    if engine.dialect.name != "sqlite":
        return

    def connect(connection: DBAPIConnection, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=15000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connect)
    event.listen(engine, "begin", begin)
