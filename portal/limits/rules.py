"""The figures of security.md, and how waits grow. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` events of one key in any trailing ``window``."""

    scope: str
    most: int
    window: timedelta


IDENTITY_PER_INVITATION = 5
IDENTITY_PER_RESET = 5
IDENTITY_PER_PATIENT = Limit("identity.patient", 10, timedelta(hours=24))
IDENTITY_PER_SSN = Limit("identity.ssn", 10, timedelta(hours=1))
IDENTITY_PER_CLIENT = Limit("identity.client", 20, timedelta(hours=1))
FRESH_LINKS_PER_GRANT = 2
FRESH_LINK_LIFE = timedelta(days=30)
MAIL_PER_ADDRESS = Limit("mail.address", 3, timedelta(hours=1))
SIGN_UP_PER_CLIENT = Limit("sign-up.client", 40, timedelta(hours=1))
"""Sign-up pages ask whether a username is free and hash a password: neither may be had without end."""

APPOINTMENT_REQUESTS = Limit("appointment.request", 10, timedelta(hours=24))
"""Per patient: what is asked has to be read by staff, also what was taken back again."""

USERNAME_CHECKS = Limit("username.check", 30, timedelta(minutes=1))
"""Per staff member, while typing: usernames are unique in the installation, so asking tells of other practices."""

FREE_TRIES = 10
CLIENT_FREE_TRIES = 30
"""A whole waiting room may share one client address, so it gets more than an account."""
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


def wait_after(failures: int, *, free: int = FREE_TRIES) -> timedelta:
    """How long the next try waits after so many wrong passwords in a row (NIST 63B-4 §3.2.2).

    None for the first ``free - 1``; from the ``free``-th on 30 s, doubling, to one hour, never for ever.
    """
    if failures < free:
        return timedelta(0)
    doublings = min(failures - free, 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
