"""How e-mail addresses are compared, everywhere in the portal. Pure."""

from __future__ import annotations

import string
import unicodedata

_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def email_key(address: str) -> str:
    """What an address is looked up by: NFC, trimmed, ASCII letters in lower case, nothing else folded.

    Unicode case folding would let ``mıke@`` find ``MIKE@`` (CVE-2019-19844): another person's mailbox.
    """
    return unicodedata.normalize("NFC", address.strip()).translate(_ASCII_LOWER)
