"""Open and end grants; record what becomes of them. The only writer of ``access_grant``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, func, select, union, update
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import set_committed_value

from portal import clock, tokens
from portal.access.charts import Chart, chart_of
from portal.access.models import EndReason, Grant
from portal.access.rules import GrantFacts, Status, has_ended, status
from portal.audit import service as audit
from portal.audit.actor import Actor, ActorKind
from portal.errors import Refused
from portal.extensions import db
from portal.hooks import Hook
from portal.people.locking import lock_patient as lock_patient
from portal.people.locking import number_of
from portal.people.models import Patient
from portal.rows import Values, among, insert_numbered, table_of
from portal.transaction import atomic, touch_patient, touch_patients

grant_ended: Hook[[Grant, EndReason, Actor, datetime]] = Hook()
"""Called when a grant ends: the rooms above void invitations and end log-ons."""


_END = table_of(Grant).update().where(Grant.id == bindparam("grant"), Grant.ended_at.is_(None))
_CURRENT = select(Grant).where(Grant.patient_id == bindparam("patient"), Grant.ended_at.is_(None))
_HELD = select(
    Grant.patient_id,
    Grant.id,
    Grant.email,
    Grant.invited_at,
    Grant.first_logon_at,
    Grant.existing_account_since,
).where(among(Grant.patient_id, "patients"), Grant.ended_at.is_(None))
_NEWEST_USED = (
    select(func.max(Grant.id))
    .where(
        among(Grant.patient_id, "patients"),
        Grant.first_logon_at.is_not(None),
    )
    .group_by(Grant.patient_id)
)
_USED = select(
    Grant.patient_id, Grant.first_logon_at, Grant.activated_at, Grant.existing_account_since
).where(Grant.id.in_(_NEWEST_USED))


def current_grant(patient_id: int) -> Grant | None:
    """The patient's grant that has not ended."""
    return db.session.scalar(_CURRENT, {"patient": patient_id})


def history(patient_id: int) -> list[Grant]:
    """The Access History, newest first (3.3)."""
    return list(
        db.session.scalars(
            select(Grant)
            .where(Grant.patient_id == patient_id)
            .order_by(Grant.enabled_at.desc(), Grant.id.desc())
        )
    )


def chart_ended(patient: Patient, *, now: datetime) -> bool:
    """Whether the chart's end date or the person's death is here, by the practice's calendar."""
    return has_ended(
        end_date=patient.end_date,
        deceased=patient.deceased,
        deceased_on=patient.deceased_on,
        today=clock.local_date(now, patient.practice.time_zone),
    )


def facts(grant: Grant | None) -> GrantFacts | None:
    """What the status depends on."""
    if grant is None:
        return None
    return GrantFacts(
        invited_at=grant.invited_at,
        first_logon_at=grant.first_logon_at,
        existing_account_since=grant.existing_account_since,
    )


def status_of(patient: Patient, grant: Grant | None, *, now: datetime) -> Status:
    """The patient's portal status at this moment."""
    return status(facts(grant), ended=chart_ended(patient, now=now))


def statuses(patients: list[Patient], *, now: datetime) -> dict[int, Status]:
    """The status of each of a page of patients, by one query."""
    grants = db.session.scalars(
        select(Grant).where(
            Grant.patient_id.in_([patient.id for patient in patients]), Grant.ended_at.is_(None)
        )
    )
    held = {grant.patient_id: grant for grant in grants}
    return {patient.id: status_of(patient, held.get(patient.id), now=now) for patient in patients}


def enable(
    *, patient: Patient, by: Actor, now: datetime, require_new_invitation: bool = False
) -> Grant:
    """The grant that :func:`open_grant` opens or finds open.

    Raises:
        Refused: the chart is end-dated or the patient deceased.
    """
    return open_grant(
        patient=patient, by=by, now=now, require_new_invitation=require_new_invitation
    )[0]


