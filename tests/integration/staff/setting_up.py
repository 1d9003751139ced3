"""What tests of the portal settings do and ask again and again."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from portal.extensions import db
from portal.practices.models import Practice
from tests.integration.staff.clerk import Clerk, field

DOCTOR, APPOINTMENTS, COMMUNICATION, STYLE = (
    f"/staff/settings/{tab}" for tab in ("doctor", "appointments", "communication", "style")
)


NOTHING = re.compile(r"Nothing was changed\.")


def practice() -> Practice:
    db.session.rollback()
    return db.session.scalars(select(Practice).order_by(Practice.id)).first()


def typed_from(page: Any, *names: str) -> dict[str, str]:
    """What the form would send back unchanged."""
    return {name: field(page, name) for name in ("was", *names)}


def communication(clerk: Clerk) -> dict[str, str]:
    return typed_from(clerk.get(COMMUNICATION), "invitation_days", "reminder_days", "sender_name", "no_reply_email",
                      "reply_to_email", "phone")  # fmt: skip


def file(raw: bytes, name: str = "logo.png") -> tuple[BytesIO, str]:
    return BytesIO(raw), name


def large_post(clerk: Clerk, path: str = DOCTOR, **fields: Any) -> Any:
    """Without the file that the test client would leave open."""
    files = {k: FileStorage(v[0], v[1]) for k, v in fields.items() if isinstance(v, tuple)}
    boundary, body = encode_multipart(fields | files)
    kind = f"multipart/form-data; boundary={boundary}"
    return clerk.client.post(path, data=body, content_type=kind)
