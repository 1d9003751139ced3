"""Typed settings, read from the environment (12-factor) and from nowhere else.

In development two files of the data directory complete the environment: ``secrets.env`` (keys made at the
first start, so that a newcomer needs none) and ``run.env`` (where ``make run`` put the embedded queue and the
mail catcher). A variable that is set wins over both. In production neither file is read.
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
Environment = Literal["development", "production", "testing"]


class UnsafeSettings(RuntimeError):
    """Production was asked to start with values that are not safe; the message lists each of them."""


class Settings(BaseSettings):
    """Everything that differs between installations. Durations are in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    app_env: Environment = "development"
    portal_data_dir: Path = Path("var")
    database_url: str = ""
    redis_url: str = ""
    secret_key: SecretStr = SecretStr("")
    data_encryption_key: SecretStr = SecretStr("")
    """``VERSION:BASE64`` pairs joined by commas, newest first; each key is 32 bytes (AES-256)."""
    public_base_url: str = "http://127.0.0.1:8000"
    trusted_proxies: int = Field(default=0, ge=0, le=4)
    """How many reverse proxies stand in front and set X-Forwarded-For; 0 believes nobody."""

    mail_server: str = ""
    mail_port: int = 25
    mail_username: str = ""
    mail_password: SecretStr = SecretStr("")
    mail_use_tls: bool = False
    mail_sender: str = ""
    """The no-reply address that mail comes from; default ``no-reply@`` the public host."""
    mail_timeout: float = 30.0
    mail_connections: int = Field(default=4, ge=1, le=8)
    """How many connections to the mail server a worker keeps while it has much to send."""
    mail_lease: float = Field(default=60.0, ge=1)
    """Seconds: a sender that gives no sign of life for so long loses its mails to another."""

    portal_demo_password: SecretStr = SecretStr("")

    sweep_interval: float = 30.0
    mail_retry_scale: float = 1.0
    """Multiplies the waits between tries; tests run at a fraction of them."""
    bulk_per_minute: int = Field(default=0, ge=0)
    """How many invitations a run issues in a minute; 0: as many as the mail server takes."""
    bulk_per_day: int = Field(default=0, ge=0)
    """How many invitations the runs of one practice issue within 24 hours; 0: no cap."""

    @property
    def production(self) -> bool:
        """Whether this is a real installation."""
        return self.app_env == "production"

    @property
    def database(self) -> str:
        """The SQLAlchemy URL: ``DATABASE_URL``, or the embedded SQLite file in the data directory."""
        url = (
            self.database_url or f"sqlite:///{self.portal_data_dir.resolve() / 'vestibule.sqlite3'}"
        )
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        return url

    @property
    def mailbox(self) -> Path:
        """Where the development mail catcher keeps what it received (a Maildir)."""
        return self.portal_data_dir / "mailbox"

    @model_validator(mode="after")
    def _refuse_unsafe(self) -> Self:
        problems = []
        if not self.production:
            if urlsplit(self.public_base_url).hostname not in LOOPBACK:
                raise UnsafeSettings(
                    "Refusing to start: PUBLIC_BASE_URL is not this machine, so APP_ENV must be production."
                )
            return self
        if len(self.secret_key.get_secret_value()) < 32:
            problems.append("SECRET_KEY must be at least 32 characters")
        if not self.data_encryption_key.get_secret_value():
            problems.append("DATA_ENCRYPTION_KEY must be set")
        if not self.public_base_url.startswith("https://"):
            problems.append("PUBLIC_BASE_URL must be an https address")
        if not self.redis_url:
            problems.append("REDIS_URL must be set")
        if not self.mail_server:
            problems.append("MAIL_SERVER must be set")
        if os.environ.get("FLASK_DEBUG", "0") not in {"", "0"}:
            problems.append("FLASK_DEBUG must be off")
        if problems:
            raise UnsafeSettings("Refusing to start in production: " + "; ".join(problems) + ".")
        return self


def new_encryption_key(version: int = 1) -> str:
    """A fresh ``VERSION:BASE64`` entry for ``DATA_ENCRYPTION_KEY``."""
    return f"{version}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def load_settings() -> Settings:
    """The settings of this process.

    Raises:
        UnsafeSettings: in production, for a missing or unsafe value.
    """
    if os.environ.get("APP_ENV", "development") != "development":
        return Settings()
    data_dir = Path(os.environ.get("PORTAL_DATA_DIR", "var"))
    files = (_development_secrets(data_dir), data_dir / "run.env")
    return Settings(_env_file=files)  # type: ignore[call-arg]


def _development_secrets(data_dir: Path) -> Path:
    """The file with this checkout's own keys, made at the first start and readable by its owner only."""
    path = data_dir / "secrets.env"
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w") as file:
        file.write(
            f"SECRET_KEY={secrets.token_urlsafe(48)}\nDATA_ENCRYPTION_KEY={new_encryption_key()}\n"
        )
    return path
