"""Let PostgreSQL look anew at the tables that a run fills.

It keeps the plans that it made while they were small, and looks by itself only minutes later: by then a run has
issued a hundred thousand invitations, each batch of which walked through all of those before it.
"""

from __future__ import annotations

from sqlalchemy import text

from portal.access.models import Grant
from portal.bulk.models import BulkItem, BulkRun
from portal.extensions import db
from portal.invitations.models import Invitation, InvitationEvent
from portal.mail.models import OutboxMessage
from portal.people.models import Patient, PatientPhone
from portal.roster.models import RosterRow
from portal.rows import table_of
from portal.transaction import atomic

_TABLES = (
    Patient,
    PatientPhone,
    Grant,
    Invitation,
    InvitationEvent,
    OutboxMessage,
    BulkItem,
    RosterRow,
)
_FIRST, _TIMES = 200, 4


def is_new(run: BulkRun) -> bool:
    """Whether nobody has worked on a run that is not small: a file may have come in a minute ago."""
    return run.worked_at == run.started_at and run.remaining >= _FIRST


def has_grown(before: int, after: int) -> bool:
    """Whether a run that had acted upon so many people has acted upon so many more that a look is worth while."""
    mark = _FIRST
    while mark <= before:
        mark *= _TIMES
    return after >= mark


def look_anew() -> None:
    """About a second where there are millions."""
    if db.engine.dialect.name != "postgresql":
        return
    with atomic():
        for model in _TABLES:
            db.session.execute(text(f"ANALYZE {table_of(model).name}"))
