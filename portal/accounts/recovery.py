"""Hangs what concerns resets and confirmed addresses onto the rooms below."""

from __future__ import annotations

from portal.access import service as access
from portal.accounts import addresses, email_codes, resets
from portal.people import service as people


def register() -> None:
    """Called once; a second time changes nothing."""
    access.grant_ended.register(resets.end_with_grant)
    people.email_changed.register(resets.end_after_email_change)
    people.email_changed.register(addresses.ask_for_proof)
    email_codes.proven.register(addresses.record_proof)
