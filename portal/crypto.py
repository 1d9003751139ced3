"""Field encryption and keyed hashes. One secret per purpose, derived by HKDF (RFC 5869)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

_NONCE = 12


class KeyUnknown(RuntimeError):
    """A value was encrypted with a key version that this installation no longer holds."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The installation's key material, read once at start."""

    secret: bytes
    encryption: dict[int, bytes]
    current: int

    @classmethod
    def read(cls, *, secret: str, encryption: str) -> Keys:
        """From ``SECRET_KEY`` and ``DATA_ENCRYPTION_KEY`` (``VERSION:BASE64,…``, newest first).

        Raises:
            ValueError: an encryption key is not 32 bytes, or the form is wrong.
        """
        keys: dict[int, bytes] = {}
        for entry in encryption.split(","):
            version, _, encoded = entry.strip().partition(":")
            keys[int(version)] = base64.b64decode(encoded)
        if any(len(key) != 32 for key in keys.values()):
            raise ValueError("each key of DATA_ENCRYPTION_KEY must be 32 bytes")
        return cls(secret=secret.encode(), encryption=keys, current=next(iter(keys)))

    def derived(self, purpose: str) -> bytes:
        """A 256-bit key for one purpose only."""
        return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(self.secret)


def keys() -> Keys:
    """The keys of the current application."""
    found: Keys = current_app.extensions["vestibule.keys"]
    return found


def encrypt(plain: str, *, bound_to: str) -> bytes:
    """AES-256-GCM; ``bound_to`` (the row's public id) is associated data, so a value moved to another row is dead."""
    held = keys()
    nonce = os.urandom(_NONCE)
    sealed = AESGCM(held.encryption[held.current]).encrypt(nonce, plain.encode(), bound_to.encode())
    return bytes([held.current]) + nonce + sealed


def decrypt(sealed: bytes, *, bound_to: str) -> str:
    """The inverse of :func:`encrypt`.

    Raises:
        KeyUnknown: the value's key version is not held any more.
        cryptography.exceptions.InvalidTag: the value was changed or belongs to another row.
    """
    held = keys()
    key = held.encryption.get(sealed[0])
    if key is None:
        raise KeyUnknown(f"key version {sealed[0]} is not held")
    body = AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], bound_to.encode())
    return body.decode()


def keyed_hash(value: str, *, purpose: str) -> str:
    """HMAC-SHA256 in hex, under the purpose's own key: for matching without keeping the value."""
    return hmac.new(_derived(purpose), value.encode(), hashlib.sha256).hexdigest()


def keyed_bytes(value: bytes, *, purpose: str) -> bytes:
    """The 32 raw bytes of HMAC-SHA256 under the purpose's own key."""
    return hmac.digest(_derived(purpose), value, "sha256")


def _derived(purpose: str) -> bytes:
    cache: dict[str, bytes] = current_app.extensions.setdefault("vestibule.derived_keys", {})
    if purpose not in cache:
        cache[purpose] = keys().derived(purpose)
    return cache[purpose]
