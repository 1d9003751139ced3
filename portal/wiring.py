"""Introduce the rooms to each other: each hangs its callbacks onto the rooms it stands on."""

from __future__ import annotations

from portal import upkeep
from portal.accounts import mail as accounts_mail
from portal.accounts import notices, recovery, reset_mail
from portal.accounts import service as accounts_service
from portal.bulk import jobs as bulk_jobs
from portal.bulk import samples as bulk_samples
from portal.invitations import mail as invitations_mail
from portal.invitations import outcomes, reminder_mail
from portal.outreach import jobs as outreach_jobs
from portal.outreach import mail as outreach_mail
from portal.outreach import planning
from portal.people import mail as people_mail
from portal.practices import service as practices
from portal.roster import writing as roster
from portal.schedule import consents, of_patient
from portal.schedule import lists as schedule_lists
from portal.schedule import models as schedule_models


def connect_rooms() -> None:
    """Called once by ``create_app``; a second time changes nothing."""
    practices.founded.register(schedule_lists.provide_new)
    of_patient.register()
    consents.register()
    outcomes.register()
    accounts_service.register()
    recovery.register()
    roster.register()
    planning.register()
    upkeep.register()


__all__ = [
    "accounts_mail",
    "bulk_jobs",
    "bulk_samples",
    "connect_rooms",
    "invitations_mail",
    "notices",
    "outreach_jobs",
    "outreach_mail",
    "people_mail",
    "reminder_mail",
    "reset_mail",
    "schedule_models",
]
