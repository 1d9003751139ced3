"""The mail room with a real SMTP server in front of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.conftest import Moment, free_port
from tests.factories import House, make_house
from tests.smtp import SmtpServer


@pytest.fixture
def house(app: Flask, moment: Moment) -> House:
    """A practice at noon."""
    return make_house()


@pytest.fixture
def configure(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change settings for one test."""

    def change(**values: object) -> None:
        changed = app.extensions["vestibule.settings"].model_copy(update=values)
        monkeypatch.setitem(app.extensions, "vestibule.settings", changed)
        monkeypatch.delitem(app.extensions, "vestibule.queue", raising=False)
        state = app.extensions["mail"]
        monkeypatch.setattr(state, "server", changed.mail_server)
        monkeypatch.setattr(state, "port", changed.mail_port)
        monkeypatch.setattr(state, "use_tls", changed.mail_use_tls)
        monkeypatch.setattr(state, "username", changed.mail_username or None)
        monkeypatch.setattr(state, "password", "a password" if changed.mail_username else None)

    return change


@pytest.fixture
def smtp(configure: Callable[..., None]) -> Iterator[SmtpServer]:
    """The mail server, answering 250 to everything unless told otherwise."""
    with SmtpServer(free_port()) as server:
        configure(mail_server="127.0.0.1", mail_port=server.port, mail_timeout=1.0)
        yield server
