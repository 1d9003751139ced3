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


def link_token(nonce: str) -> str:
    """The secret of an invitation's link, re-derived from the row's nonce by a keyed hash.

    A repeat of the mail thus carries the same link although the secret is stored nowhere.
    """
    raw = keyed_bytes(nonce.encode(), purpose=INVITATION_LINK)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class OpenedDoor:
    """That a browser has opened an invitation's link: its handle, the invitation's public id, and when.

    It is a pointer, not a log-on (8.2): each form names its own handle, so two tabs never mix.
    """

    handle: str
    invitation: str
    opened_at: datetime

    @staticmethod
    def seal(handle: str, invitation: str) -> str:
        """Signed with the time, for the cookie."""
        return _door_serializer().dumps([handle, invitation])

    @classmethod
    def read(cls, handle: str, sealed: str) -> OpenedDoor | None:
        """From the cookie; None for a forged one, one of another handle, or one older than half an hour."""
        try:
            (named, invitation), opened_at = _door_serializer().loads(
                sealed, max_age=int(DOOR_LIFE.total_seconds()), return_timestamp=True
            )
        except BadSignature:
            return None
        return cls(handle, invitation, opened_at) if named == handle else None


def _door_serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="vestibule.door")
