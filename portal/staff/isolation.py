"""One practice never sees another's people (architecture, rule 4): a 404, and a line in the audit trail."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from flask_login import current_user
from sqlalchemy import select

from portal import clock
from portal.access.models import Grant
from portal.accounts.recovery_models import PasswordReset
from portal.attention.models import AttentionItem
from portal.bulk.models import BulkRun
from portal.errors import NotFound
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.people import service as people
from portal.people import views_log
from portal.people.models import Patient
from portal.pictures.models import Picture
from portal.practices.models import Provider
from portal.schedule import booking
from portal.schedule.models import (
    Appointment,
    AppointmentRequest,
    AppointmentStatus,
    ListEntry,
    Office,
)
from portal.web import errors
from portal.web.signed_on import practice_on, staff_hand, staff_on

_OWNED = (
    Patient,
    AttentionItem,
    Grant,
    Invitation,
    PasswordReset,
    Provider,
    BulkRun,
    Picture,
    Appointment,
    Office,
    AppointmentStatus,
    ListEntry,
    AppointmentRequest,
)


def patient_of(public_id: str) -> Patient:
    """The patient of the signed-in person's practice.

    Raises:
        NotFound: there is none, or it is another practice's.
    """
    return people.get_patient(practice_id=practice_on(), public_id=public_id)


def appointment_of(public_id: str) -> Appointment:
    """The appointment of the signed-in person's practice.

    Raises:
        NotFound: there is none, or it is another practice's.
    """
    return booking.get(practice_id=staff_on().practice_id, public_id=public_id)


def watch(blueprint: Blueprint) -> None:
    """Tell the audit trail when an id of another practice was asked for, wherever in the request it stood."""
    blueprint.before_request(_refuse_nul)
    blueprint.register_error_handler(NotFound, _not_found)


def _refuse_nul() -> None:
    """No text holds a NUL, and PostgreSQL cannot be asked about one."""
    texts = (*(request.view_args or {}).values(), *request.args.values(), *request.form.values())
    if any("\0" in str(text) for text in texts):
        abort(400)


def _not_found(_error: NotFound) -> ResponseReturnValue:
    if current_user.is_authenticated:
        foreign = _foreign_thing()
        if foreign is not None:
            views_log.record_refusal(
                practice_id=staff_on().practice_id,
                route=request.endpoint or "",
                reason=f"other_practice_{foreign}",
                by=staff_hand(),
                now=clock.now(),
            )
    return errors.page(404)


def _foreign_thing() -> str | None:
    ids = list(_ids())
    practice_id = staff_on().practice_id
    for owned in _OWNED:
        query = select(owned.id).where(owned.public_id.in_(ids), owned.practice_id != practice_id)
        if db.session.scalar(query.limit(1)) is not None:
            return owned.__tablename__
    return None


def _ids() -> Iterator[str]:
    """Whatever in the request may be a public id."""
    yield from (str(value) for value in (request.view_args or {}).values())
    yield from request.args.values()
    yield from (value for value in request.form.values() if len(value) <= 22)
