"""Our own addresses, and those of others as they go over the wire."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.utils import parseaddr
from functools import lru_cache
from urllib.parse import urlsplit

import idna

from portal.crypto import keyed_bytes
from portal.settings import settings

_BOUNCE_MAC = 10
"""Bytes of the MAC in a bounce address: 80 bits, and it is asked online only."""
BOUNCE = "bounce"
"""The part before the plus sign of the address that bounces come back to."""
_BOUNCE_ADDRESS = re.compile(
    rf"<?{BOUNCE}\+([a-z2-7]{{26}})\.([a-z2-7]{{16}})@[^@\s<>]+>?", re.IGNORECASE | re.ASCII
)


_PLAIN = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*"
    r"@[a-z0-9-]+(?:\.[a-z0-9-]+)*",
    re.IGNORECASE | re.ASCII,
)
"""Addresses that are as good as read already: dot-atoms on both sides (RFC 5322 §3.4.1)."""


class BadAddress(ValueError):
    """Mail cannot be sent to this address."""


def no_reply() -> str:
    """The address that mail comes from (6.3)."""
    return settings().mail_sender or f"no-reply@{_public_host()}"


def own_domain() -> str:
    """The domain of our sender, bounce addresses and Message-IDs."""
    return no_reply().rpartition("@")[2]


def is_ours(address: str) -> bool:
    """Whether mail may come from it: SPF, DKIM and DMARC vouch for our own domain and for no other (decision 21)."""
    return address.rpartition("@")[2].lower() == own_domain().lower()


def message_id(public_id: str) -> str:
    """A mail's Message-ID, without angle brackets: the same for every repeat."""
    return f"{public_id}@{own_domain()}"


def bounce_address(public_id: str) -> str:
    """Where a bounce of this mail comes back to (VERP): it names the mail, and a MAC keeps others from naming one.

    The id is written in base32, for there are servers that change capitals to small letters.
    """
    name = _base32(base64.urlsafe_b64decode(public_id + "=="))
    return f"{BOUNCE}+{name}.{_bounce_mac(public_id)}@{own_domain()}"


def read_bounce_address(address: str) -> str | None:
    """The public id of the mail that a bounce address names; None for any other address, and for a forged one.

    Some servers write it in capitals or between angle brackets.
    """
    found = _BOUNCE_ADDRESS.fullmatch(address.strip())
    if found is None:
        return None
    name, mac = found[1].lower(), found[2].lower()
    raw = base64.b32decode(name.upper() + "=" * (-len(name) % 8))
    public_id = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return public_id if hmac.compare_digest(_bounce_mac(public_id), mac) else None


def on_the_wire(address: str) -> str:
    """One address in ASCII (RFC 5321), a domain of other letters as IDNA (RFC 5891).

    Raises:
        BadAddress: it is none, it is several, or its part before the @ is not ASCII, which few servers take.
    """
    if _PLAIN.fullmatch(address):
        return address
    local, _, domain = address.rpartition("@")
    try:
        plain = (
            f"{local}@{domain if domain.isascii() else idna.encode(domain, uts46=True).decode()}"
        )
        plain.encode("ascii")
        parsed = Address(addr_spec=plain)
    except (ValueError, IndexError, MessageError) as error:
        raise BadAddress from error
    if parsed.addr_spec != plain or parseaddr(plain)[1] != plain:
        raise BadAddress
    return plain


def _bounce_mac(public_id: str) -> str:
    return _base32(keyed_bytes(public_id.encode(), purpose="bounce-address")[:_BOUNCE_MAC])


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _public_host() -> str:
    return _host(settings().public_base_url)


@lru_cache(maxsize=8)
def _host(url: str) -> str:
    host = urlsplit(url).hostname or "localhost"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    return "localhost"