def open_grant(
    *, patient: Patient, by: Actor, now: datetime, require_new_invitation: bool = False
) -> tuple[Grant, bool]:
    """Open a grant, True; where one is open, that one is returned with False and nothing changes.

    A patient whose account was active before, and whose e-mail on file is still the one it was activated
    with, is green at once (1.5), unless a new invitation is required.

    Raises:
        Refused: the chart is end-dated or the patient deceased.
    """
    patient_id = number_of(patient)
    with atomic():
        patient = lock_patient(patient_id)
        grant = current_grant(patient_id)
        if grant is not None:
            return grant, False
        if chart_ended(patient, now=now):
            raise Refused("deceased" if patient.deceased else "end_dated")
        chart = chart_of(patient)
        since = None if require_new_invitation else _active_before([chart]).get(patient_id)
        values = _values(chart, since, by=by, now=now)
        grant = Grant(**values)
        db.session.add(grant)
        touch_patient(patient_id)
        db.session.flush()
        _tell_enabled(values, by=by, now=now)
        return grant, True


@dataclass(frozen=True, slots=True)
class Held:
    """The current grant of a patient, as far as an invitation depends on it."""

    id: int
    email: str | None
    facts: GrantFacts


def held_by(patient_ids: Collection[int]) -> dict[int, Held]:
    """The current grants of these patients, by one query."""
    rows = db.session.connection().execute(_HELD, {"patients": patient_ids})
    return {row.patient_id: Held(row.id, row.email, GrantFacts(*row[3:])) for row in rows}


def enable_many(
    charts: Sequence[Chart], *, by: Actor, now: datetime, invited: bool = False
) -> dict[int, Held]:
    """What :func:`enable` does, for charts that hold no grant and have not ended, in the caller's transaction.

    The caller has locked them and looked at them under the lock.

    Args:
        invited: whether the caller invites everybody at once whose old account is not good again, so that
            :func:`record_invited_many` need not be told of these.
    """
    since = _active_before(charts)
    rows = [_values(chart, since.get(chart.id), by=by, now=now) for chart in charts]
    for row in rows:
        row["invited_at"] = now if invited and row["existing_account_since"] is None else None
    numbers = insert_numbered(Grant, rows)
    touch_patients(chart.id for chart in charts)
    for row in rows:
        _tell_enabled(row, by=by, now=now)
    return {
        row["patient_id"]: Held(
            numbers[row["public_id"]],
            row["email"],
            GrantFacts(
                invited_at=row["invited_at"], existing_account_since=row["existing_account_since"]
            ),
        )
        for row in rows
    }


def _values(chart: Chart, since: datetime | None, *, by: Actor, now: datetime) -> Values:
    return {
        "public_id": tokens.public_id(),
        "practice_id": chart.practice_id,
        "patient_id": chart.id,
        "email": chart.email,
        "enabled_at": now,
        "enabled_by_name": by.name,
        "enabled_by_staff_id": by.id if by.kind is ActorKind.STAFF else None,
        "existing_account_since": since,
    }


def _tell_enabled(grant: Values, *, by: Actor, now: datetime) -> None:
    audit.record(
        "access.enabled",
        practice_id=grant["practice_id"],
        by=by,
        now=now,
        subject=("patient", grant["patient_id"]),
        grant=grant["public_id"],
        email=grant["email"],
        existing_account=grant["existing_account_since"] is not None,
    )


def end(*, grant: Grant, reason: EndReason, by: Actor, now: datetime) -> bool:
    """End a grant; False when it had ended before. Log-ons and open invitations under it end with it."""
    grant_id = grant.id
    with atomic():
        ended = {"ended_at": now, "ended_by_name": by.name, "end_reason": reason.value}
        done = db.session.connection().execute(_END, {"grant": grant_id, **ended})
        if done.rowcount != 1:
            return False
        for name, value in ended.items():
            set_committed_value(grant, name, value)
        touch_patient(grant.patient_id)
        audit.record(
            "access.ended",
            practice_id=grant.practice_id,
            by=by,
            now=now,
            subject=("patient", grant.patient_id),
            grant=grant.public_id,
            reason=reason.value,
        )
        grant_ended(grant, reason, by, now)
        return True


