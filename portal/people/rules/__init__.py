"""What a value of a chart may be (product 2.4, security.md "Values that identify"), and what an
invitation needs (2.1).

Pure: text in, value or refusal out; ``today`` is an argument. One module per kind of value; this is
the door to them.
"""

from portal.addresses import email_key
from portal.people.rules.dates import (
    parse_birth_date,
    parse_death_date,
    parse_end_date,
    try_birth_date,
)
from portal.people.rules.email import (
    first_address,
    is_placeholder_address,
    is_reserved_placeholder,
    parse_email,
)
from portal.people.rules.names import (
    clean_text,
    fold,
    parse_language,
    search_words,
    sort_name,
)
from portal.people.rules.phone import Phone, format_phone, parse_phone, phone_candidates
from portal.people.rules.refusal import Refusal, ValueRefused
from portal.people.rules.requirements import (
    Identifier,
    IdentifiersOnFile,
    Requirements,
    requirements,
)
from portal.people.rules.ssn import mask_ssn, parse_ssn

__all__ = [
    "Identifier",
    "IdentifiersOnFile",
    "Phone",
    "Refusal",
    "Requirements",
    "ValueRefused",
    "clean_text",
    "email_key",
    "first_address",
    "fold",
    "format_phone",
    "is_placeholder_address",
    "is_reserved_placeholder",
    "mask_ssn",
    "parse_birth_date",
    "parse_death_date",
    "parse_email",
    "parse_end_date",
    "parse_language",
    "parse_phone",
    "parse_ssn",
    "phone_candidates",
    "requirements",
    "search_words",
    "sort_name",
    "try_birth_date",
]
