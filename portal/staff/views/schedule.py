"""The schedule (4.1): a day, a week, or the check-in list of who is not yet on the portal."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from portal.staff import blueprint, schedule_answers
from portal.staff.schedule_place import SchedulePlace


@blueprint.get("/schedule")
def schedule() -> ResponseReturnValue:
    """The appointments of a day or a week, by provider and office."""
    place = SchedulePlace.read(request.args, today=schedule_answers.today())
    return schedule_answers.page(place)
