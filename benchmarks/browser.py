"""Somebody at the front desk, in this process: real requests through the whole application, with a stopwatch."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from benchmarks.places import PASSWORD
from portal import clock
from portal.practices import service as practices
from portal.practices.models import StaffMember

STAFF = "frontdesk@example.com"
HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
LIST = "/staff/onboarding"
TOKEN = re.compile(r'"X-CSRFToken": "([^"]+)"')
FIELD = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
GRANT = re.compile(r'name="grant" value="([^"]+)"')


@dataclass(slots=True)
class Stopwatch:
    """Around the application: what a request takes, without what the browser does."""

    app: Any
    milliseconds: float = 0.0

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        begun = time.perf_counter()
        answer: Iterable[bytes] = [b"".join(self.app(environ, start_response))]
        self.milliseconds = (time.perf_counter() - begun) * 1000
        return answer


class Browser:
    """A staff member who has logged on and has read the notice."""

    def __init__(self, app: Flask) -> None:
        with app.app_context():
            staff: StaffMember = practices.get_staff_by_email(STAFF)
            by = practices.actor(staff, client="127.0.0.1")
            practices.acknowledge_notice(staff=staff, by=by, now=clock.now())
        self._watch = Stopwatch(app.wsgi_app)
        app.wsgi_app = self._watch  # type: ignore[method-assign]
        self._client = app.test_client()
        form = self._client.get("/staff/login").get_data(as_text=True)
        self._token = (FIELD.search(form) or TOKEN.search(form))[1]  # type: ignore[index]
        entered = {"email": STAFF, "password": PASSWORD}
        self.post("/staff/login", htmx=False, expect=303, **entered)
        page = self.get(LIST).get_data(as_text=True)
        self._token = TOKEN.search(page)[1]  # type: ignore[index]

    @property
    def took(self) -> float:
        """Milliseconds of server time of the last request."""
        return self._watch.milliseconds

    def get(self, path: str, *, htmx: bool = False) -> TestResponse:
        """Ask for a page; it must be there."""
        answer = self._client.get(path, headers=HTMX if htmx else {})
        assert answer.status_code == 200, (path, answer.status)
        return answer

    def post(
        self, path: str, *, htmx: bool = True, expect: int = 200, **fields: Any
    ) -> TestResponse:
        """Send a form, as htmx does unless told otherwise."""
        headers = {"X-CSRFToken": self._token} | (HTMX if htmx else {})
        answer = self._client.post(path, data=fields, headers=headers)
        assert answer.status_code == expect, (path, answer.status, answer.get_data(as_text=True))
        return answer

    def enable(self, public_id: str) -> str:
        """Turn a red one gray; returns the grant."""
        answer = self.post(f"{LIST}/{public_id}/enable", back="")
        grant = GRANT.search(answer.get_data(as_text=True))
        assert grant, "the patient did not become gray"
        return grant[1]

    def disable(self, public_id: str, grant: str) -> None:
        """Turn a gray one red."""
        self.post(f"{LIST}/{public_id}/disable", back="", grant=grant, was="ready")
