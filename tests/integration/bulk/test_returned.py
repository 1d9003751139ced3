"""A mail that comes back when its run has counted it as sent: the report and "Retry" know of it (7.4, 7.5)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal import clock
from portal.bulk import jobs, returned, working
from portal.bulk import preview as previews
from portal.bulk import service as bulk
from portal.bulk.models import BulkItem, BulkRun
from portal.bulk.preview import Scope
from portal.bulk.states import RunKind, RunScope, SkipReason
from portal.extensions import db
from portal.invitations.models import Invitation
from portal.mail.rules import Reason
from tests.factories import accept_mail
from tests.integration.bulk.conftest import begin
from tests.integration.mail.test_bounces import GONE, come_back


@pytest.fixture
def run(house, patients, moment) -> BulkRun:
    """Three were invited, and the mail server took all three."""
    run = begin(house, RunKind.INVITE)
    working.work_batch(run.public_id, now=clock.now())
    for invitation in invitations():
        accept_mail(invitation, now=moment.now)
    working.work_batch(run.public_id, now=clock.now())
    assert numbers(run) == (3, 0)
    return run


def invitations() -> list[Invitation]:
    return list(db.session.scalars(select(Invitation).order_by(Invitation.id)))


def numbers(run: BulkRun) -> tuple[int, int]:
    db.session.rollback()
    held = db.session.get_one(BulkRun, run.id)
    return held.done, held.failed


def test_the_sweep_counts_it_as_failed_with_its_reason(run, house, moment) -> None:
    come_back(GONE, invitations()[1], moment)
    jobs.sweep_runs(moment.now)
    assert numbers(run) == (2, 1)
    states = db.session.execute(
        select(BulkItem.state, BulkItem.reason).order_by(BulkItem.patient_id)
    )
    assert [tuple(row) for row in states] == [
        ("done", None), ("failed", Reason.NO_SUCH_MAILBOX), ("done", None),
    ]  # fmt: skip
    assert db.session.get_one(BulkRun, run.id).state == "done"
    scope = Scope(RunScope.FAILED, house.administrator, run_id=run.id)
    again = previews.make(RunKind.INVITE, scope, now=moment.now)
    assert dict(again.reasons) == {SkipReason.BOUNCED: 1}, "and is skipped until it is changed"


def test_it_is_looked_for_once(run, moment) -> None:
    assert returned.runs_to_look_at(now=moment.now) == []
    come_back(GONE, invitations()[0], moment)
    assert returned.runs_to_look_at(now=moment.now) == [run.public_id]
    assert returned.take_in(run.public_id, now=moment.now) == 1
    assert returned.take_in(run.public_id, now=moment.now) == 0
    moment.pass_(minutes=6)
    assert returned.take_in(run.public_id, now=moment.now) == 0
    assert returned.runs_to_look_at(now=moment.now) == []
    come_back(GONE, invitations()[1], moment)
    assert returned.runs_to_look_at(now=moment.now) == [run.public_id]
    moment.pass_(days=31)
    assert returned.runs_to_look_at(now=moment.now) == [], "nobody reads the report any more"


def test_more_than_one_look_takes_in(run, moment, monkeypatch) -> None:
    monkeypatch.setattr(returned, "_MOST", 2)
    for invitation in invitations():
        come_back(GONE, invitation, moment)
    assert returned.take_in(run.public_id, now=moment.now) == 2
    assert returned.runs_to_look_at(now=moment.now) == [run.public_id]
    assert returned.take_in(run.public_id, now=moment.now) == 1
    assert numbers(run) == (0, 3)


def test_another_runs_mail_is_not_its_own(run, house, moment) -> None:
    moment.pass_(hours=25)
    second = begin(house, RunKind.INVITE)
    working.work_batch(second.public_id, now=clock.now())
    fresh = invitations()[3:]
    assert len(fresh) == 3
    for invitation in fresh:
        accept_mail(invitation, now=moment.now)
    working.work_batch(second.public_id, now=clock.now())
    come_back(GONE, fresh[0], moment)
    jobs.sweep_runs(moment.now)
    assert (numbers(run), numbers(second)) == ((3, 0), (2, 1))
    assert bulk.open_run(practice_id=house.practice.id) is None
