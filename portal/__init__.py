"""Vestibule: the door between a clinic's charts and its patients' portal."""

from __future__ import annotations

from flask import Flask

from config import Settings
from portal import cli, dev, logs, patients, staff, wiring
from portal.crypto import Keys
from portal.extensions import csrf, db, login, mail, migrate
from portal.transaction import prepare_engine
from portal.web import (
    access_table,
    assets,
    context,
    cookies,
    errors,
    health,
    language,
    security,
    signed_on,
    uploads,
)


def create_app(settings: Settings) -> Flask:
    """The application for these settings: named steps in order, no logic."""
    app = Flask(__name__)
    logs.configure(settings)
    cookies.configure(app, settings)
    _configure(app, settings)
    access_table.init_app(app)  # before the CSRF check: who is logged out is told so
    uploads.init_app(app)
    _bind_extensions(app)
    language.init_app(app)
    signed_on.init_app(login)
    security.init_app(app, settings)
    errors.init_app(app)
    context.init_app(app)
    assets.init_app(app)
    wiring.connect_rooms()
    for blueprint in (staff.blueprint, patients.blueprint, health.blueprint, dev.blueprint):
        app.register_blueprint(blueprint)
    cli.init_app(app)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.extensions["vestibule.settings"] = settings
    app.extensions["vestibule.keys"] = Keys.read(
        secret=settings.secret_key.get_secret_value(),
        encryption=settings.data_encryption_key.get_secret_value(),
    )
    app.config.update(
        SECRET_KEY=settings.secret_key.get_secret_value(),
        TESTING=settings.app_env == "testing",
        SQLALCHEMY_DATABASE_URI=settings.database,
        SQLALCHEMY_ENGINE_OPTIONS={
            "hide_parameters": True,
            "pool_pre_ping": settings.database.startswith("postgresql"),
        },
        SQLALCHEMY_SESSION_OPTIONS={"expire_on_commit": True},
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=256 * 1024,
        MAIL_SERVER=settings.mail_server or "127.0.0.1",
        MAIL_PORT=settings.mail_port,
        MAIL_USERNAME=settings.mail_username or None,
        MAIL_PASSWORD=settings.mail_password.get_secret_value() or None,
        MAIL_USE_TLS=settings.mail_use_tls,
        MAIL_DEBUG=0,
        MAIL_SUPPRESS_SEND=False,
        WTF_CSRF_TIME_LIMIT=None,
    )


def _bind_extensions(app: Flask) -> None:
    db.init_app(app)
    migrate.init_app(app, db, directory="migrations", render_as_batch=False)
    csrf.init_app(app)
    login.init_app(app)
    mail.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