def record_invited(grant: Grant, *, now: datetime) -> None:
    """An invitation was issued under this grant (1.4)."""
    if grant.invited_at is None:
        grant.invited_at = now
        touch_patient(grant.patient_id)


def record_invited_many(addresses: Mapping[int, str], *, now: datetime) -> None:
    """The first invitations were issued under these grants, to these addresses; the caller has touched the patients."""
    if not addresses:
        return
    grants = table_of(Grant)
    db.session.execute(
        grants.update()
        .where(grants.c.id == bindparam("grant"))
        .values(email=bindparam("address"), invited_at=now),
        [{"grant": grant, "address": address} for grant, address in addresses.items()],
    )


def record_activated(grant: Grant, *, now: datetime) -> None:
    """The account was created, or linked, under this grant; who registers is logged on by it (1.4)."""
    grant.activated_at = grant.activated_at or now
    grant.first_logon_at = grant.first_logon_at or now
    touch_patient(grant.patient_id)


def record_logon(patient_ids: list[int], *, now: datetime) -> None:
    """Somebody logged on with an account that holds these people: their first log-on, where it is one."""
    db.session.execute(
        update(Grant)
        .where(
            Grant.patient_id.in_(patient_ids),
            Grant.ended_at.is_(None),
            Grant.first_logon_at.is_(None),
            (Grant.activated_at.is_not(None)) | (Grant.existing_account_since.is_not(None)),
        )
        .values(first_logon_at=now)
    )
    touch_patients(patient_ids)


def open_to_portal(grant: Grant | None) -> bool:
    """Whether an account may read the chart under this grant: it was activated, or found its account in place."""
    return grant is not None and bool(grant.activated_at or grant.existing_account_since)


def end_overdue(*, by: Actor, now: datetime, limit: int = 500) -> int:
    """The sweep: end the grants of charts whose end date or death is here (1.2). A refusal never waits for it."""
    tomorrow = clock.local_date(now, "Pacific/Kiritimati")
    chart = aliased(Patient)
    leaving = union(
        select(chart.id).where(chart.end_date <= tomorrow), select(chart.id).where(chart.deceased)
    )  # each walks a small index of its own; of one condition with OR the databases make a scan
    candidates = db.session.execute(
        select(Grant, Patient)
        .join(Patient, Patient.id == Grant.patient_id)
        .where(Grant.ended_at.is_(None), Grant.patient_id.in_(leaving))
        # who left longest ago first: those who leave tomorrow must not crowd out who is due
        .order_by(func.coalesce(Patient.end_date, Patient.deceased_on, date.min))
        .limit(limit)
    ).all()
    overdue = [patient.id for _, patient in candidates if chart_ended(patient, now=now)]
    return sum(_end_overdue(number, by=by, now=now) for number in overdue)


def _end_overdue(patient_id: int, *, by: Actor, now: datetime) -> bool:
    """Under the patient's lock, like every act upon a chart: so nobody waits for each other."""
    with atomic():
        patient = lock_patient(patient_id)
        grant = current_grant(patient_id)
        if grant is None or not chart_ended(patient, now=now):
            return False
        reason = EndReason.DECEASED if patient.deceased else EndReason.END_DATED
        return end(grant=grant, reason=reason, by=by, now=now)


def _active_before(charts: Sequence[Chart]) -> dict[int, datetime]:
    """Who has an account that was active under the e-mail that is on file still, and since when."""
    asked = {"patients": [chart.id for chart in charts]}
    last = {row.patient_id: row for row in db.session.execute(_USED, asked)}
    since = {}
    for chart in charts:
        row = last.get(chart.id)
        if row is None or chart.email_key is None:
            continue
        if chart.email_changed_at and chart.email_changed_at > row.first_logon_at:
            continue
        since[chart.id] = row.activated_at or row.existing_account_since
    return since
