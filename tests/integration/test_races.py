"""200 parallel redemptions of one link from 4 processes: exactly one account, or one new password (faults.md, 9).

Once in ``make test``; fifty times in ``make faults``.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from portal import clock
from portal.accounts import reset_passwords, sign_up
from portal.accounts.models import AccountPerson, PendingSignUp, PortalAccount
from portal.accounts.recovery_models import PendingReset
from portal.accounts.sign_up import NewAccount
from portal.audit.actor import Actor, ActorKind
from portal.audit.models import AuditEvent
from portal.audit.service import first_broken_link
from portal.extensions import db
from portal.rows import table_of
from portal.tokens import digest
from portal.transaction import atomic
from tests.conftest import KEY, Database
from tests.factories import PASSWORD, make_house, make_invitation
from tests.forked import Forked
from tests.resets import NEW, make_active, send_reset

PROCESSES, EACH = 4, 50
EVERYBODY = PROCESSES * EACH
RACER = """
import sys
from tests.racer import main
main(*sys.argv[1:], pipe=pipe)
"""
Race = Callable[[list[str]], Counter[str]]


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return 50 if request.config.getoption("--full") else 1


@pytest.fixture
def racers(database: Database, tmp_path: Path) -> Iterator[Callable[[str], Race]]:
    """Starts the processes of a kind of race; what it returns lets them run once."""
    running: list[Forked] = []
    log = tmp_path / "racers.log"

    def start(what: str) -> Race:
        given = [what, database.url, KEY]
        running.extend(Forked.start(RACER, given, log=log) for _ in range(PROCESSES))
        for racer in running:
            assert racer.hear() == "ready"
        return race

    def race(handles: list[str]) -> Counter[str]:
        db.session.rollback()
        start_at = time.time() + 0.2
        for number, racer in enumerate(running):
            racer.pipe.send((start_at, handles[number::PROCESSES]))
        outcomes: Counter[str] = Counter()
        for racer in running:
            outcomes.update(racer.hear())
        assert "locked" not in log.read_text()
        return outcomes

    yield start
    for racer in running:
        racer.kill()
        racer.wait()


def racer_at(handle: str) -> Actor:
    return Actor(ActorKind.LINK, None, "Racer", handle)


def events(name: str) -> int:
    db.session.rollback()
    return (
        db.session.scalar(
            select(func.count()).select_from(AuditEvent).where(AuditEvent.event == name)
        )
        or 0
    )


def many_doors(model: type[PendingSignUp | PendingReset], first: str, others: list[str]) -> None:
    """As many browsers wait at the same link as the first one does, by one statement."""
    row = table_of(model)
    held = (
        db.session.execute(select(row).where(row.c.handle_hash == digest(first))).mappings().one()
    )
    copies = []
    for number, handle in enumerate(others):
        copy = {**held, "handle_hash": digest(handle)}
        del copy["id"]
        if "username" in copy:
            copy["username"] = f"{held['username']}.{number}"
        copies.append(copy)
    with atomic():
        db.session.execute(insert(row), copies)


def test_one_link_makes_one_account(app, racers, rounds) -> None:
    house = make_house()
    practice_id = house.practice.id
    race = racers("sign-up")
    for number in range(rounds):
        invitation = make_invitation(house)
        patient_id = invitation.patient_id
        handles = [f"handle-{number}-{n}" for n in range(EVERYBODY)]
        sign_up.begin(
            invitation=invitation,
            handle=handles[0],
            new=NewAccount("Jenny", invitation.email, f"jenny.{number}", PASSWORD, "en"),
            by=racer_at(handles[0]),
            now=clock.now(),
        )
        many_doors(PendingSignUp, handles[0], handles[1:])
        assert race(handles) == {"passed": 1, "used": EVERYBODY - 1}, f"round {number}"
        links = select(func.count()).where(AccountPerson.patient_id == patient_id)
        assert db.session.scalar(links) == 1, f"round {number}"
    assert db.session.scalar(select(func.count()).select_from(PortalAccount)) == rounds
    assert events("account.created") == rounds
    assert first_broken_link(practice_id) is None


def test_one_reset_changes_one_password(app, racers, rounds) -> None:
    house = make_house()
    practice_id = house.practice.id
    race = racers("reset")
    for number in range(rounds):
        # each from a connection of its own: a connection has a limit (security.md)
        patient = make_active(app, house, username=f"jenny.{number}", at=f"10.0.0.{number + 1}")
        reset = send_reset(house, patient)
        handles = [f"handle-{number}-{n}" for n in range(EVERYBODY)]
        by = racer_at(handles[0])
        reset_passwords.begin(reset=reset, handle=handles[0], password=NEW, by=by, now=clock.now())
        many_doors(PendingReset, handles[0], handles[1:])
        outcomes = race(handles)
        # whoever comes after the winner finds the link used, or what they had typed gone with it
        assert outcomes["passed"] == 1, f"round {number}: {outcomes}"
        assert outcomes["passed"] + outcomes["used"] + outcomes["pending_gone"] == EVERYBODY
    assert events("account.password_changed") == rounds
    assert first_broken_link(practice_id) is None
