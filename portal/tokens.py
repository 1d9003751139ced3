"""Secrets that travel: each purpose has its own key or salt, its own life, and is refused for any other."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from portal.crypto import keyed_bytes

INVITATION_LINK = "invitation-link"
RESET_LINK = "reset-link"
DOOR_LIFE = timedelta(minutes=30)


def public_id() -> str:
    """A fresh random id for URLs: 128 bits, 22 characters (architecture, rule 5)."""
    return secrets.token_urlsafe(16)


def new_secret() -> str:
    """A fresh 256-bit secret, 43 characters (ASVS 11.5.1)."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What the database keeps of a secret of 128 bits or more: its SHA-256 (ASVS 6.5.2)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def link_token(nonce: str, *, purpose: str = INVITATION_LINK) -> str:
    """The secret of a link, re-derived from the row's nonce by a keyed hash.

    A repeat of the mail thus carries the same link although the secret is stored nowhere.
    """
    raw = keyed_bytes(nonce.encode(), purpose=purpose)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class OpenedDoor:
    """That a browser has opened a link: the door's handle, what the link is for, what it leads to, and when.

    It is a pointer, not a log-on (8.2): each form names its own handle, so two tabs never mix.
    """

    handle: str
    purpose: str
    """:data:`INVITATION_LINK` or :data:`RESET_LINK`; a door of the one never opens the other."""
    subject: str
    """The public id of the invitation, or of the reset."""
    opened_at: datetime

    @staticmethod
    def seal(handle: str, purpose: str, subject: str) -> str:
        """Signed with the time, for the cookie."""
        return _door_serializer().dumps([handle, purpose, subject])

    @classmethod
    def read(cls, handle: str, sealed: str) -> OpenedDoor | None:
        """From the cookie; None for a forged one, one of another handle, or one older than half an hour."""
        try:
            (named, purpose, subject), opened_at = _door_serializer().loads(
                sealed, max_age=int(DOOR_LIFE.total_seconds()), return_timestamp=True
            )
        except (BadSignature, ValueError):  # ValueError: another version of the program wrote it
            return None
        return cls(handle, purpose, subject, opened_at) if named == handle else None


def _door_serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="vestibule.door")
