"""E-mail addresses: what is one, what only says that there is none, and by which key one is looked
up."""

from __future__ import annotations

import re
import unicodedata

from email_validator import EmailNotValidError, validate_email

from portal.addresses import email_key
from portal.people.rules.names import has_controls
from portal.people.rules.refusal import Refusal, ValueRefused

_EDGES = " \t\u00a0\u200b\u200c\u200d\u2060\ufeff"
_SEPARATORS = re.compile(r"[\s;,|/\u00a0]+")
_ANGLES = re.compile(r"[^<>]*<([^<>]*)>")

# What clerks type where the form insists on an e-mail; compared without anything but letters and
# digits.
_NONE = (
    "none no na nil null noemail nomail noaddress noemailaddress donotemail unknown unk declined"
    " decline refused notgiven notprovided notavailable notapplicable doesnothave doesnthave"
    " nothing tbd pending xx xxx xxxx ninguno ninguna notiene sincorreo desconocido"
)
_NONE_WORDS = frozenset(_NONE.split())
# A person cannot be called this: it says that there is no address, under whatever domain.
_NO_ADDRESS = frozenset(
    {"noemail", "nomail", "noaddress", "noemailaddress", "donotemail", "declined", "notprovided"}
)
_TESTS = (
    "test testing tester test1 test123 asdf abc fake user example sample email mail me patient"
    " nobody noone someone anyone firstlast"
)
_MADE_UP = _NONE_WORDS.union(_TESTS.split())
_MADE_UP_DOMAINS = frozenset(
    {"test.com", "none.com", "noemail.com", "nomail.com", "fake.com", "email.com", "abc.com"}
)
# Kept for documentation by RFC 2606: nobody has a mailbox there.
_RESERVED_DOMAINS = frozenset({"example.com", "example.org", "example.net"})


def parse_email(text: str) -> str:
    """One address as it is stored: NFC, domain in lower case, without ``mailto:`` or ``Name <…>``
    around it.

    An address typed wholly in capitals is taken as a caps-lock slip and stored in lower case;
    otherwise the part before the @ is kept as typed (RFC 5321 §2.4). Nobody is asked whether the
    domain receives mail.

    Raises:
        ValueRefused: ``EMAIL_SHAPE`` (also for a line break or control character anywhere),
            ``EMAIL_SEVERAL`` for more than one address, or ``EMAIL_PLACEHOLDER`` for what only says
            that there is none.
    """
    bare = _unwrapped(text)
    if len(_addresses(bare)) > 1:
        raise ValueRefused(Refusal.EMAIL_SEVERAL)
    if "@" not in bare and _is_none_word(bare):
        raise ValueRefused(Refusal.EMAIL_PLACEHOLDER)
    try:
        found = validate_email(bare, check_deliverability=False)
    except EmailNotValidError as error:
        raise ValueRefused(Refusal.EMAIL_SHAPE) from error
    local = found.local_part.lower() if bare.upper() == bare else found.local_part
    address = unicodedata.normalize("NFC", f"{local}@{found.domain}")
    if _says_none(*address.rsplit("@", 1)):
        raise ValueRefused(Refusal.EMAIL_PLACEHOLDER)
    return address


def first_address(text: str) -> str:
    """The first of several addresses in one cell, or the text as it is: for files, where nobody can
    be asked back."""
    found = _addresses(text)
    return found[0] if len(found) > 1 else text


def is_placeholder_address(address: str) -> bool:
    """Whether a well-formed address is most likely made up (test@test.com): kept, but not mailed in
    bulk unasked."""
    local, _, domain = email_key(address).rpartition("@")
    label = domain.partition(".")[0]
    if domain in _MADE_UP_DOMAINS and (local == label or _letters(local) in _MADE_UP):
        return True
    return _letters(local) in _MADE_UP and (
        domain in _RESERVED_DOMAINS or label == local or _letters(label) in _NONE_WORDS
    )


def is_reserved_placeholder(address: str) -> bool:
    """Whether it is made up *and* under a domain where nobody can have a mailbox
    (patient@example.com)."""
    return is_placeholder_address(address) and address.rpartition("@")[2] in _RESERVED_DOMAINS


def _unwrapped(text: str) -> str:
    # Line breaks and controls are refused, not stripped: they are how headers are smuggled into
    # mail (CWE-93).
    if has_controls(text):
        raise ValueRefused(Refusal.EMAIL_SHAPE)
    bare = text.strip(_EDGES)
    angled = _ANGLES.fullmatch(bare)
    if angled:
        bare = angled[1].strip(_EDGES)
    if bare[:7].lower() == "mailto:":
        bare = bare[7:].partition("?")[0].strip(_EDGES)
    return bare


def _addresses(text: str) -> list[str]:
    return [part for part in _SEPARATORS.split(text) if "@" in part.strip("@<>")]


def _says_none(local: str, domain: str) -> bool:
    word = _letters(local)
    if word in _NO_ADDRESS:
        return True
    return word in _NONE_WORDS and (
        domain in _RESERVED_DOMAINS or _letters(domain.partition(".")[0]) == word
    )


def _is_none_word(text: str) -> bool:
    word = _letters(text)
    return bool(text) and (word in _NONE_WORDS or not word)


def _letters(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
