"""Whether a reset may go to an active patient, and in words why not (3.5, 3.7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from portal.accounts import resets
from portal.accounts.rules import ResetObstacle
from portal.people.models import Patient
from portal.web.filters import moment

RESET = "reset"
"""The field of a send form that says: a reset mail, and the newest reset (public id) is this one, or there is none."""


@dataclass(frozen=True, slots=True)
class ResetStanding:
    """What a send form of one active patient needs."""

    obstacle: ResetObstacle | None
    newest: str
    """Public id of the newest reset, or empty."""


def reset_standings(patients: Iterable[Patient], *, now: datetime) -> dict[int, ResetStanding]:
    """Of each of these patients, by two queries."""
    asked = list(patients)
    if not asked:
        return {}
    newest = resets.newest_of([patient.id for patient in asked])
    obstacles = resets.obstacles_among(asked, now=now)
    return {
        patient.id: ResetStanding(
            obstacles[patient.id],
            newest[patient.id].public_id if patient.id in newest else "",
        )
        for patient in asked
    }


_WHY = {
    ResetObstacle.NO_ACCOUNT: _l("No account to reset"),
    ResetObstacle.UNCONFIRMED: _l(
        "New email not confirmed yet: the patient enters the code on the portal’s home page"
    ),
}


def why_no_reset(obstacle: ResetObstacle, patient: Patient) -> str:
    """In words, for staff."""
    if obstacle is ResetObstacle.WAITS:
        until = moment(patient.resets_blocked_until, patient.practice.time_zone)
        return _("The email on file changed: resets wait until %(time)s", time=until)
    return str(_WHY[obstacle])
