"""Settings: production refuses what is unsafe, development makes its own keys and stays on this machine."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from config import Settings, UnsafeSettings, load_settings, new_encryption_key
from portal import create_app

SAFE: dict[str, Any] = {
    "app_env": "production",
    "secret_key": "x" * 43,
    "data_encryption_key": new_encryption_key(),
    "public_base_url": "https://portal.clinic.example",
    "redis_url": "redis://127.0.0.1:6379/0",
    "mail_server": "mail.clinic.example",
    "database_url": "sqlite://",
}


def test_safe_values_start() -> None:
    assert Settings(**SAFE).production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secret_key", ""),
        ("secret_key", "short"),
        ("data_encryption_key", ""),
        ("public_base_url", "http://portal.clinic.example"),
        ("redis_url", ""),
        ("mail_server", ""),
    ],
)
def test_production_refuses_what_is_unsafe(name: str, value: str) -> None:
    with pytest.raises(UnsafeSettings, match=name.upper()):
        Settings(**(SAFE | {name: value}))


def test_production_refuses_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(UnsafeSettings, match="FLASK_DEBUG"):
        Settings(**SAFE)


@pytest.mark.parametrize("environment", ["development", "testing"])
def test_anything_but_production_stays_on_this_machine(environment: str) -> None:
    with pytest.raises(UnsafeSettings, match="PUBLIC_BASE_URL"):
        Settings(**(SAFE | {"app_env": environment}))


def test_development_makes_its_own_keys_and_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("APP_ENV", "SECRET_KEY", "DATA_ENCRYPTION_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTAL_DATA_DIR", str(tmp_path / "var"))
    first, second = load_settings(), load_settings()
    assert first.app_env == "development"
    assert first.secret_key == second.secret_key
    assert len(first.secret_key.get_secret_value()) >= 43
    kept = tmp_path / "var" / "secrets.env"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["postgres://u:p@h/d", "postgresql://u:p@h/d"])
def test_the_usual_spellings_of_a_postgresql_address(url: str) -> None:
    assert Settings(**(SAFE | {"database_url": url})).database == "postgresql+psycopg://u:p@h/d"


def test_over_tls_cookies_are_host_only_and_secure() -> None:
    app = create_app(Settings(**SAFE))
    client = app.test_client()
    answer = client.get("/login", base_url="https://portal.clinic.example")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies
    for cookie in cookies:
        assert cookie.startswith("__Host-vestibule-"), cookie
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]
    assert client.get("/dev/mailbox", base_url="https://portal.clinic.example").status_code == 404
