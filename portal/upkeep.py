"""What the sweep does besides mail: tidy what the clock has overtaken. A refusal never waits for it."""

from __future__ import annotations

from datetime import datetime

from portal import sweep
from portal.access import service as access
from portal.accounts import reset_passwords, sign_up
from portal.audit.actor import system
from portal.invitations import reminders
from portal.limits import service as limits
from portal.people import stored_search
from portal.roster import selection
from portal.transaction import atomic


def register() -> None:
    """Hand the tasks to the sweep."""
    for name, task in (
        ("sign-ups", _sign_ups),
        ("ended charts", _ended_charts),
        ("limits", _limits),
        ("searches", _searches),
        ("selections", _selections),
        ("reminders", _reminders),
    ):
        sweep.task(name)(task)


def _sign_ups(now: datetime) -> None:
    sign_up.forget_stale(now=now)
    reset_passwords.forget_stale(now=now)


def _ended_charts(now: datetime) -> None:
    access.end_overdue(by=system(), now=now)


def _limits(now: datetime) -> None:
    with atomic():
        limits.forget_old(now=now)


def _searches(now: datetime) -> None:
    with atomic():
        stored_search.forget_old(now=now)


def _selections(now: datetime) -> None:
    selection.forget_old(now=now)


def _reminders(now: datetime) -> None:
    reminders.remind_due(now)
