"""When a notice goes out: quiet hours, the night of the change, one worker at a time (4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from portal.outreach import jobs, notices, sending
from portal.people.models import Patient
from portal.schedule.models import AppointmentNotice
from tests.factories import House, make_patient
from tests.integration.outreach import diary
from tests.integration.outreach.going_out import (
    send,
    starts,
)


def test_a_mail_that_is_late_never_comes_after_the_appointment(house: House, moment: Any) -> None:
    diary.book(house, make_patient(house), starts(moment, hours=30))
    moment.pass_(days=2)
    assert send() == 2
    assert diary.mails() == []
    assert {reason for _, _, reason in diary.planned()} == {"too_late"}


def test_in_quiet_hours_everything_waits(house: House, moment: Any) -> None:
    moment.now = moment.now.replace(hour=23)  # six in the evening
    diary.book(house, make_patient(house), starts(moment, days=3))
    moment.pass_(hours=3)  # the worker was away, and comes back at nine
    assert send() == 0
    assert diary.mails() == []
    moment.pass_(hours=11)
    assert send() == 1


def test_across_the_night_of_the_change_each_goes_once_at_its_hour(
    house: House, moment: Any
) -> None:
    """New York, 1 November 2026: the hour after one comes twice. Reminders come 24 hours before by the clock."""
    from datetime import UTC, datetime

    moment.now = datetime(2026, 10, 30, 12, 0, tzinfo=UTC)
    diary.switch(house.practice, confirmation_mails=False, quiet_from=0, quiet_until=0)
    first_one = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 1:30 EDT
    second_one = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 1:30 EST
    morning = datetime(2026, 11, 1, 14, 0, tzinfo=UTC)  # 9:00 EST
    for at in (first_one, second_one, morning):
        diary.book(house, make_patient(house), at)
    went: list[str] = []
    while moment.now < morning:
        before = len(diary.mails())
        sending.send_due(within=60)
        went += [moment.now.strftime("%d %H:%M")] * (len(diary.mails()) - before)
        moment.pass_(minutes=30)
    # 1:30 the day before is one moment; nine o'clock stays nine o'clock, which is 25 hours
    assert went == ["31 05:30", "31 05:30", "31 13:00"]


def test_one_at_which_the_program_fails_holds_up_nobody(
    house: House, moment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor, fine = make_patient(house), make_patient(house)
    for patient in (poor, fine):
        diary.book(house, patient, starts(moment))
    real = sending._judge

    def judge(notice: AppointmentNotice, patient: Patient, *, now: Any) -> Any:
        if patient.id == poor.id:
            raise RuntimeError("Jenny Harris")
        return real(notice, patient, now=now)

    monkeypatch.setattr(sending, "_judge", judge)
    assert send() == 2
    assert [m.address for m in diary.mails()] == [fine.email]
    assert ("confirmation", "skipped", "cannot_send") in diary.planned()


def test_one_worker_at_a_time_and_the_next_when_it_dies(house: House, moment: Any) -> None:
    from portal import sweep

    diary.book(house, make_patient(house), starts(moment))
    assert sweep.take_lease(jobs.LEASE, holder="another", now=moment.now)
    jobs.send_due()
    assert diary.mails() == []
    moment.pass_(seconds=31)
    jobs.send_due()
    assert len(diary.mails()) == 1
    assert sweep.take_lease(jobs.LEASE, holder="another", now=moment.now), "it was given back"


def test_without_a_scheduler_the_sweep_does_it(house: House, moment: Any) -> None:
    diary.book(house, make_patient(house), starts(moment))
    jobs.sweep_notices(moment.now)
    assert len(diary.mails()) == 1


def test_how_many_wait(house: House, moment: Any) -> None:
    assert notices.waiting(house.practice.id) == (0, None)
    diary.book(house, make_patient(house), starts(moment, days=3))
    assert notices.waiting(house.practice.id) == (1, starts(moment, days=2))
