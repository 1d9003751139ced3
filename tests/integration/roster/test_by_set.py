"""What comes in by the set counts as if it had come one by one: an import, the demo, an installation from before."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from flask_migrate import downgrade, upgrade
from sqlalchemy import select

from portal.audit.actor import system
from portal.demo import bulk
from portal.demo import service as demo
from portal.demo.people import SIXTY
from portal.exchange.service import import_patients
from portal.extensions import db
from portal.practices import service as practices
from portal.roster import service as roster
from portal.roster.models import RosterRow
from portal.roster.rules import Pill
from portal.roster.writing import FEW
from portal.schedule import incoming, lists
from portal.schedule.incoming import Incoming
from portal.schedule.states import AppointmentState as State
from portal.transaction import atomic
from tests.conftest import ROOT
from tests.factories import PASSWORD, make_house, make_invitation, make_patient

HAND = system("Tests")
HEADER = "Id,FIRST,LAST,BIRTHDATE,EMAIL,PHONE,SSN"


def differences(practice_id: int, moment) -> list[str]:
    db.session.rollback()
    return roster.check(practice_id, moment.now)


def bring(house, moment, path: Path, lines: list[str]):
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return import_patients(path, practice=house.practice, by=HAND, now=moment.now)


def test_an_import(app, moment, tmp_path) -> None:
    house = make_house()
    practice_id = house.practice.id
    invited = make_patient(house, record_number="7", email="old@example.com")
    make_invitation(house, invited)
    many = [
        f"{n},Jen,Núñez{n},1980-02-11,jen{n}@example.com,,{'' if n % 2 else f'536-90-{n:04}'}"
        for n in range(1, 2 * FEW)
    ]
    report = bring(house, moment, tmp_path / "p.csv", many)
    assert (report.created, report.updated) == (2 * FEW - 2, 1)
    held = roster.counts(practice_id=practice_id)
    assert held[Pill.ALL] == 2 * FEW - 1
    assert held[Pill.MISSING] == FEW - 1, "who came with neither SSN nor phone; 7 had them before"
    assert differences(practice_id, moment) == []
    few = ["3,Jen,Ávila,1980-02-11,jen3@example.com,(202) 555-0123,"]
    assert bring(house, moment, tmp_path / "few.csv", few).updated == 1
    assert roster.counts(practice_id=practice_id)[Pill.MISSING] == FEW - 2
    assert differences(practice_id, moment) == []


def test_visits(app, moment) -> None:
    """Hundreds of patients whose appointments come in at once, and one by one, count the same."""
    house = make_house()
    practice_id = house.practice.id
    patients = [make_patient(house) for _ in range(FEW + 20)]
    make_invitation(house, patients[0])
    make_invitation(house, patients[1])
    rows = [
        ("a", "2026-11-21T20:00:00Z"),  # the third hour from now
        ("b", "2026-11-21T10:00:00Z"),
        ("c", "2027-02-01T10:00:00Z"),
        ("d", "2026-11-25T10:00:00Z"),
    ]
    with atomic():
        office = lists.offices(practice_id)[0]
        visits = [
            Incoming(
                source_id=f"{letter}{patient.id}",
                patient_id=patient.id,
                office_id=office.id,
                office_told=True,
                provider_id=None,
                starts_at=(at := datetime.fromisoformat(start)),
                day=at.date(),
                minutes=30,
                reason="",
                video_visit=False,
                state=State.COMPLETED if letter == "b" else State.SCHEDULED,
                state_told=True,
            )
            for number, patient in enumerate(patients)
            for letter, start in rows[: number % 5]
        ]
        incoming.put(practice_id, visits, by=HAND, now=moment.now)
    assert differences(practice_id, moment) == []
    by_set = held(practice_id)
    with atomic():
        for number in sorted(number for number, *_ in by_set):
            roster.refresh([number], now=moment.now)
    assert held(practice_id) == by_set
    moment.pass_(hours=4)  # the first has begun: others are the next
    assert roster.catch_up(now=moment.now) > 0
    assert differences(practice_id, moment) == []


def held(practice_id: int) -> list[tuple[object, ...]]:
    db.session.rollback()
    query = select(
        RosterRow.patient_id,
        RosterRow.next_appointment_at,
        RosterRow.last_visit_at,
        RosterRow.changes_at,
    ).where(RosterRow.practice_id == practice_id)
    return sorted(tuple(row) for row in db.session.execute(query))


def test_the_demo_and_an_installation_from_before_the_roster(
    app, database, moment, monkeypatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 150)
    monkeypatch.setattr(demo, "SIXTY", SIXTY[:12])
    made = demo.make(password=PASSWORD, now=moment.now, patients=400)
    practice_id = practices.get_practice(made.practice).id
    before = roster.counts(practice_id=practice_id)
    assert before[Pill.ALL] == 400
    assert all(before[pill] for pill in Pill if pill is not Pill.BOUNCED), before
    assert differences(practice_id, moment) == []

    db.session.remove()
    downgrade(directory=str(ROOT / "migrations"), revision="0001")
    upgrade(directory=str(ROOT / "migrations"))
    roster.catch_up(now=moment.now)
    assert roster.check(practice_id, moment.now) == []
    assert roster.counts(practice_id=practice_id) == before
