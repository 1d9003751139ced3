"""What comes in by the set counts as if it had come one by one: an import, the demo, an installation from before."""

from __future__ import annotations

from pathlib import Path

from flask_migrate import downgrade, upgrade

from portal.audit.actor import system
from portal.demo import bulk
from portal.demo import service as demo
from portal.demo.people import SIXTY
from portal.exchange.service import import_patients
from portal.extensions import db
from portal.practices import service as practices
from portal.roster import service as roster
from portal.roster.rules import Pill
from portal.roster.writing import FEW
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
