"""The link of List-Unsubscribe (RFC 2369, RFC 8058): a keyed hash of the mail's own id, so that no secret is stored."""

from __future__ import annotations

import base64
import hmac

from portal.crypto import keyed_bytes
from portal.settings import settings

_ID = 22
_MAC = 18
"""Bytes of the MAC: 144 bits, 24 characters."""


def token(public_id: str) -> str:
    """What stands in the link of this mail, 46 characters."""
    return public_id + _mac(public_id)


def read_token(token: str) -> str | None:
    """The public id of the mail whose link this is; None for a forged one."""
    public_id, mac = token[:_ID], token[_ID:]
    return public_id if hmac.compare_digest(_mac(public_id).encode(), mac.encode()) else None


def link(public_id: str) -> str:
    """The whole address, from the configured public one and from nothing else."""
    return address(token(public_id))


def address(token: str) -> str:
    """The address of a link, on the configured public address."""
    return f"{settings().public_base_url.rstrip('/')}/u/{token}"


def _mac(public_id: str) -> str:
    raw = keyed_bytes(public_id.encode(), purpose="unsubscribe-link")[:_MAC]
    return base64.urlsafe_b64encode(raw).decode()
