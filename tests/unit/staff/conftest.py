"""A language to speak in; no database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask_babel import Babel


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    app = Flask(__name__)
    app.config["SERVER_NAME"] = "127.0.0.1"
    Babel(app)
    for endpoint in ("revoke_invite", "disable_access"):
        app.add_url_rule(f"/<public_id>/{endpoint}", f"staff.{endpoint}")
    with app.test_request_context():
        yield
