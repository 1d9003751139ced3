"""Whom a staff member may act upon in bulk ("Who may what", 7.2)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, literal, or_, select, true

from portal.bulk.models import BulkRun
from portal.bulk.rules import AT_ONCE
from portal.bulk.states import RunScope
from portal.people.models import Patient
from portal.practices.models import Provider, Role, StaffMember


def within(staff: StaffMember) -> ColumnElement[bool]:
    """Of a patient of the practice: whether this person's run may reach them.

    A provider's covers own patients and those of providers who share; patients without a provider are the
    administrators'. The front desk reaches whom it could reach one by one.
    """
    if reaches_all(staff):
        return true()
    return theirs(literal(staff.practice_id), literal(staff.id))


def reaches_all(staff: StaffMember) -> bool:
    """Whether this person's run may reach every patient of the practice."""
    return staff.role != Role.PROVIDER


def theirs(practice: ColumnElement[int], staff: ColumnElement[int]) -> ColumnElement[bool]:
    """Of a patient of this practice: that it is this provider's own, or one of a provider's who shares."""
    sharing = or_(Provider.staff_member_id == staff, Provider.shares_patients)
    providers = select(Provider.id).where(Provider.practice_id == practice, sharing)
    return Patient.provider_id.is_not(None) & Patient.provider_id.in_(providers)


def may_run(staff: StaffMember, *, scope: RunScope, number: int) -> bool:
    """Whether this person's role includes a run of this size."""
    if staff.role in {Role.ADMINISTRATOR, Role.PROVIDER}:
        return True
    return scope is RunScope.SELECTION and number <= AT_ONCE


def may_steer(staff: StaffMember, run: BulkRun) -> bool:
    """Whether this person may pause, resume and cancel a run of their practice: it is theirs, or they are
    an administrator."""
    return run.staff_member_id == staff.id or staff.role == Role.ADMINISTRATOR
