"""Column types and columns that many tables share."""

from __future__ import annotations

from typing import Annotated

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import mapped_column

from portal import tokens

BigId = BigInteger().with_variant(Integer(), "sqlite")

PrimaryKey = Annotated[int, mapped_column(BigId, primary_key=True)]
"""The internal number; it never leaves the server."""

PublicId = Annotated[str, mapped_column(String(22), unique=True, insert_default=tokens.public_id)]
"""The random id that stands in addresses."""


def folded(length: int) -> String:
    """Folded text, ordered by code point on every database (so that prefixes and keyset pages use the index)."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")
